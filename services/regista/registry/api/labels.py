"""Routes of aliases and tags. The alias move is the hottest command there is."""

from typing import Annotated
from uuid import UUID

from fastapi.responses import Response
from pydantic import BaseModel, StringConstraints

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.kit.bodies import Rule
from regista.kit.db import Transaction
from regista.kit.web import Body
from regista.registry import service
from regista.registry.api.routing import router
from regista.registry.api.shapes import COLLECTION, VERSION, CollectionShape, VersionShape
from regista.registry.names import Alias, Tag, TagValue, VersionName
from regista.registry.subjects import CollectionPath

VersionNumber = Annotated[str, StringConstraints(pattern=r"^v(0|[1-9][0-9]{0,18})$"), Rule("use a version as v3")]


class AliasTarget(Body):
    """Where an alias is to be.

    `expected_version` is the version that must hold it now, null for none; left out, whoever holds it loses it.
    """

    version: VersionName
    expected_version: VersionNumber | None = None


class AliasAnswer(BaseModel):
    """Where an alias is and was; `event_id` is null where nothing changed."""

    alias: str
    version: str
    previous: str | None
    event_id: UUID | None


class TagBody(Body):
    """The value of a tag, if it has one."""

    value: TagValue | None = None


@router.replace(COLLECTION + "/aliases/{alias}", action=Action.ALIAS_SET, response_model=AliasAnswer)
async def set_alias(call: Call, entity: str, project: str, name: str, alias: Alias, body: AliasTarget) -> Response:
    """Put an alias on a version, from wherever in the collection it was; compare and set with `expected_version`."""
    path = CollectionPath(entity, project, name)
    expected = body.expected_version if "expected_version" in body.model_fields_set else service.UNCHECKED

    async def command(tx: Transaction) -> AliasAnswer:
        move = await service.set_alias(tx, call.actor, path, alias, body.version, expected)
        return AliasAnswer.model_construct(
            alias=move.alias, version=move.version, previous=move.previous, event_id=move.event_id
        )

    return await call.mutate(command)


@router.remove(COLLECTION + "/aliases/{alias}", action=Action.ALIAS_REMOVE, status_code=204)
async def remove_alias(
    call: Call, entity: str, project: str, name: str, alias: Alias, expected_version: VersionNumber | None = None
) -> Response:
    """Take an alias away, with `?expected_version=` only from that version."""
    path = CollectionPath(entity, project, name)
    expected = expected_version if expected_version is not None else service.UNCHECKED

    async def command(tx: Transaction) -> None:
        await service.remove_alias(tx, call.actor, path, alias, expected)

    return await call.mutate(command, status=204)


@router.replace(VERSION + "/tags/{tag}", action=Action.TAG_SET, response_model=VersionShape)
async def set_tag(
    call: Call, entity: str, project: str, name: str, version: str, tag: Tag, body: TagBody | None = None
) -> Response:
    """Tag a version, with a value or without: in a sequence everywhere, in a portfolio there alone."""
    path = CollectionPath(entity, project, name)
    value = body.value if body is not None else None

    async def command(tx: Transaction) -> VersionShape:
        return VersionShape.of(await service.set_tag(tx, call.actor, path, version, tag, value))

    return await call.mutate(command)


@router.remove(VERSION + "/tags/{tag}", action=Action.TAG_REMOVE, status_code=204)
async def remove_tag(call: Call, entity: str, project: str, name: str, version: str, tag: str) -> Response:
    """Take a tag from a version."""
    path = CollectionPath(entity, project, name)
    return await call.mutate(lambda tx: service.remove_tag(tx, call.actor, path, version, tag), status=204)


@router.replace(COLLECTION + "/tags/{tag}", action=Action.TAG_SET, response_model=CollectionShape)
async def set_collection_tag(
    call: Call, entity: str, project: str, name: str, tag: Tag, body: TagBody | None = None
) -> Response:
    """Tag a collection, with a value or without."""
    path = CollectionPath(entity, project, name)
    value = body.value if body is not None else None

    async def command(tx: Transaction) -> CollectionShape:
        return CollectionShape.of(await service.set_collection_tag(tx, call.actor, path, tag, value))

    return await call.mutate(command)


@router.remove(COLLECTION + "/tags/{tag}", action=Action.TAG_REMOVE, status_code=204)
async def remove_collection_tag(call: Call, entity: str, project: str, name: str, tag: str) -> Response:
    """Take a tag from a collection."""
    path = CollectionPath(entity, project, name)
    return await call.mutate(lambda tx: service.remove_collection_tag(tx, call.actor, path, tag), status=204)
