"""Files that are uploaded in parts: each staged by a signed PUT, then joined into content in bounded memory.

An upload's id is made of what is uploaded, so nothing has to be remembered of it: a repeat finds the parts that have
arrived, and a repeated completion the content. Killed between, it leaves staged parts, which a sweep takes away.
"""

import asyncio
from collections.abc import Sequence

from regista.access.boundary import Caller
from regista.kit.blobs import BlobMissingError, transfer
from regista.kit.errors import InvalidError
from regista.registry import service
from regista.registry.errors import IncompleteUploadError
from regista.registry.targets import part_name, upload_id

_joining: dict[str, asyncio.Task[None]] = {}
"""Uploads that are being joined in this process: a client that waited too long asks again for the same."""


async def complete_upload(call: Caller, artifact_id: int, md5: bytes, parts: Sequence[bytes], upload: str) -> None:
    """Make content of parts that have arrived; again, it is there already.

    ``md5`` is that of the whole, ``parts`` are those of the parts, in their order. Raises `NotFoundError`,
    `AccessDeniedError`, `InvalidError` for an upload that is not of these parts, `IncompleteUploadError`,
    `ContentMismatchError`.
    """
    collection, held = await call.read(lambda tx: service.held_content(tx, call.actor, artifact_id, [md5]))
    if md5 in held:
        return
    if not parts or upload_id(collection.id, md5, parts) != upload:
        raise InvalidError(f"upload {upload!r} is not of these {len(parts)} parts; ask for new upload URLs")
    task = _joining.get(upload)
    if task is None:
        task = asyncio.create_task(_join(call, artifact_id, md5, [part_name(upload, n + 1) for n in range(len(parts))]))
        _joining[upload] = task
        task.add_done_callback(lambda _task: _joining.pop(upload, None))
    # Shielded: another client may wait for the same.
    await asyncio.shield(task)


async def _join(call: Caller, artifact_id: int, md5: bytes, names: Sequence[str]) -> None:
    runtime, organization = call.runtime, call.actor.organization_id
    store = transfer.store(runtime)
    chunks = store.read_staged(organization, names)
    try:
        blob = await store.write(organization, chunks, md5=md5, size=None, limit=runtime.settings.artifact_max_bytes)
    except BlobMissingError as error:
        raise IncompleteUploadError(error.message) from error
    await runtime.database.run(lambda tx: service.record_blob(tx, organization, artifact_id, blob))
    await store.unstage(organization, names)
