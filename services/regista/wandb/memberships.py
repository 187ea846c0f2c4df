"""``ArtifactCollectionMembership``: versions in collections, found by name, and listed by collection and by artifact."""

from datetime import datetime
from typing import Any

from ariadne import ObjectType

from regista.registry import service
from regista.registry.names import LATEST
from regista.registry.search import NO_FILTERS, Slice, Where, count_versions, search_versions
from regista.registry.service import Member
from regista.registry.subjects import Artifact, Collection, CollectionPath
from regista.tracking.subjects import Project
from regista.wandb import ids
from regista.wandb.artifacts import artifacts, load_artifact
from regista.wandb.exchange import Exchange, Info, exchange_of
from regista.wandb.filters import parse_filter, parse_order
from regista.wandb.loading import Loader, projects
from regista.wandb.nodes import Alias, ArtifactType, Membership
from regista.wandb.paging import connection, page_size, read_cursor, read_position

membership_type = ObjectType("ArtifactCollectionMembership")
artifact_type = ObjectType("Artifact")
project_type = ObjectType("Project")
type_type = ObjectType("ArtifactType")
sequence_type = ObjectType("ArtifactSequence")
portfolio_type = ObjectType("ArtifactPortfolio")

members: Loader[int, list[Member]] = Loader(service.memberships_of)
"""Where artifacts are members, by the artifact's id."""
_BY_VERSION = parse_order("-version_index")


@membership_type.field("id")
def _id(membership: Membership, _info: Info) -> str:
    return ids.encode("ArtifactCollectionMembership", membership.version.membership_id)


@membership_type.field("versionIndex")
def _version_index(membership: Membership, _info: Info) -> int:
    return membership.version.index


@membership_type.field("createdAt")
def _created_at(membership: Membership, _info: Info) -> datetime:
    return membership.version.linked_at


@membership_type.field("aliases")
def _aliases(membership: Membership, _info: Info) -> list[Alias]:
    return [Alias(membership.collection, alias) for alias in membership.version.aliases]


@membership_type.field("artifactCollection")
def _collection(membership: Membership, _info: Info) -> Collection:
    return membership.collection


@membership_type.field("artifact")
async def _artifact(membership: Membership, info: Info) -> Artifact | None:
    return await load_artifact(exchange_of(info), membership.version.artifact_id)


@artifact_type.field("aliases")
async def _aliases_anywhere(artifact: Artifact, info: Info) -> list[Alias]:
    found = await members.get(exchange_of(info), artifact.id)
    return [Alias(collection, alias) for collection, version in found or [] for alias in version.aliases]


@artifact_type.field("artifactMemberships")
async def _memberships(
    artifact: Artifact, info: Info, first: int | None = None, after: str | None = None
) -> dict[str, Any]:
    size, behind = page_size(first, 1000), read_position(after)
    found = [
        Membership(collection, version)
        for collection, version in await members.get(exchange_of(info), artifact.id) or []
        if version.membership_id > behind
    ]
    found.sort(key=lambda each: each.version.membership_id)
    return connection(found[: size + 1], size, lambda each: (each.version.membership_id,))


@project_type.field("artifactCollectionMembership")
async def _membership_by_name(project: Project, info: Info, name: str) -> Membership | None:
    return _membership(await _by_name(project, exchange_of(info), name, fall_back=True))


@project_type.field("artifact")
async def _artifact_by_name(
    project: Project,
    info: Info,
    name: str,
    enable_tracking: bool | None = None,  # noqa: FBT001 - GraphQL's
) -> Artifact | None:
    exchange = exchange_of(info)
    # Who says whether to track wants the artifact, wherever it is. Others ask whether the name is taken in the project.
    found = await _by_name(project, exchange, name, fall_back=enable_tracking is not None)
    return await load_artifact(exchange, found[1].artifact_id) if found is not None else None


@type_type.field("artifact")
async def _artifact_of_type(kind: ArtifactType, info: Info, name: str) -> Artifact | None:
    exchange = exchange_of(info)
    project = await projects.get(exchange, kind.project_id)
    # Asked for files of an artifact that was found before, wherever that was.
    found = await _by_name(project, exchange, name, fall_back=True) if project is not None else None
    if found is None or found[0].type != kind.name:
        return None
    return await load_artifact(exchange, found[1].artifact_id)


@sequence_type.field("artifactMembership")
@portfolio_type.field("artifactMembership")
async def _membership_by_alias(collection: Collection, info: Info, alias_name: str) -> Membership | None:
    return _membership(await _version_of(collection, exchange_of(info), alias_name))


@sequence_type.field("latestArtifact")
async def _latest(collection: Collection, info: Info) -> Artifact | None:
    exchange = exchange_of(info)
    found = await _version_of(collection, exchange, LATEST)
    return await load_artifact(exchange, found[1].artifact_id) if found is not None else None


@sequence_type.field("digestAlgorithm")
def _algorithm(_collection: Collection, _info: Info) -> str:
    return "MANIFEST_MD5"


@sequence_type.field("artifacts")
@portfolio_type.field("artifacts")
async def _versions(
    collection: Collection,
    info: Info,
    first: int | None = None,
    after: str | None = None,
    order: str | None = None,
    filters: Any = None,
) -> dict[str, Any]:
    exchange, size = exchange_of(info), page_size(first)
    where = Where(collection_id=collection.id)
    chosen = NO_FILTERS._replace(version=parse_filter(filters))
    part = Slice(parse_order(order) or _BY_VERSION, _text(read_cursor(after)), size + 1)
    found = await exchange.read(lambda tx: search_versions(tx, exchange.actor, chosen, where, part))
    numbers = [each.thing[1].artifact_id for each in found]
    loaded = await exchange.read(lambda tx: service.artifacts_by_ids(tx, exchange.actor, numbers))
    artifacts.remember(exchange, loaded)
    return connection(
        [each for each in found if each.thing[1].artifact_id in loaded],
        size,
        lambda each: each.cursor,
        lambda each: loaded[each.thing[1].artifact_id],
        total=lambda: exchange.read(lambda tx: count_versions(tx, exchange.actor, chosen, where)),
        version=lambda each: each.thing[1].name,
    )


def _text(cursor: list[str | int | None] | None) -> list[str | None] | None:
    return [str(part) if part is not None else None for part in cursor] if cursor is not None else None


def _membership(found: Member | None) -> Membership | None:
    return Membership(*found) if found is not None else None


async def _by_name(project: Project, exchange: Exchange, name: str, *, fall_back: bool) -> Member | None:
    return await exchange.read(
        lambda tx: service.member_by_name(tx, exchange.actor, project.entity, project.name, name, fall_back=fall_back)
    )


async def _version_of(collection: Collection, exchange: Exchange, version: str) -> Member | None:
    path = CollectionPath(collection.entity, collection.project, collection.name)
    return await exchange.find(lambda tx: service.resolve_version(tx, exchange.actor, path, version))


BINDINGS: tuple[Any, ...] = (
    membership_type,
    artifact_type,
    project_type,
    type_type,
    sequence_type,
    portfolio_type,
)
