"""Collections, versions, aliases, tags, lineage and uploads over REST."""

from regista.registry.api import labels  # isort: skip - routes are tried in the order of these imports
from regista.registry.api import artifacts, blobs, collections, registries, versions
from regista.registry.api.routing import router

__all__ = ["artifacts", "blobs", "collections", "labels", "registries", "router", "versions"]
