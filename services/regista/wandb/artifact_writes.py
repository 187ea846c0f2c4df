"""Mutations of artifacts: announced, changed, aliased, linked, used, deleted; each is a command of the registry."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from regista.access.actions import Action
from regista.access.verdict import Actor
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError, NotFoundError
from regista.registry import service
from regista.registry.names import LATEST, ArtifactType, CollectionName, Metadata, Tag, checked_aliases
from regista.registry.service import Linked, NewArtifact
from regista.registry.subjects import Artifact, Collection, CollectionPath, Version
from regista.tracking.names import REGISTRY_PREFIX, LongText, ProjectName
from regista.wandb import ids
from regista.wandb.artifacts import load_artifact
from regista.wandb.checks import checked
from regista.wandb.exchange import Info, exchange_of
from regista.wandb.nodes import Membership
from regista.wandb.roots import Root

mutation = Root("Mutation")

ClientId = Annotated[str, Field(min_length=1, max_length=128)]
Digest = Annotated[str, Field(min_length=1, max_length=128)]
DistributedId = Annotated[str, Field(min_length=1, max_length=512)]
UsedAs = Annotated[str, Field(max_length=1024)]
_NOT_SET = {None, 0, -1, -2}
"""What stands for no time to live: left out, inherited from the team, which has none, and disabled."""
_LONGEST_TTL = 2**53
_MOST = 100
"""Aliases or tags that come in one request, as over REST."""
_INDEX = re.compile(r"v\d+\Z", re.ASCII)

Input = dict[str, Any]


@mutation.names("createArtifact", action=Action.ARTIFACT_CREATE)
async def _create(_root: None, info: Info, input: Input) -> dict[str, Any]:  # noqa: A002 - GraphQL's
    exchange = exchange_of(info)
    new = _new_artifact(input)
    announced = await exchange.change(lambda tx: service.create_artifact(tx, exchange.actor, new))
    return {"artifact": await load_artifact(exchange, announced.artifact_id)}


def _new_artifact(given: Input) -> NewArtifact:
    names = given.get("artifact_collection_names") or [given.get("artifact_collection_name")]
    if len(names) != 1 or names[0] is None:
        raise InvalidError("an artifact is logged to one collection; name it", field="artifactCollectionName")
    return NewArtifact(
        path=CollectionPath(
            given["entity_name"],
            checked(ProjectName, given["project_name"], "project"),
            checked(CollectionName, names[0], "artifact name"),
        ),
        type=checked(ArtifactType, given["artifact_type_name"], "artifact type"),
        entries=None,
        digest=checked(Digest, given["digest"], "digest"),
        metadata=_metadata(given.get("metadata")),
        description=_optional(LongText, given.get("description"), "description"),
        ttl_seconds=_ttl(given.get("ttl_duration_seconds")),
        aliases=_few([alias["alias"] for alias in given.get("aliases") or ()], "aliases"),
        tags=dict.fromkeys(_tags(given.get("tags"))),
        run=given.get("run_name") or None,
        client_id=_optional(ClientId, given.get("client_id"), "clientID"),
        sequence_client_id=_optional(ClientId, given.get("sequence_client_id"), "sequenceClientID"),
        history_step=given.get("history_step"),
        distributed_id=_optional(DistributedId, given.get("distributed_id"), "distributedID"),
    )


@mutation.names("updateArtifact", action=Action.ARTIFACT_UPDATE)
async def _update(_root: None, info: Info, input: Input) -> dict[str, Any]:  # noqa: A002 - GraphQL's
    exchange, number = exchange_of(info), ids.decode(input["artifact_id"], "Artifact")
    fields: dict[str, Any] = {}
    if "description" in input:
        fields["description"] = _optional(LongText, input["description"], "description")
    if input.get("metadata") is not None:
        fields["metadata"] = _metadata(input["metadata"])
    if input.get("ttl_duration_seconds") is not None:
        fields["ttl_seconds"] = _ttl(input["ttl_duration_seconds"])
    added, removed = _tags(input.get("tags_to_add")), _tags(input.get("tags_to_delete"))

    async def command(tx: Transaction) -> None:
        collection, version = await _own(tx, exchange.actor, number)
        path = _path(collection)
        await service.update_version(tx, exchange.actor, path, version.name, fields)
        for tag in added:
            await service.set_tag(tx, exchange.actor, path, version.name, tag)
        for tag in removed:
            if tag in version.tags:
                await service.remove_tag(tx, exchange.actor, path, version.name, tag)

    await exchange.change(command)
    return {"artifact": await load_artifact(exchange, number)}


@mutation.names("deleteArtifact", action=Action.ARTIFACT_DELETE)
async def _delete(_root: None, info: Info, input: Input) -> dict[str, Any]:  # noqa: A002 - GraphQL's
    exchange, number = exchange_of(info), ids.decode(input["artifact_id"], "Artifact")
    gone = await load_artifact(exchange, number)

    async def command(tx: Transaction) -> None:
        collection, version = await _own(tx, exchange.actor, number)
        await service.delete_version(
            tx, exchange.actor, _path(collection), version.name, delete_aliases=bool(input.get("delete_aliases"))
        )

    await exchange.change(command)
    return {"artifact": gone}


@mutation.names("addAliases", action=Action.ALIAS_SET)
async def _add_aliases(_root: None, info: Info, input: Input) -> dict[str, bool]:  # noqa: A002 - GraphQL's
    exchange, number = exchange_of(info), ids.decode(input["artifact_id"], "Artifact")

    async def command(tx: Transaction) -> None:
        for path, alias in _aliases(input["aliases"]):
            collection, version = await service.member_in(tx, exchange.actor, number, path)
            for name in checked_aliases([alias]):
                await service.set_alias(tx, exchange.actor, _path(collection), name, version.name)

    await exchange.change(command)
    return {"success": True}


@mutation.names("deleteAliases", action=Action.ALIAS_REMOVE)
async def _delete_aliases(_root: None, info: Info, input: Input) -> dict[str, bool]:  # noqa: A002 - GraphQL's
    exchange, number = exchange_of(info), ids.decode(input["artifact_id"], "Artifact")

    async def command(tx: Transaction) -> None:
        for path, alias in _aliases(input["aliases"]):
            collection, version = await service.member_in(tx, exchange.actor, number, path)
            # What the server keeps by itself stays; an alias that has moved on meanwhile is another version's.
            if alias != LATEST and not _INDEX.match(alias) and alias in version.aliases:
                await service.remove_alias(tx, exchange.actor, _path(collection), alias, version.name)

    await exchange.change(command)
    return {"success": True}


@mutation.names("linkArtifact", action=Action.ARTIFACT_LINK)
async def _link(_root: None, info: Info, input: Input) -> dict[str, Any]:  # noqa: A002 - GraphQL's
    exchange = exchange_of(info)
    aliases = _few([alias["alias"] for alias in input.get("aliases") or ()], "aliases")

    async def command(tx: Transaction) -> Linked:
        number = await _linked_artifact(tx, exchange.actor, input)
        collection, version = await service.member_to(tx, exchange.actor, number, Action.ARTIFACT_READ)
        target = await _target(tx, exchange.actor, input)
        source = f"{collection.path}:{version.name}"
        try:
            return await service.link(tx, exchange.actor, source, target, aliases)
        except NotFoundError as error:
            raise _unlinkable(error, target) from error

    linked = await exchange.change(command)
    return {
        "version_index": linked.version.index,
        "artifact_membership": Membership(linked.collection, linked.version),
    }


@mutation.names("unlinkArtifact", action=Action.ARTIFACT_UNLINK)
async def _unlink(_root: None, info: Info, input: Input) -> dict[str, Any]:  # noqa: A002 - GraphQL's
    exchange, number = exchange_of(info), ids.decode(input["artifact_id"], "Artifact")
    portfolio = ids.decode(input["artifact_portfolio_id"], "ArtifactCollection", "ArtifactPortfolio")

    async def command(tx: Transaction) -> None:
        place = await service.collection_by_id(tx, exchange.actor, portfolio)
        collection, version = await service.member_in(tx, exchange.actor, number, _path(place))
        await service.unlink(tx, exchange.actor, _path(collection), version.name)

    await exchange.change(command)
    return {"success": True, "artifact_id": input["artifact_id"]}


@mutation.names("useArtifact", action=Action.ARTIFACT_DOWNLOAD)
async def _use(_root: None, info: Info, input: Input) -> dict[str, Any]:  # noqa: A002 - GraphQL's
    exchange, number = exchange_of(info), ids.decode(input["artifact_id"], "Artifact")
    run = f"{input['entity_name']}/{input['project_name']}/runs/{input['run_name']}"
    client = exchange.call.context.client_version or exchange.call.context.user_agent
    within = (input.get("artifact_entity_name") or "", input.get("artifact_project_name") or "")
    used_as = _optional(UsedAs, input.get("used_as"), "usedAs")

    async def command(tx: Transaction) -> None:
        collection, version = await service.member_to(tx, exchange.actor, number, Action.ARTIFACT_DOWNLOAD, within)
        await service.use_version(tx, exchange.actor, _path(collection), version.name, run, client, used_as)

    await exchange.change(command)
    return {"artifact": await load_artifact(exchange, number)}


async def _own(transaction: Transaction, actor: Actor, number: int) -> tuple[Collection, Version]:
    """Return an artifact as the version that it is in its own collection. Raises `NotFoundError`."""
    found: Artifact | None = (await service.artifacts_by_ids(transaction, actor, [number])).get(number)
    if found is None or found.version is None:
        raise NotFoundError(f"artifact {number} is no version, or you may not see it")
    return found.collection, found.version


async def _linked_artifact(transaction: Transaction, actor: Actor, given: Input) -> int:
    if given.get("artifact_id"):
        return ids.decode(given["artifact_id"], "Artifact")
    client_id = given.get("client_id")
    found = await service.artifact_of_client(transaction, actor, client_id) if client_id else None
    if found is None:
        raise NotFoundError("the artifact to link is not logged yet; wait for it, then link it")
    return found


async def _target(transaction: Transaction, actor: Actor, given: Input) -> CollectionPath:
    portfolio = given.get("artifact_portfolio_id")
    if portfolio:
        number = ids.decode(portfolio, "ArtifactCollection", "ArtifactPortfolio")
        return _path(await service.collection_by_id(transaction, actor, number))
    if not given.get("artifact_portfolio_name") or not given.get("entity_name") or not given.get("project_name"):
        raise InvalidError("a link needs a target: entity, project and collection", field="artifactPortfolioName")
    return CollectionPath(
        given["entity_name"],
        checked(ProjectName, given["project_name"], "project"),
        checked(CollectionName, given["artifact_portfolio_name"], "collection"),
    )


def _unlinkable(error: NotFoundError, target: CollectionPath) -> NotFoundError:
    """Return the error of a link, with the way out where its target is in a registry: those are made by hand."""
    if not target.project.startswith(REGISTRY_PREFIX):
        return error
    name = target.project.removeprefix(REGISTRY_PREFIX)
    return NotFoundError(
        f'{error.message}; an admin makes it with wandb.Api().create_registry("{name}", visibility="organization")'
    )


def _path(collection: Collection) -> CollectionPath:
    return CollectionPath(collection.entity, collection.project, collection.name)


def _aliases(given: Sequence[Input]) -> list[tuple[CollectionPath, str]]:
    _few([each["alias"] for each in given], "aliases")
    return [
        (
            CollectionPath(each["entity_name"], each["project_name"], each["artifact_collection_name"]),
            each["alias"],
        )
        for each in given
    ]


def _tags(given: Sequence[Input] | None) -> list[str]:
    return _few([checked(Tag, each["tag_name"], "tag") for each in given or ()], "tags")


def _few(given: list[str], what: str) -> list[str]:
    if len(given) > _MOST:
        raise InvalidError(f"{len(given)} {what} at once are too many; give {_MOST} at most", field=what)
    return given


def _metadata(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidError("an artifact's metadata is a JSON object", field="metadata")
    return checked(Metadata, given, "metadata")


def _optional(kind: Any, value: Any, what: str) -> Any:
    return checked(kind, value, what) if value is not None else None


def _ttl(given: int | None) -> int | None:
    if given in _NOT_SET:
        return None
    if given is None or not 0 < given < _LONGEST_TTL:
        raise InvalidError(f"a time to live of {given} seconds is none; give a positive number", field="ttl")
    return given


BINDINGS: tuple[Any, ...] = (mutation,)
