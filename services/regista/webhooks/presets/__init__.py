"""Presets: an endpoint and a payload filled in for a service that people already have.

A preset stores nothing. It takes parameters and answers with the bodies of the requests that make the secrets, the
webhook and the automation's action; whoever asked looks at them, changes them, and sends them.
"""
