"""Versions come in: announced with their manifest, filled by uploads, committed.

Who writes: `create_artifact` a pending artifact; the blob routes, content; `commit_artifact`, once all content is there,
the version, its aliases and its events in one transaction. A crash in between leaves a pending artifact, which nothing
shows; the same calls repeated converge, since content is stored by what it is.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import asyncpg

from regista.access.actions import Action
from regista.access.verdict import Actor, authorize, decide
from regista.kit import aggregate as aggregates
from regista.kit.aggregate import Aggregate
from regista.kit.blobs import Blob
from regista.kit.db import Transaction
from regista.kit.errors import ConflictError, InvalidError, NotFoundError
from regista.kit.outbox import Draft, append
from regista.registry.aliases import authorize_aliases, place_aliases
from regista.registry.containers import Wanted, ensure_collection, lock_ensured
from regista.registry.digest import manifest_digest
from regista.registry.errors import IncompleteUploadError
from regista.registry.names import checked_aliases
from regista.registry.repository import artifacts, collections, lineage, versions
from regista.registry.repository.artifacts import ArtifactRow, NewRow
from regista.registry.subjects import Collection, CollectionPath, Entry, Tags, Version
from regista.registry.tags import merge_tags
from regista.tracking.repository import run_by_name
from regista_events import ArtifactCreated, ArtifactCreatedData, TagAdded, TagAddedData

_NAMED = 20


class NewArtifact(NamedTuple):
    """What a client announces. ``run`` is the id of a run of the same project; sizes are in bytes."""

    path: CollectionPath
    type: str
    entries: Sequence[Entry]
    digest: str | None = None
    metadata: dict[str, Any] = {}  # noqa: RUF012 - never changed
    description: str | None = None
    ttl_seconds: int | None = None
    aliases: Sequence[str] = ()
    tags: Tags = {}  # noqa: RUF012 - never changed
    run: str | None = None
    client_id: str | None = None
    sequence_client_id: str | None = None


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
        version, more = await _adopt(transaction, aggregate, collection, known, aliases, new.tags, run_id)
        await append(transaction, [*drafts, *more])
        return Announced(known.id, collection, version, [])
    await append(transaction, drafts)
    if known is not None:
        await artifacts.link_blobs(transaction, actor.organization_id, known.id)
        return Announced(known.id, collection, None, await artifacts.missing(transaction, known.id, None))
    row = NewRow(
        organization_id=actor.organization_id,
        collection_id=collection.id,
        digest=digest,
        size=sum(entry.size for entry in new.entries),
        file_count=len(new.entries),
        metadata=new.metadata,
        description=new.description,
        ttl_seconds=new.ttl_seconds,
        run_id=run_id,
        client_id=new.client_id,
        aliases=aliases,
        account_id=actor.id,
        now=aggregate.now,
    )
    try:
        number = await artifacts.add(transaction, row)
    except asyncpg.UniqueViolationError as error:
        raise asyncpg.SerializationError("the client announces the artifact twice at once") from error
    except asyncpg.ForeignKeyViolationError as error:
        raise asyncpg.SerializationError("the run was deleted while it announced an artifact") from error
    await artifacts.add_entries(transaction, actor.organization_id, number, new.entries)
    await artifacts.add_tags(transaction, number, dict(new.tags))
    return Announced(number, collection, None, await artifacts.missing(transaction, number, None))


async def commit_artifact(transaction: Transaction, actor: Actor, artifact_id: int) -> tuple[Collection, Version]:
    """Make an announced artifact a version, with its aliases, once all its content has arrived.

    Committed twice it is one version; if the same content was committed meanwhile, that version is returned. Raises
    `NotFoundError`, `IncompleteUploadError`, `AccessDeniedError`.
    """
    artifact = await artifacts.by_id(transaction, actor.organization_id, artifact_id)
    if artifact is None:
        raise _missing(artifact_id)
    aggregate = await aggregates.lock_one(transaction, artifact.aggregate_id)
    artifact = await artifacts.by_id(transaction, actor.organization_id, artifact_id)
    collection = (
        await collections.by_id(transaction, actor.organization_id, artifact.collection_id) if artifact else None
    )
    if artifact is None or collection is None or artifact.state == "deleted":
        raise _missing(artifact_id)
    _authorize(actor, Action.ARTIFACT_CREATE, collection, artifact_id)
    if artifact.state == "committed":
        return collection, await _member(transaction, collection, artifact.id)
    await authorize_aliases(transaction, actor, collection, artifact.aliases)
    await artifacts.link_blobs(transaction, actor.organization_id, artifact.id)
    absent = await artifacts.missing(transaction, artifact.id, _NAMED)
    if absent:
        raise IncompleteUploadError(
            f"artifact {artifact_id} lacks files, {absent[0].path!r} first; PUT them to their upload URLs, then commit",
            missing=[entry.path for entry in absent],
        )
    twin = await artifacts.by_digest(transaction, collection.id, artifact.digest)
    if twin is not None:
        tags = await artifacts.tags(transaction, artifact.id)
        await artifacts.delete(transaction, artifact.id, aggregate.now)
        version, drafts = await _adopt(
            transaction, aggregate, collection, twin, artifact.aliases, tags, artifact.run_id
        )
        await append(transaction, drafts)
        return collection, version
    await artifacts.commit(transaction, artifact.id, aggregate.now)
    membership = await versions.add(
        transaction, collection, artifact.id, collection.next_index, actor.id, aggregate.now
    )
    await collections.set_next_index(transaction, collection.id, collection.next_index + 1, aggregate.now)
    if artifact.run_id is not None:
        await lineage.add(transaction, actor.organization_id, artifact.id, artifact.run_id, "output")
    version = await versions.by_membership(transaction, membership)
    assert version is not None  # noqa: S101 - inserted above, in this transaction
    version, moves = await place_aliases(
        transaction, aggregate, collection, version, artifact.aliases, newest=True, caused_by=0
    )
    data = ArtifactCreatedData(
        collection=collection.snapshot(),
        artifact=version.snapshot(collection),
        version=version.name,
        aliases=artifact.aliases,
        tags=list(version.tags),
    )
    created = Draft(ArtifactCreated, aggregate, f"{collection.path}:{version.name}", data)
    await append(transaction, [created, *moves])
    return collection, version


async def read_artifact(transaction: Transaction, actor: Actor, artifact_id: int) -> Announced:
    """Return an announced or committed artifact, with the files that still have to be uploaded. Raises `NotFoundError`."""
    artifact = await artifacts.by_id(transaction, actor.organization_id, artifact_id)
    collection = (
        await collections.by_id(transaction, actor.organization_id, artifact.collection_id) if artifact else None
    )
    if artifact is None or collection is None or artifact.state == "deleted":
        raise _missing(artifact_id)
    _authorize(actor, Action.ARTIFACT_READ, collection, artifact_id)
    if artifact.state == "committed":
        return Announced(artifact_id, collection, await _member(transaction, collection, artifact_id), [])
    return Announced(artifact_id, collection, None, await artifacts.absent(transaction, artifact_id))


async def record_blob(transaction: Transaction, organization_id: int, blob: Blob) -> None:
    """Make stored content known to the organization; again changes nothing.

    Raises `ConflictError` for other content with the same MD5 and size.
    """
    kept = await artifacts.add_blob(transaction, organization_id, blob)
    if kept != blob.sha256:
        raise ConflictError(
            f"other content with MD5 {blob.md5.hex()} and {blob.size} bytes is stored already; MD5 is broken, this is "
            "a forgery of one of the two"
        )


def _digest(new: NewArtifact) -> str:
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
    if new.client_id is not None:
        known = await artifacts.by_client(transaction, actor.organization_id, new.client_id)
        if known is not None:
            if (known.collection_id, known.digest) != (collection.id, digest) or known.state == "deleted":
                raise ConflictError(f"client id {new.client_id!r} stands for another artifact; take a new one")
            return known
    return await artifacts.by_digest(transaction, collection.id, digest)


async def _adopt(
    transaction: Transaction,
    aggregate: Aggregate,
    collection: Collection,
    known: ArtifactRow,
    aliases: Sequence[str],
    tags: Tags,
    run_id: int | None,
) -> tuple[Version, list[Draft]]:
    """Set what came with content that is a version already; the run that logged it again is an output edge too."""
    if run_id is not None:
        await lineage.add(transaction, known.organization_id, known.id, run_id, "output")
    version = await _member(transaction, collection, known.id)
    version, changed = merge_tags(version, tags)
    await artifacts.add_tags(transaction, known.id, {name: version.tags[name] for name in changed})
    version, drafts = await place_aliases(transaction, aggregate, collection, version, aliases, newest=False)
    tagged = [
        Draft(
            TagAdded,
            aggregate,
            f"{collection.path}:{version.name}",
            TagAddedData(
                collection=collection.snapshot(),
                artifact=version.snapshot(collection),
                version=version.name,
                tag=name,
                value=version.tags[name],
                previous=previous,
            ),
        )
        for name, previous in changed.items()
    ]
    return version, [*drafts, *tagged]


async def _member(transaction: Transaction, collection: Collection, artifact: int) -> Version:
    version = await versions.of_artifact(transaction, collection.id, artifact)
    assert version is not None  # noqa: S101 - a committed artifact is a member of its own collection
    return version


def _authorize(actor: Actor, action: Action, collection: Collection, artifact_id: int) -> None:
    # Who asks by number must not learn the name of a collection that it may not see.
    if not decide(actor, action, collection.resource()).visible:
        raise _missing(artifact_id)
    authorize(actor, action, collection.resource())


def _missing(artifact_id: int) -> NotFoundError:
    return NotFoundError(f"artifact {artifact_id} does not exist, or you may not see it")
