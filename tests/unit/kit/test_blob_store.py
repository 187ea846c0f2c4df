"""The store of content, on a backend that is no directory."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from obstore.store import MemoryStore

from regista.kit import clock
from regista.kit.blobs import BlobMissingError, BlobStore, ContentMismatchError
from regista.kit.errors import TooLargeError

PARTS = [b"first" * 100_000, b"", b"second" * 100_000, b"last"]
WHOLE = b"".join(PARTS)


def md5(content: bytes) -> bytes:
    return hashlib.md5(content).digest()


async def chunks(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for place in range(0, len(content), size):
        yield content[place : place + size]


async def read(store: BlobStore, organization: int, sha256: bytes) -> bytes:
    size = await store.size(organization, sha256)
    return b"".join([chunk async for chunk in store.read(organization, sha256, 0, size)])


@pytest.fixture
def store() -> BlobStore:
    return BlobStore(MemoryStore())


@pytest.mark.parametrize("announced", [{"md5": md5(WHOLE), "size": len(WHOLE)}, {"md5": None, "size": None}])
async def test_content_is_kept_under_what_it_is(store: BlobStore, announced: dict[str, bytes | int | None]) -> None:
    blob = await store.write(1, chunks(WHOLE), limit=len(WHOLE), **announced)  # type: ignore[arg-type]
    assert (blob.md5, blob.size) == (md5(WHOLE), len(WHOLE))
    assert blob.sha256 == hashlib.sha256(WHOLE).digest()
    assert await read(store, 1, blob.sha256) == WHOLE
    with pytest.raises(BlobMissingError):
        await store.size(2, blob.sha256)


async def test_other_content_than_announced_is_not_kept(store: BlobStore) -> None:
    with pytest.raises(ContentMismatchError, match="MD5"):
        await store.write(1, chunks(WHOLE), md5=md5(b"other"), size=None, limit=len(WHOLE))
    with pytest.raises(ContentMismatchError, match="bytes"):
        await store.write(1, chunks(WHOLE[:-1]), md5=None, size=len(WHOLE), limit=len(WHOLE))
    with pytest.raises(TooLargeError):
        await store.write(1, chunks(WHOLE), md5=None, size=None, limit=len(WHOLE) - 1)
    assert await store.clear(clock.now() + timedelta(days=1)) == 0


async def test_parts_are_staged_joined_and_taken_away(store: BlobStore) -> None:
    names = [f"part-{place}" for place in range(len(PARTS))]
    for name, part in zip(names, PARTS, strict=True):
        await store.stage(1, name, chunks(part), md5=md5(part), limit=len(WHOLE))
    with pytest.raises(ContentMismatchError):
        await store.stage(1, names[0], chunks(b"other"), md5=md5(PARTS[0]), limit=len(WHOLE))
    joined = await store.write(1, store.read_staged(1, names), md5=md5(WHOLE), size=None, limit=len(WHOLE))
    assert await read(store, 1, joined.sha256) == WHOLE
    await store.unstage(1, names[:2])
    await store.unstage(1, names[:2])
    with pytest.raises(BlobMissingError, match="part-0"):
        await store.write(1, store.read_staged(1, names), md5=None, size=None, limit=len(WHOLE))
    assert await store.clear(clock.now() - timedelta(days=1)) == 0
    assert await store.clear(clock.now() + timedelta(days=1)) == 2
    assert await read(store, 1, joined.sha256) == WHOLE
