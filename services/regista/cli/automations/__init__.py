"""``regista automations``: definitions as files, planned, applied and exported over REST.

A file holds YAML documents, one automation each, with the fields of ``POST /automations``. An automation is known by its
scope and name: what a file says under them is what the server is to have, and a second apply changes nothing.
"""
