"""The store of content, through obstore: a directory by default, or S3, Google or Azure.

Who writes: uploads, first under a name of their own and, once size and MD5 are what was announced, under the SHA-256.
The rename is atomic, so an object is whole or absent. A crash in between leaves an object that no row refers to, or one
under ``uploads/``; a repeat of the upload converges. Under ``staged/`` stands what is not content yet: parts of a file,
manifests that a commit will read; whoever staged it takes it away, and a sweep what was forgotten.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from regista.kit import ids
from regista.kit.errors import ConfigurationError, InvalidError, NotFoundError, TooLargeError, UnavailableError

if TYPE_CHECKING:
    from obstore.store import RetryConfig

_PART = 5 * 1024 * 1024
"""Bytes of a part; S3 takes none smaller. An upload holds three at most."""
_READ = 256 * 1024
_LOOK_SECONDS = 15
_IMPATIENT: "RetryConfig" = {"max_retries": 1, "retry_timeout": timedelta(seconds=5)}
"""Retries of who only looks whether the store is there."""


class ContentMismatchError(InvalidError):
    """The bytes that came are not those that were announced."""

    code = "content_mismatch"


class BlobMissingError(NotFoundError):
    """The store has lost the content, or never had it."""

    code = "blob_missing"


class Blob(NamedTuple):
    """Content as it was received: digests raw, ``size`` in bytes."""

    sha256: bytes
    md5: bytes
    size: int


class _Intake:
    """Passes chunks on while it counts and digests them; ``size`` is what was announced, None where nothing was."""

    def __init__(self, chunks: AsyncIterator[bytes], size: int | None, limit: int) -> None:
        self._chunks = chunks
        self._announced = size
        self._limit = limit
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self.size = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self.size += len(chunk)
            if self._announced is not None and self.size > self._announced:
                raise ContentMismatchError(
                    f"more than the {self._announced} bytes that were announced; nothing was kept"
                )
            if self.size > self._limit:
                raise TooLargeError(
                    f"more than {self._limit} bytes came, the most that a file may have; nothing was kept"
                )
            self._md5.update(chunk)
            self._sha256.update(chunk)
            if chunk:
                yield chunk

    def blob(self) -> Blob:
        return Blob(self._sha256.digest(), self._md5.digest(), self.size)


class BlobStore:
    """Content by organization and SHA-256. ``root`` is the directory behind a local store, which is synced to disk."""

    def __init__(self, store: ObjectStore, root: Path | None = None) -> None:
        self._store = store
        self._root = root

    async def write(
        self, organization_id: int, chunks: AsyncIterator[bytes], *, md5: bytes | None, size: int | None, limit: int
    ) -> Blob:
        """Store a stream in bounded memory and return what it was; on return it is durable.

        ``md5`` and ``size`` are what was announced, None where nothing was. Raises `ContentMismatchError` when they
        are not those of what came, `TooLargeError` above ``limit`` bytes; nothing is kept then.
        """
        pending, blob = await self._take(chunks, md5, size, limit)
        await self._settle(pending, _path(organization_id, blob.sha256))
        return blob

    async def stage(
        self, organization_id: int, name: str, chunks: AsyncIterator[bytes], *, md5: bytes, limit: int
    ) -> Blob:
        """Keep a stream under a name of the caller's, over what stood there; on return it is durable.

        Raises `ContentMismatchError` when the MD5 is not that of what came, `TooLargeError` above ``limit`` bytes.
        """
        pending, blob = await self._take(chunks, md5, None, limit)
        await self._settle(pending, _staged(organization_id, name))
        return blob

    async def read_staged(self, organization_id: int, names: Sequence[str]) -> AsyncIterator[bytes]:
        """Yield the bytes of what was staged under these names, one after the other.

        Raises `BlobMissingError` when it comes to one that is not there.
        """
        for name in names:
            try:
                found = await obstore.get_async(self._store, _staged(organization_id, name))
            except FileNotFoundError as error:
                raise BlobMissingError(f"{name} has not arrived, or was taken away; upload it again") from error
            async for chunk in found.stream(min_chunk_size=_READ):
                yield chunk

    async def unstage(self, organization_id: int, names: Sequence[str]) -> None:
        """Take away what was staged under these names; what is not there is no matter."""
        for name in names:
            with suppress(FileNotFoundError):
                await obstore.delete_async(self._store, _staged(organization_id, name))

    async def clear(self, before: datetime) -> int:
        """Delete what was staged, or left by an upload that died, before a time; return how many objects."""
        found: list[str] = []
        for prefix in ("staged/", "uploads/"):
            async for page in obstore.list(self._store, prefix):
                found += [one["path"] for one in page if one["last_modified"] < before]
        for path in found:
            with suppress(FileNotFoundError):
                await obstore.delete_async(self._store, path)
        return len(found)

    async def size(self, organization_id: int, sha256: bytes) -> int:
        """Return the bytes of a blob. Raises `BlobMissingError`."""
        try:
            return (await obstore.head_async(self._store, _path(organization_id, sha256)))["size"]
        except FileNotFoundError as error:
            raise _missing(sha256) from error

    async def read(self, organization_id: int, sha256: bytes, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` up to, not including, ``end``. Raises `BlobMissingError`."""
        if start == end:
            return
        try:
            found = await obstore.get_async(
                self._store, _path(organization_id, sha256), options={"range": (start, end)}
            )
        except FileNotFoundError as error:
            raise _missing(sha256) from error
        async for chunk in found.stream(min_chunk_size=_READ):
            yield chunk

    async def _take(
        self, chunks: AsyncIterator[bytes], md5: bytes | None, size: int | None, limit: int
    ) -> tuple[str, Blob]:
        intake = _Intake(chunks, size, limit)
        pending = f"uploads/{ids.uuid7()}"
        await obstore.put_async(self._store, pending, aiter(intake), chunk_size=_PART, max_concurrency=2)
        blob = intake.blob()
        announced = [f"{size} bytes"] if size is not None and size != blob.size else []
        announced += [f"MD5 {md5.hex()}"] if md5 is not None and md5 != blob.md5 else []
        if announced:
            await obstore.delete_async(self._store, pending)
            came = f"{blob.size} bytes with MD5 {blob.md5.hex()} came"
            raise ContentMismatchError(f"{came}, {' and '.join(announced)} had been announced; nothing was kept")
        return pending, blob

    async def _settle(self, pending: str, path: str) -> None:
        if self._root is not None:
            await asyncio.to_thread(_sync_file, self._root / pending)
        await obstore.rename_async(self._store, pending, path)
        if self._root is not None:
            await asyncio.to_thread(_sync_directories, self._root, path)


@lru_cache(maxsize=8)
def open_blobs(url: str | None, data_dir: Path) -> BlobStore:
    """Return the store at ``url`` (``file://``, ``s3://``, ``gs://``, ``az://``), by default ``data_dir/blobs``.

    One store for each place and process. Raises `ConfigurationError` for a URL that obstore does not take.
    """
    if url is None or urlsplit(url).scheme == "file":
        root = _root(url, data_dir)
        root.mkdir(parents=True, exist_ok=True)
        return BlobStore(LocalStore(prefix=root), root)
    return BlobStore(_remote(url))


async def check_store(url: str | None, data_dir: Path) -> str:
    """Return where the store is, having listed it, and make nothing. Raises `UnavailableError`, `ConfigurationError`."""
    if url is None or urlsplit(url).scheme == "file":
        root = _root(url, data_dir)
        standing = next(parent for parent in (root, *root.parents) if parent.exists())
        if not standing.is_dir() or not os.access(standing, os.W_OK | os.X_OK):
            raise UnavailableError(f"{standing} cannot be written to; choose another REGISTA_ARTIFACT_STORE")
        return str(root) + ("" if root.exists() else ", made at the first start")
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            await anext(aiter(obstore.list(_remote(url, retry_config=_IMPATIENT), "uploads/")), None)
    except (OSError, obstore.exceptions.BaseError) as error:
        raise UnavailableError(
            f"{url} cannot be listed: {_first_line(error) or 'it does not answer'}; check REGISTA_ARTIFACT_STORE, and "
            "that the credentials of this process may use it"
        ) from error
    return f"{url} answers"


def _remote(url: str, **options: Any) -> ObjectStore:
    try:
        return from_url(url, **options)
    except (ValueError, obstore.exceptions.BaseError) as error:
        raise ConfigurationError(f"REGISTA_ARTIFACT_STORE cannot be used: {_first_line(error)}") from error


def _root(url: str | None, data_dir: Path) -> Path:
    return data_dir.absolute() / "blobs" if url is None else Path(unquote(urlsplit(url).path))


def _first_line(error: Exception) -> str:
    # Below it, obstore prints the error as Rust sees it.
    return str(error).partition("\n")[0]


def _path(organization_id: int, sha256: bytes) -> str:
    name = sha256.hex()
    return f"{organization_id}/{name[:2]}/{name}"


def _staged(organization_id: int, name: str) -> str:
    return f"staged/{organization_id}/{name}"


def _missing(sha256: bytes) -> BlobMissingError:
    return BlobMissingError(
        f"content {sha256.hex()} is not in the artifact store; restore it, or upload the file again"
    )


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_directories(root: Path, path: str) -> None:
    directory = (root / path).parent
    for place in (directory, directory.parent, root):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
