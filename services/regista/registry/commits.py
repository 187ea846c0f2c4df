"""The commit that makes a version of an announced artifact, once all that it consists of has arrived.

Who writes: `commit_artifact`, the version, its files, its aliases and its events in one transaction. Killed at any point,
it leaves the pending artifact as it was. Manifests that were uploaded as files are read before, outside of the
transaction, and compared in it with what is announced by then.
"""

from collections.abc import Sequence
from typing import NamedTuple

from regista.access.actions import Action
from regista.access.verdict import Actor
from regista.kit import aggregate as aggregates
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError
from regista.kit.outbox import Draft, append
from regista.registry.adoption import adopt, own_version
from regista.registry.aliases import authorize_aliases, place_aliases
from regista.registry.catalogue import artifacts_by_ids
from regista.registry.digest import manifest_digest
from regista.registry.errors import IncompleteUploadError, ManifestChangedError
from regista.registry.repository import artifacts, collections, lineage, manifests, versions
from regista.registry.repository.artifacts import ArtifactRow
from regista.registry.repository.manifests import Kind, ManifestRow
from regista.registry.subjects import Collection, Entry, Version
from regista.registry.uploads import find_announced
from regista_events import ArtifactCreated, ArtifactCreatedData

_NAMED = 20


class Uploaded(NamedTuple):
    """A manifest that was uploaded as a file, read: its id, the MD5 of the file, and the files that it names."""

    id: int
    md5: bytes
    entries: Sequence[Entry]


async def uploaded_manifests(transaction: Transaction, actor: Actor, artifact_id: int) -> list[ManifestRow]:
    """Return the manifests that a commit of the artifact has to read, in their order; none of a committed one.

    Raises `NotFoundError`, `AccessDeniedError`, `IncompleteUploadError` while one has not arrived.
    """
    artifact, _ = await find_announced(transaction, actor, artifact_id, Action.ARTIFACT_CREATE)
    return await _announced(transaction, artifact)


async def commit_artifact(
    transaction: Transaction, actor: Actor, artifact_id: int, uploaded: Sequence[Uploaded] = ()
) -> tuple[Collection, Version]:
    """Make an announced artifact a version, with its aliases, once all its content has arrived.

    ``uploaded`` are the manifests that `uploaded_manifests` named. Committed twice it is one version; if the same
    content was committed meanwhile, that version is returned. Raises `NotFoundError`, `AccessDeniedError`,
    `IncompleteUploadError`, `ManifestChangedError` when other manifests are announced by now, `InvalidError` for
    files that do not amount to the announced digest.
    """
    artifact, collection = await find_announced(transaction, actor, artifact_id, Action.ARTIFACT_CREATE)
    aggregate = await aggregates.lock_one(transaction, artifact.aggregate_id)
    artifact, collection = await find_announced(transaction, actor, artifact_id, Action.ARTIFACT_CREATE)
    if artifact.state == "committed":
        return collection, await own_version(transaction, collection, artifact.id)
    await authorize_aliases(transaction, actor, collection, artifact.aliases)
    kinds = await _fill(transaction, actor, artifact, uploaded)
    await manifests.link_blobs(transaction, artifact.id)
    absent = await manifests.missing(transaction, artifact.id, _NAMED)
    if absent:
        raise IncompleteUploadError(
            f"artifact {artifact_id} lacks files, {absent[0].path!r} first; PUT them to their upload URLs, then commit",
            missing=[entry.path for entry in absent],
        )
    files, size = await manifests.digests(transaction, artifact.id)
    digest = manifest_digest(files)
    if kinds <= {"full"}:
        _check_digest(artifact, digest, empty=not files)
    twin = await artifacts.by_digest(transaction, collection.id, digest)
    await manifests.forget(transaction, artifact.id)
    if twin is not None:
        tags = await artifacts.tags(transaction, artifact.id)
        await artifacts.delete(transaction, artifact.id, aggregate.now, twin.id)
        version, drafts = await adopt(transaction, aggregate, collection, twin, artifact.aliases, tags, artifact.run_id)
        await append(transaction, drafts)
        return collection, version
    await artifacts.commit(transaction, artifact.id, digest, size, len(files), aggregate.now)
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


async def _announced(transaction: Transaction, artifact: ArtifactRow) -> list[ManifestRow]:
    found = await manifests.rows(transaction, artifact.organization_id, artifact.id)
    # One whose file was never announced belongs to a run that died, or to a repeated call.
    awaited = [row for row in found if row.md5 is not None]
    late = [row for row in awaited if not row.arrived]
    if late:
        raise IncompleteUploadError(
            f"manifest {late[0].name!r} of artifact {artifact.id} has not arrived; PUT it to its upload URL, then commit",
            missing=[row.name for row in late],
        )
    return awaited


async def _fill(
    transaction: Transaction, actor: Actor, artifact: ArtifactRow, uploaded: Sequence[Uploaded]
) -> set[Kind]:
    """Write the files that uploaded manifests name; return what kinds these are. Call under the collection's lock."""
    rows = await _announced(transaction, artifact)
    if [(row.id, row.md5) for row in rows] != [(each.id, each.md5) for each in uploaded]:
        raise ManifestChangedError(f"other manifests of artifact {artifact.id} were announced meanwhile; commit again")
    if not rows:
        return set()
    merged: dict[str, Entry] = {}
    base: int | None = None
    for row, manifest in zip(rows, uploaded, strict=True):
        if row.kind == "full":
            merged, base = {}, None
        elif row.kind == "incremental":
            base = row.base_artifact_id
        merged.update({entry.path: entry for entry in manifest.entries})
    await manifests.clear(transaction, artifact.id)
    if base is not None:
        await _check_base(transaction, artifact, base)
        await manifests.add_base(transaction, artifact.id, base, list(merged))
    entries = list(merged.values())
    await _take_from_others(transaction, actor, artifact, entries)
    await manifests.add_entries(transaction, artifact.organization_id, artifact.collection_id, artifact.id, entries)
    return {row.kind for row in rows}


def _check_digest(artifact: ArtifactRow, own: str, *, empty: bool) -> None:
    """Hold an artifact to the digest that it was announced with, which its client has computed from all its files."""
    if own == artifact.digest:
        return
    if empty:
        raise IncompleteUploadError(
            f"artifact {artifact.id} has no manifest yet, digest {artifact.digest} is announced; upload its manifest, "
            "then commit"
        )
    raise InvalidError(
        f"artifact {artifact.id} was announced with digest {artifact.digest}, the files of its manifest amount to {own}; "
        "log the artifact again"
    )


async def _check_base(transaction: Transaction, artifact: ArtifactRow, base: int) -> None:
    found = await artifacts.by_id(transaction, artifact.organization_id, base)
    if found is None or found.collection_id != artifact.collection_id or found.state != "committed":
        raise InvalidError(
            f"artifact {base} is no version of the same collection; an incremental one is laid over such"
        )


async def _take_from_others(
    transaction: Transaction, actor: Actor, artifact: ArtifactRow, entries: Sequence[Entry]
) -> None:
    """Let the collection hold content that a manifest takes from versions which the actor may download."""
    wanted = [
        (entry.birth, entry.md5, entry.size)
        for entry in entries
        if entry.birth is not None and entry.md5 is not None and entry.birth != artifact.id
    ]
    if not wanted:
        return
    known = await manifests.held(
        transaction, artifact.organization_id, artifact.collection_id, [md5 for _, md5, _ in wanted]
    )
    foreign = [each for each in wanted if each[1] not in known]
    readable = await artifacts_by_ids(transaction, actor, {birth for birth, _, _ in foreign}, Action.ARTIFACT_DOWNLOAD)
    taken = [(readable[birth].id, md5, size) for birth, md5, size in foreign if birth in readable]
    if taken:
        await manifests.hold_of_others(transaction, artifact.collection_id, taken)
