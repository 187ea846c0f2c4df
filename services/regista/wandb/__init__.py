"""The edge that the unmodified ``wandb`` client talks to.

It translates: GraphQL, the file stream and the file transfers of the client into the commands and queries that REST
uses, and their answers back. It owns no rule and no table; every mutation goes through a slice's command, in one
transaction with its events. Who reads: `api` (routes) → `engine` (one GraphQL request) → resolvers, named for what they
resolve → slices. A crash leaves what the slices' commands leave, since nothing is kept here.
"""
