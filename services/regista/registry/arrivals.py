"""What arrives for announced artifacts: content, and manifests as files.

Who writes: the routes of uploads. A crash leaves bytes that no row refers to, or a manifest that is staged; a repeat of
the upload converges.

A collection holds the content that was brought to it, and a manifest may name what its collection holds without bringing
it again. What other collections hold is stored once for all of them, but has to be brought again: to know the MD5 of
somebody's content is not to have it.
"""

from collections.abc import Sequence

from regista.access.actions import Action
from regista.access.verdict import Actor
from regista.kit import aggregate as aggregates
from regista.kit.blobs import Blob
from regista.kit.db import Transaction
from regista.kit.errors import ConflictError, NotFoundError
from regista.registry.finding import missing_artifact
from regista.registry.repository import manifests
from regista.registry.repository.artifacts import ArtifactRow
from regista.registry.repository.manifests import Kind, ManifestRow
from regista.registry.subjects import Collection
from regista.registry.uploads import find_announced


async def held_content(
    transaction: Transaction, actor: Actor, artifact_id: int, md5s: Sequence[bytes]
) -> tuple[Collection, dict[bytes, int]]:
    """Return what the collection of a pending artifact holds of this content, each with the artifact it was brought for.

    Raises `NotFoundError`, `AccessDeniedError`.
    """
    _, collection = await find_announced(transaction, actor, artifact_id, Action.ARTIFACT_CREATE)
    return collection, dict(await manifests.held(transaction, actor.organization_id, collection.id, md5s))


async def record_blob(transaction: Transaction, organization_id: int, artifact_id: int, blob: Blob) -> None:
    """Make stored content known to the collection of the artifact that it was brought for; again changes nothing.

    Raises `ConflictError` for other content with the same MD5 and size, `NotFoundError` when the artifact is gone.
    """
    kept = await manifests.add_blob(transaction, organization_id, artifact_id, blob)
    if kept is None:
        raise missing_artifact(artifact_id)
    if kept != blob.sha256:
        raise ConflictError(
            f"other content with MD5 {blob.md5.hex()} and {blob.size} bytes is stored already; MD5 is broken, this is "
            "a forgery of one of the two"
        )


async def announce_manifest(
    transaction: Transaction,
    actor: Actor,
    artifact_id: int,
    kind: Kind,
    name: str,
    md5: bytes | None,
    base: int | None,
) -> ManifestRow:
    """Announce a manifest that is uploaded as a file; ``md5`` None where the file is not known yet.

    An artifact has one full manifest: announced again, it is the same. Raises `NotFoundError`, `AccessDeniedError`,
    `ConflictError` for an artifact that is committed.
    """
    artifact = await _pending(transaction, actor, artifact_id)
    number = await manifests.add(transaction, artifact.id, kind, name, md5, base)
    return await _manifest(transaction, actor, number)


async def change_manifest(
    transaction: Transaction, actor: Actor, manifest_id: int, md5: bytes | None, base: int | None
) -> ManifestRow:
    """Say what the file of an announced manifest will be. Raises as `announce_manifest` does."""
    found = await _manifest(transaction, actor, manifest_id)
    await _pending(transaction, actor, found.artifact_id)
    await manifests.change(transaction, manifest_id, md5, base)
    return await _manifest(transaction, actor, manifest_id)


async def record_manifest(transaction: Transaction, organization_id: int, manifest_id: int, md5: bytes) -> None:
    """Record that the file of a manifest is staged. Raises `ConflictError` when another file is expected by now."""
    if not await manifests.arrive(transaction, organization_id, manifest_id, md5):
        raise ConflictError("no artifact expects this manifest any longer; log the artifact again")


async def _pending(transaction: Transaction, actor: Actor, artifact_id: int) -> ArtifactRow:
    artifact, _ = await find_announced(transaction, actor, artifact_id, Action.ARTIFACT_CREATE)
    await aggregates.lock_one(transaction, artifact.aggregate_id)
    artifact, _ = await find_announced(transaction, actor, artifact_id, Action.ARTIFACT_CREATE)
    if artifact.state != "pending":
        raise ConflictError(f"artifact {artifact_id} is committed, and its files never change; log a new version")
    return artifact


async def _manifest(transaction: Transaction, actor: Actor, manifest_id: int) -> ManifestRow:
    found = await manifests.row(transaction, actor.organization_id, manifest_id)
    if found is None:
        raise NotFoundError(f"manifest {manifest_id} does not exist, or you may not see it")
    return found
