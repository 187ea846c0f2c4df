"""Versions come in: announced here, filled by what arrives (see `arrivals`), and committed (see `commits`).

Who writes: `create_artifact` a pending artifact, with its files or with manifests that are uploaded as files later. A
crash after it leaves the pending artifact, which nothing shows and a sweep deletes; the same calls repeated converge,
since content is stored by what it is.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import asyncpg

from regista.access.actions import Action
from regista.access.verdict import Actor, authorize, decide
from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.kit.errors import ConflictError, InvalidError, NotFoundError
from regista.kit.outbox import append
from regista.registry.adoption import adopt, own_version
from regista.registry.aliases import authorize_aliases
from regista.registry.containers import Wanted, ensure_collection, lock_ensured
from regista.registry.digest import manifest_digest
from regista.registry.finding import missing_artifact
from regista.registry.names import checked_aliases
from regista.registry.repository import artifacts, collections, lineage, manifests
from regista.registry.repository.artifacts import ArtifactRow, NewRow
from regista.registry.subjects import Collection, CollectionPath, Entry, Tags, Version
from regista.tracking.repository import run_by_name


class NewArtifact(NamedTuple):
    """What a client announces. ``run`` is the id of a run of the same project; sizes are in bytes.

    ``entries`` None means that manifests are uploaded as files; ``digest`` then says what they will amount to. Runs
    that give the same ``distributed_id`` fill one version.
    """

    path: CollectionPath
    type: str
    entries: Sequence[Entry] | None
    digest: str | None = None
    metadata: dict[str, Any] = {}  # noqa: RUF012 - never changed
    description: str | None = None
    ttl_seconds: int | None = None
    aliases: Sequence[str] = ()
    tags: Tags = {}  # noqa: RUF012 - never changed
    run: str | None = None
    client_id: str | None = None
    sequence_client_id: str | None = None
    history_step: int | None = None
    distributed_id: str | None = None


class Announced(NamedTuple):
    """An artifact; ``version`` where its content is a version already, ``missing`` the files that have to be uploaded."""

    artifact_id: int
    collection: Collection
    version: Version | None
    missing: list[Entry]


async def create_artifact(transaction: Transaction, actor: Actor, new: NewArtifact) -> Announced:
    """Announce a version of a sequence, which is made, with its project, if it is absent.

    Content that is a version of the sequence already makes no new one: aliases and tags are set on that. Announced
    again under the same client id, the same artifact is returned. Raises `InvalidError` for a digest that is not the
    manifest's, `NotFoundError` for a run, `KindMismatchError`, `TypeMismatchError`, `ConflictError`.
    """
    aliases = checked_aliases(new.aliases)
    digest = _digest(new)
    ensured = await ensure_collection(
        transaction, actor, Wanted(new.path, "sequence", new.type), Action.ARTIFACT_CREATE
    )
    locked, collection = await lock_ensured(transaction, actor, ensured)
    await authorize_aliases(transaction, actor, collection, aliases)
    aggregate = locked[collection.aggregate_id]
    if new.sequence_client_id is not None:
        await collections.add_client(transaction, actor.organization_id, new.sequence_client_id, collection.id)
    run_id = await _run_id(transaction, collection, new.run)
    drafts = list(ensured.drafts)
    known = await _known(transaction, actor, collection, new, digest)
    if known is not None and known.state == "committed":
        version, more = await adopt(transaction, aggregate, collection, known, aliases, new.tags, run_id)
        await append(transaction, [*drafts, *more])
        return Announced(known.id, collection, version, [])
    await append(transaction, drafts)
    if known is not None:
        if new.distributed_id is not None:
            await _join(transaction, known, new, aliases, run_id)
        await manifests.link_blobs(transaction, known.id)
        return Announced(known.id, collection, None, await manifests.missing(transaction, known.id, None))
    number = await _add(transaction, actor, aggregate, collection, new, digest, aliases, run_id)
    return Announced(number, collection, None, await manifests.missing(transaction, number, None))


async def read_artifact(transaction: Transaction, actor: Actor, artifact_id: int) -> Announced:
    """Return an announced or committed artifact, with the files that still have to be uploaded. Raises `NotFoundError`."""
    artifact, collection = await find_announced(transaction, actor, artifact_id, Action.ARTIFACT_READ)
    if artifact.state == "committed":
        return Announced(artifact_id, collection, await own_version(transaction, collection, artifact_id), [])
    return Announced(artifact_id, collection, None, await manifests.absent(transaction, artifact_id))


async def find_announced(
    transaction: Transaction, actor: Actor, artifact_id: int, action: Action
) -> tuple[ArtifactRow, Collection]:
    """Return an artifact, pending or committed, that the actor may do ``action`` to.

    Raises `NotFoundError`, `AccessDeniedError`.
    """
    artifact = await artifacts.by_id(transaction, actor.organization_id, artifact_id)
    collection = (
        await collections.by_id(transaction, actor.organization_id, artifact.collection_id) if artifact else None
    )
    if artifact is None or collection is None or artifact.state == "deleted":
        raise missing_artifact(artifact_id)
    # Who asks by number must not learn the name of a collection that it may not see.
    if not decide(actor, action, collection.resource()).visible:
        raise missing_artifact(artifact_id)
    authorize(actor, action, collection.resource())
    return artifact, collection


async def _add(
    transaction: Transaction,
    actor: Actor,
    aggregate: Aggregate,
    collection: Collection,
    new: NewArtifact,
    digest: str,
    aliases: list[str],
    run_id: int | None,
) -> int:
    entries = new.entries or ()
    row = NewRow(
        organization_id=actor.organization_id,
        collection_id=collection.id,
        digest=digest,
        size=sum(entry.size for entry in entries),
        file_count=len(entries),
        metadata=new.metadata,
        description=new.description,
        ttl_seconds=new.ttl_seconds,
        run_id=run_id,
        history_step=new.history_step,
        distributed_id=new.distributed_id,
        aliases=aliases,
        account_id=actor.id,
        now=aggregate.now,
    )
    try:
        number = await artifacts.add(transaction, row)
    except asyncpg.ForeignKeyViolationError as error:
        raise asyncpg.SerializationError("the run was deleted while it announced an artifact") from error
    await _name(transaction, actor, new, number)
    await manifests.add_entries(transaction, actor.organization_id, collection.id, number, entries)
    await artifacts.add_tags(transaction, number, dict(new.tags))
    return number


async def _name(transaction: Transaction, actor: Actor, new: NewArtifact, artifact: int) -> None:
    if new.client_id is None:
        return
    try:
        await artifacts.add_client(transaction, actor.organization_id, new.client_id, artifact)
    except asyncpg.UniqueViolationError as error:
        raise asyncpg.SerializationError("the client announces the artifact twice at once") from error


async def _join(
    transaction: Transaction, known: ArtifactRow, new: NewArtifact, aliases: Sequence[str], run_id: int | None
) -> None:
    """Take what another run brings to a version that several fill; it has logged it too."""
    merged = list(dict.fromkeys([*known.aliases, *aliases]))
    await artifacts.amend(transaction, known.id, merged, new.metadata, new.description)
    await artifacts.add_tags(transaction, known.id, dict(new.tags))
    if run_id is not None and run_id != known.run_id:
        await lineage.add(transaction, known.organization_id, known.id, run_id, "output")


def _digest(new: NewArtifact) -> str:
    if new.entries is None:
        if not new.digest:
            raise InvalidError("an artifact whose manifest is still to come has a digest", field="digest")
        return new.digest
    own = manifest_digest((entry.path, entry.digest) for entry in new.entries)
    if new.digest is not None and new.digest != own:
        raise InvalidError(
            f"digest {new.digest!r} is not that of the manifest, {own}; leave it out to have it computed",
            field="digest",
        )
    return own


async def _run_id(transaction: Transaction, collection: Collection, run: str | None) -> int | None:
    if run is None:
        return None
    found = await run_by_name(transaction, collection.project_id, run)
    if found is None:
        raise NotFoundError(f"run {collection.entity}/{collection.project}/runs/{run} does not exist; create it first")
    return found.id


async def _known(
    transaction: Transaction, actor: Actor, collection: Collection, new: NewArtifact, digest: str
) -> ArtifactRow | None:
    known = None
    if new.client_id is not None:
        known = await artifacts.by_client(transaction, actor.organization_id, new.client_id)
        if known is not None and known.twin_id is not None:
            known = await artifacts.by_id(transaction, actor.organization_id, known.twin_id)
        if known is not None:
            if known.collection_id != collection.id or known.state == "deleted" or not _same(known, new, digest):
                raise ConflictError(f"client id {new.client_id!r} stands for another artifact; take a new one")
            return known
    if new.distributed_id is not None:
        known = await artifacts.by_distributed_id(transaction, collection.id, new.distributed_id)
    else:
        known = await artifacts.by_digest(transaction, collection.id, digest)
    if known is not None:
        await _name(transaction, actor, new, known.id)
    return known


def _same(known: ArtifactRow, new: NewArtifact, digest: str) -> bool:
    # What several runs fill, and what is laid over another version, has another digest once it is whole.
    return new.entries is None or known.digest == digest
