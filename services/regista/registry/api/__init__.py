"""Collections, versions, aliases, tags, lineage and uploads over REST."""

from regista.kit.web import PROBLEMS, ActionRouter
from regista.registry.api import artifacts, blobs, collections, labels, versions

router = ActionRouter(responses=PROBLEMS)
for _part in (collections, labels, versions, artifacts, blobs):
    router.include_router(_part.router)

__all__ = ["router"]
