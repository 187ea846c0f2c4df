"""What the routes that move content have in common: the signer and the store of a process, and the body of an upload."""

from collections.abc import AsyncIterator
from functools import lru_cache

from fastapi import Request
from starlette.requests import ClientDisconnect

from regista.kit import clock
from regista.kit.blobs.signing import LIFETIME_SECONDS, PURPOSE, Grant, LinkSigner
from regista.kit.blobs.store import BlobStore, ContentMismatchError, open_blobs
from regista.kit.runtime import Runtime
from regista.kit.vault import Vault

BLOBS = "/api/v1/blobs"
"""Where content is served by its digest; signed URLs of downloads begin here."""


@lru_cache(maxsize=8)
def signer(vault: Vault) -> LinkSigner:
    """Return the process's signer of URLs."""
    return LinkSigner(vault.signing_keys(PURPOSE))


def store(runtime: Runtime) -> BlobStore:
    """Return the process's store of content."""
    return open_blobs(runtime.settings.artifact_store, runtime.settings.data_dir)


def expiry() -> int:
    """Return when a URL that is made now ends to work, in Unix seconds."""
    return int(clock.now().timestamp()) + LIFETIME_SECONDS


def download_url(runtime: Runtime, base_url: str, organization: int, sha256: bytes, path: str) -> str:
    """Return an absolute URL to GET content from, to be saved under the last part of ``path``."""
    grant = Grant("GET", organization, sha256.hex(), path.rpartition("/")[2], expiry())
    return signer(runtime.vault).url(base_url + BLOBS, grant)


async def body(request: Request) -> AsyncIterator[bytes]:
    """Yield the bytes of an upload. Raises `ContentMismatchError` where it breaks off."""
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect as error:
        raise ContentMismatchError("the upload was interrupted; nothing was kept, send it again") from error
