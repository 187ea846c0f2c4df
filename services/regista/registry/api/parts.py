"""Files that are uploaded in parts: each staged by a signed PUT, then joined into content in bounded memory.

An upload's id is made of what is uploaded, so nothing has to be remembered of it: a repeat finds the parts that have
arrived, and a repeated completion the content. Killed between, it leaves staged parts, which a sweep takes away.
"""

import asyncio
from collections.abc import Sequence

from regista.access.boundary import Caller
from regista.kit.blobs import BlobMissingError, transfer
from regista.kit.errors import InvalidError, UnavailableError
from regista.registry import service
from regista.registry.errors import IncompleteUploadError
from regista.registry.targets import part_name, upload_id

WAIT_SECONDS = 25.0
"""How long a request waits for the join; the client gives one up after 30 s, and repeats it for minutes."""

_joining: dict[str, asyncio.Task[None]] = {}
"""Uploads that are being joined in this process: a client that waited too long asks again for the same."""


async def complete_upload(call: Caller, artifact_id: int, md5: bytes, parts: Sequence[bytes], upload: str) -> None:
    """Make content of parts that have arrived; again, it is there already.

    ``md5`` is that of the whole, ``parts`` are those of the parts, in their order. Raises `NotFoundError`,
    `AccessDeniedError`, `InvalidError` for an upload that is not of these parts, `IncompleteUploadError`,
    `ContentMismatchError`; `UnavailableError` while parts of a very large file are still being joined: ask again.
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
        task.add_done_callback(lambda done: _ended(upload, done))
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await asyncio.shield(task)  # others may wait for the same
    except TimeoutError:
        raise UnavailableError(f"the {len(parts)} parts of the file are being joined; ask again") from None


def _ended(upload: str, task: asyncio.Task[None]) -> None:
    _joining.pop(upload, None)
    # Whoever asks again is told what is wrong: the next join fails for the same reason.
    if not task.cancelled():
        task.exception()


async def _join(call: Caller, artifact_id: int, md5: bytes, names: Sequence[str]) -> None:
    runtime, organization = call.runtime, call.actor.organization_id
    store = transfer.store(runtime)
    chunks = store.read_staged(organization, names)
    try:
        blob = await store.write(organization, chunks, md5=md5, size=None, limit=runtime.settings.artifact_max_bytes)
    except BlobMissingError as error:
        # Another process, or the one before in this, may have joined them and taken the parts away meanwhile.
        _, held = await call.read(lambda tx: service.held_content(tx, call.actor, artifact_id, [md5]))
        if md5 in held:
            return
        raise IncompleteUploadError(error.message) from error
    await runtime.database.run(lambda tx: service.record_blob(tx, organization, artifact_id, blob))
    await store.unstage(organization, names)
