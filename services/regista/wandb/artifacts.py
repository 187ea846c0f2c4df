"""``Artifact``, and how one is found by id or by what a client calls it."""

from datetime import datetime
from typing import Any

from ariadne import ObjectType

from regista.access.actions import Action
from regista.registry import service
from regista.registry.subjects import Artifact, Collection
from regista.wandb import ids
from regista.wandb.exchange import Exchange, Info, exchange_of
from regista.wandb.loading import Loader
from regista.wandb.nodes import ArtifactType, Tag
from regista.wandb.roots import Root

query = Root("Query")
artifact_type = ObjectType("Artifact")

NO_TTL = -2
"""``ttlDurationSeconds`` of an artifact that does not expire. -1, inherited, is the same here: teams have no default."""

artifacts: Loader[int, Artifact] = Loader(service.artifacts_by_ids)
"""Artifacts by id, as far as the caller may see them."""


async def load_artifact(exchange: Exchange, number: int) -> Artifact | None:
    """Return an artifact that the caller may see and that was not deleted."""
    found = await artifacts.get(exchange, number)
    return found if found is not None and found.state != "deleted" else None


@query.names("artifact", action=Action.ARTIFACT_READ)
async def _artifact(_root: None, info: Info, id: str) -> Artifact | None:  # noqa: A002 - the client's name
    return await load_artifact(exchange_of(info), ids.decode(id, "Artifact"))


@query.names("clientIDMapping", action=Action.ARTIFACT_READ)
async def _client_id(_root: None, info: Info, client_id: str) -> dict[str, str] | None:
    exchange = exchange_of(info)
    number = await exchange.read(lambda tx: service.artifact_of_client(tx, exchange.actor, client_id))
    return {"server_id": ids.encode("Artifact", number)} if number is not None else None


@artifact_type.field("id")
def _id(artifact: Artifact, _info: Info) -> str:
    return ids.encode("Artifact", artifact.id)


@artifact_type.field("artifactSequence")
def _sequence(artifact: Artifact, _info: Info) -> Collection:
    return artifact.collection


@artifact_type.field("artifactType")
def _type(artifact: Artifact, _info: Info) -> ArtifactType:
    return ArtifactType.of(artifact.collection)


@artifact_type.field("versionIndex")
def _version_index(artifact: Artifact, _info: Info) -> int | None:
    return artifact.version.index if artifact.version is not None else None


@artifact_type.field("state")
def _state(artifact: Artifact, _info: Info) -> str:
    return artifact.state.upper()


@artifact_type.field("ttlDurationSeconds")
def _ttl(artifact: Artifact, _info: Info) -> int:
    return artifact.ttl_seconds if artifact.ttl_seconds is not None else NO_TTL


@artifact_type.field("ttlIsInherited")
def _ttl_is_inherited(artifact: Artifact, _info: Info) -> bool:
    return artifact.ttl_seconds is None


@artifact_type.field("tags")
def _tags(artifact: Artifact, _info: Info) -> list[Tag]:
    return [Tag(name) for name in artifact.tags]


@artifact_type.field("digestAlgorithm")
def _algorithm(_artifact: Artifact, _info: Info) -> str:
    return "MANIFEST_MD5"


@artifact_type.field("commitHash")
def _commit_hash(artifact: Artifact, _info: Info) -> str:
    return artifact.digest


@artifact_type.field("updatedAt")
def _updated_at(artifact: Artifact, _info: Info) -> datetime:
    return artifact.updated_at


BINDINGS: tuple[Any, ...] = (query, artifact_type)
