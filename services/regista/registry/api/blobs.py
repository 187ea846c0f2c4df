"""Routes of content, by signed URLs that need no key. Bytes stream in and out in bounded memory."""

import re
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote

from fastapi import Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel

from regista.access.boundary import Call
from regista.kit import clock
from regista.kit.blobs import Blob, ContentMismatchError, Grant, LinkRefusedError, transfer
from regista.kit.blobs.ranges import RangeError, parse_range
from regista.kit.runtime import Runtime
from regista.kit.web.problems import problem
from regista.registry import service
from regista.registry.api.routing import router
from regista.registry.digest import write_md5
from regista.registry.names import MAX_MANIFEST_BYTES
from regista.registry.subjects import Entry
from regista.registry.targets import ContentTarget, ManifestTarget, PartTarget, Target, parse_target

_SHA256 = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)

Organization = Annotated[int, Path(ge=1, lt=2**63)]
Expires = Annotated[int, Query(ge=0, lt=2**53)]
Signature = Annotated[str, Query(max_length=128)]


class Stored(BaseModel):
    """Content that arrived: `md5` in base64, `size` in bytes."""

    sha256: str
    md5: str
    size: int


def upload_url(call: Call, target: Target) -> str:
    """Return a URL to PUT to."""
    grant = Grant("PUT", call.actor.organization_id, str(target), "", transfer.expiry())
    return transfer.signer(call.runtime.vault).url(call.base_url + transfer.BLOBS, grant)


def download_url(call: Call, entry: Entry) -> str:
    """Return a URL to GET the content of a file from."""
    assert entry.sha256 is not None  # noqa: S101 - a committed version has all its content
    return transfer.download_url(call.runtime, call.base_url, call.actor.organization_id, entry.sha256, entry.path)


@router.replace("/blobs/{organization}/{blob}", action=None, response_model=Stored)
async def put_blob(
    request: Request, organization: Organization, blob: str, expires: Expires, signature: Signature
) -> Response:
    """Take the bytes of a file; they are kept if size and MD5 are those that were announced. Again is the same."""
    runtime: Runtime = request.app.state.runtime
    grant = Grant("PUT", organization, blob, "", expires)
    transfer.signer(runtime.vault).check(grant, signature, clock.now().timestamp())
    target = parse_target(blob)
    if target is None:
        raise LinkRefusedError("this URL is not for an upload")
    size = target.size if isinstance(target, ContentTarget) else None
    length = request.headers.get("content-length")
    if length is not None and length.isdecimal() and size is not None and int(length) != size:
        raise ContentMismatchError(f"{length} bytes are coming, {size} were announced; nothing was kept")
    content = await _take(runtime, organization, target, transfer.body(request))
    stored = Stored(sha256=content.sha256.hex(), md5=write_md5(content.md5), size=content.size)
    # Clients that upload in parts hand the ETags back; that of a part is its MD5, as in S3.
    headers = {"etag": f'"{content.md5.hex()}"'}
    return Response(stored.model_dump_json(), headers=headers, media_type="application/json")


@router.read("/blobs/{organization}/{blob}", action=None)
async def get_blob(
    request: Request,
    organization: Organization,
    blob: str,
    expires: Expires,
    signature: Signature,
    filename: Annotated[str, Query(max_length=1024)] = "",
) -> Response:
    """Return the bytes of a file, or one range of them."""
    runtime: Runtime = request.app.state.runtime
    grant = Grant("GET", organization, blob, filename, expires)
    transfer.signer(runtime.vault).check(grant, signature, clock.now().timestamp())
    if _SHA256.match(blob) is None:
        raise LinkRefusedError("this URL is not for a download")
    sha256, store = bytes.fromhex(blob), transfer.store(runtime)
    size = await store.size(organization, sha256)
    etag = f'"{blob}"'
    headers = {
        "etag": etag,
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=3600, immutable",
        "content-disposition": f"attachment; filename*=UTF-8''{quote(filename, safe='')}",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
    }
    asked = request.headers
    if etag in (part.strip().removeprefix("W/") for part in asked.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    wanted = asked.get("range") if asked.get("if-range", etag) == etag else None
    try:
        part = parse_range(wanted, size)
    except RangeError as error:
        return problem(error.status, error.message, error.code, {"content-range": f"bytes */{size}"})
    start, end = part or (0, size)
    headers["content-length"] = str(end - start)
    if part is not None:
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    return StreamingResponse(
        store.read(organization, sha256, start, end),
        206 if part is not None else 200,
        headers,
        "application/octet-stream",
    )


async def _take(runtime: Runtime, organization: int, target: Target, chunks: AsyncIterator[bytes]) -> Blob:
    store, largest = transfer.store(runtime), runtime.settings.artifact_max_bytes
    match target:
        case ContentTarget(md5, size, artifact):
            limit = largest if size is None else size
            content = await store.write(organization, chunks, md5=md5, size=size, limit=limit)
            await runtime.database.run(lambda tx: service.record_blob(tx, organization, artifact, content))
        case PartTarget():
            content = await store.stage(organization, target.staged, chunks, md5=target.md5, limit=largest)
        case ManifestTarget():
            content = await store.stage(organization, target.staged, chunks, md5=target.md5, limit=MAX_MANIFEST_BYTES)
            await runtime.database.run(
                lambda tx: service.record_manifest(tx, organization, target.manifest, target.md5)
            )
    return content
