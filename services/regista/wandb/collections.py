"""``ArtifactCollection`` and ``ArtifactType``: collections of a project, by type, and what the client changes of them."""

from datetime import datetime
from typing import Any, cast

from ariadne import InterfaceType, ObjectType

from regista.access.actions import Action
from regista.access.verdict import Actor
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError
from regista.registry import search, service
from regista.registry.names import ArtifactType as ArtifactTypeName
from regista.registry.names import CollectionName, Tag
from regista.registry.repository import collections as repository
from regista.registry.subjects import Collection, CollectionPath
from regista.tracking.names import LongText
from regista.tracking.subjects import Project
from regista.wandb import ids, nodes
from regista.wandb.checks import checked
from regista.wandb.exchange import Exchange, Info, exchange_of
from regista.wandb.loading import Loader, projects
from regista.wandb.nodes import ArtifactType
from regista.wandb.paging import connection, page_size, read_cursor
from regista.wandb.roots import Root
from regista.wandb.search import collections_page

KINDS = ("ArtifactCollection", "ArtifactSequence", "ArtifactPortfolio")
"""What ids of collections are called; the server gives the first."""

query = Root("Query")
mutation = Root("Mutation")
project_type = ObjectType("Project")
type_type = ObjectType("ArtifactType")
collection_type = InterfaceType("ArtifactCollection")

types: Loader[int, dict[str, datetime]] = Loader(search.list_types)
"""The types of artifacts in a project, each since when, by the project's id."""


def path_of(collection: Collection) -> CollectionPath:
    """Return what commands find the collection by."""
    return CollectionPath(collection.entity, collection.project, collection.name)


async def find_collection(
    exchange: Exchange, path: CollectionPath, artifact_type: str | None = None
) -> Collection | None:
    """Return a collection that the caller may read, None if there is none, or none of this type."""
    found = await exchange.find(lambda tx: service.collection_by_path(tx, exchange.actor, path))
    return found if found is not None and artifact_type in {None, found.type} else None


@query.names("artifactCollection", action=Action.COLLECTION_READ)
async def _by_id(_root: None, info: Info, id: str) -> Collection | None:  # noqa: A002 - the schema's name
    exchange = exchange_of(info)
    number = ids.decode(id, *KINDS)
    return await exchange.find(lambda tx: service.collection_by_id(tx, exchange.actor, number))


@collection_type.type_resolver
def _kind(collection: Collection, *_: Any) -> str:
    return "ArtifactSequence" if collection.kind == "sequence" else "ArtifactPortfolio"


@collection_type.field("id")
def _id(collection: Collection, _info: Info) -> str:
    return ids.encode(KINDS[0], collection.id)


@collection_type.field("project")
async def _project(collection: Collection, info: Info) -> Project | None:
    return await projects.get(exchange_of(info), collection.project_id)


@collection_type.field("defaultArtifactType")
def _type(collection: Collection, _info: Info) -> ArtifactType:
    return ArtifactType.of(collection)


@collection_type.field("state")
def _state(collection: Collection, _info: Info) -> str:
    return "DELETED" if isinstance(collection, nodes.DeletedCollection) else "READY"


@collection_type.field("tags")
def _tags(collection: Collection, _info: Info) -> dict[str, Any]:
    return {"edges": [{"node": nodes.Tag(name)} for name in collection.tags]}


@collection_type.field("aliases")
async def _aliases(
    collection: Collection, info: Info, after: str | None = None, first: int | None = None
) -> dict[str, Any]:
    size = page_size(first, 1000)
    position = read_cursor(after) or [""]
    names = await exchange_of(info).read(lambda tx: repository.aliases(tx, collection.id, str(position[0]), size + 1))
    return connection(names, size, lambda name: (name,), lambda name: nodes.Alias(collection, name))


@project_type.field("artifactTypes")
async def _types(
    project: Project,
    info: Info,
    after: str | None = None,
    first: int | None = None,
    include_all: bool | None = None,  # noqa: FBT001 - the schema's argument; the list is whole without it
) -> dict[str, Any]:
    del include_all
    size = page_size(first, 1000)
    exchange = exchange_of(info)
    since = await types.get(exchange, project.id) or {}
    position = str((read_cursor(after) or [""])[0])
    found = [ArtifactType(project.id, name, moment) for name, moment in since.items() if name > position]
    return connection(found[: size + 1], size, lambda each: (each.name,))


@project_type.field("artifactType")
async def _one_type(project: Project, info: Info, name: str) -> ArtifactType | None:
    since = await types.get(exchange_of(info), project.id) or {}
    return ArtifactType(project.id, name, since[name]) if name in since else None


@project_type.field("artifactCollection")
async def _of_project(project: Project, info: Info, name: str) -> Collection | None:
    return await find_collection(exchange_of(info), CollectionPath(project.entity, project.name, name))


@project_type.field("artifactCollections")
async def _all_of_project(project: Project, info: Info, **asked: Any) -> dict[str, Any]:
    return await collections_page(exchange_of(info), search.Where(project_id=project.id), None, **asked)


@type_type.field("artifactCollections")
async def _all_of_type(kind: ArtifactType, info: Info, **asked: Any) -> dict[str, Any]:
    where = search.Where(project_id=kind.project_id, type=kind.name)
    return await collections_page(exchange_of(info), where, None, **asked)


@type_type.field("artifactCollection")
async def _of_type(kind: ArtifactType, info: Info, name: str) -> Collection | None:
    exchange = exchange_of(info)
    project = await projects.get(exchange, kind.project_id)
    if project is None:
        return None
    return await find_collection(exchange, CollectionPath(project.entity, project.name, name), kind.name)


@type_type.field("artifactSequence")
async def _sequence_of_type(kind: ArtifactType, info: Info, name: str) -> Collection | None:
    found = await _of_type(kind, info, name)
    return found if found is not None and found.kind == "sequence" else None


@mutation.names("updateArtifactSequence", action=Action.COLLECTION_WRITE)
@mutation.names("updateArtifactPortfolio", action=Action.COLLECTION_WRITE)
async def _update(_root: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's name
    fields: dict[str, Any] = {}
    if input.get("name") is not None:
        fields["name"] = checked(CollectionName, input["name"], "name")
    if "description" in input:
        fields["description"] = checked(LongText | None, input["description"], "description")
    exchange = exchange_of(info)

    async def command(tx: Transaction) -> Collection:
        path = path_of(await _named(tx, exchange.actor, input))
        return await service.update_collection(tx, exchange.actor, path, fields)

    return {"artifact_collection": await exchange.change(command)}


@mutation.names("moveArtifactSequence", action=Action.COLLECTION_WRITE)
async def _change_type(_root: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's name
    wanted = checked(ArtifactTypeName, input["destination_artifact_type_name"], "destinationArtifactTypeName")
    exchange = exchange_of(info)

    async def command(tx: Transaction) -> Collection:
        path = path_of(await _named(tx, exchange.actor, input))
        return await service.change_type(tx, exchange.actor, path, wanted)

    return {"artifact_collection": await exchange.change(command)}


@mutation.names("deleteArtifactSequence", action=Action.COLLECTION_WRITE)
@mutation.names("deleteArtifactPortfolio", action=Action.COLLECTION_WRITE)
async def _delete(_root: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's name
    exchange = exchange_of(info)

    async def command(tx: Transaction) -> Collection:
        collection = await _named(tx, exchange.actor, input)
        await service.delete_collection(tx, exchange.actor, path_of(collection))
        return collection

    return {"artifact_collection": nodes.DeletedCollection.of_living(await exchange.change(command))}


@mutation.names("createArtifactCollectionTagAssignments", action=Action.TAG_SET)
async def _add_tags(_root: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's name
    tags = [checked(Tag, each["tag_name"], "tagName") for each in input["tags"]]
    exchange = exchange_of(info)
    path = _path(input)

    async def command(tx: Transaction) -> None:
        for tag in tags:
            await service.set_collection_tag(tx, exchange.actor, path, tag, None)

    await exchange.change(command)
    return {"tags": [nodes.Tag(tag) for tag in tags]}


@mutation.names("deleteArtifactCollectionTagAssignments", action=Action.TAG_REMOVE)
async def _remove_tags(_root: None, info: Info, input: dict[str, Any]) -> dict[str, bool]:  # noqa: A002 - the schema's name
    exchange = exchange_of(info)
    path = _path(input)

    async def command(tx: Transaction) -> None:
        for each in input["tags"]:
            await service.remove_collection_tag(tx, exchange.actor, path, each["tag_name"])

    await exchange.change(command)
    return {"success": True}


async def _named(tx: Transaction, actor: Actor, given: dict[str, Any]) -> Collection:
    """Return the sequence or portfolio that a mutation's input names."""
    field, kind = (
        ("artifact_sequence_id", "sequence")
        if "artifact_sequence_id" in given
        else ("artifact_portfolio_id", "portfolio")
    )
    collection = await service.collection_by_id(tx, actor, ids.decode(given[field], *KINDS))
    if collection.kind != kind:
        raise NotFoundError(f"{collection.path} is no {kind}")
    return collection


def _path(given: dict[str, Any]) -> CollectionPath:
    return CollectionPath(
        *(cast("str", given[name]) for name in ("entity_name", "project_name", "artifact_collection_name"))
    )


BINDINGS = (query, mutation, project_type, type_type, collection_type)
