"""Routes of collections."""

from typing import Literal

from fastapi.responses import Response

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.kit.db import Transaction
from regista.kit.web import Body, Cursor, Limit, Page, page
from regista.kit.web.pages import decode
from regista.registry import service
from regista.registry.api.routing import router
from regista.registry.api.shapes import COLLECTION, COLLECTIONS, CollectionShape
from regista.registry.names import ArtifactType, CollectionName
from regista.registry.subjects import CollectionPath
from regista.tracking.names import LongText, ProjectName

Kind = Literal["sequence", "portfolio"]


class NewCollection(Body):
    """A collection of artifacts of one type: `portfolio` to link versions into, `sequence` to log them to."""

    name: CollectionName
    type: ArtifactType
    kind: Kind = "portfolio"
    description: LongText | None = None


class CollectionChange(Body):
    """What is to change of a collection; what is left out stays."""

    name: CollectionName = ""
    description: LongText | None = None
    visibility: Literal["entity", "organization"] = "entity"


@router.read(COLLECTIONS, action=Action.COLLECTION_READ, response_model=Page[CollectionShape])
async def list_collections(
    call: Call,
    entity: str,
    project: str,
    limit: Limit = 50,
    cursor: Cursor = None,
    kind: Kind | None = None,
) -> Page[CollectionShape]:
    """List the collections of a project, oldest first."""
    key = decode(cursor, int)
    after: int = key[0] if key is not None else 0
    rows = await call.read(lambda tx: service.list_collections(tx, call.actor, entity, project, after, limit + 1, kind))
    return page(rows, limit, lambda collection: (collection.id,), CollectionShape.of)


@router.create(COLLECTIONS, action=Action.COLLECTION_WRITE, response_model=CollectionShape, status_code=201)
async def create_collection(call: Call, entity: str, project: ProjectName, body: NewCollection) -> Response:
    """Make a collection, and its project if that is absent."""
    wanted = service.Wanted(CollectionPath(entity, project, body.name), body.kind, body.type, body.description)

    async def command(tx: Transaction) -> CollectionShape:
        return CollectionShape.of(await service.create_collection(tx, call.actor, wanted))

    return await call.mutate(command, status=201)


@router.read(COLLECTION, action=Action.COLLECTION_READ, response_model=CollectionShape)
async def read_collection(call: Call, entity: str, project: str, name: str) -> CollectionShape:
    """Read a collection."""
    path = CollectionPath(entity, project, name)
    return CollectionShape.of(await call.read(lambda tx: service.collection_by_path(tx, call.actor, path)))


@router.change(COLLECTION, action=Action.COLLECTION_WRITE, response_model=CollectionShape)
async def update_collection(call: Call, entity: str, project: str, name: str, body: CollectionChange) -> Response:
    """Change a collection; renaming it changes the path of its versions."""
    fields = body.model_dump(exclude_unset=True)

    async def command(tx: Transaction) -> CollectionShape:
        path = CollectionPath(entity, project, name)
        return CollectionShape.of(await service.update_collection(tx, call.actor, path, fields))

    return await call.mutate(command)


@router.remove(COLLECTION, action=Action.COLLECTION_WRITE, status_code=204)
async def delete_collection(call: Call, entity: str, project: str, name: str) -> Response:
    """Delete a collection; with a sequence its versions go, and it is refused while one is linked elsewhere."""
    path = CollectionPath(entity, project, name)
    return await call.mutate(lambda tx: service.delete_collection(tx, call.actor, path), status=204)
