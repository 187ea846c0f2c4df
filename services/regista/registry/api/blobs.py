"""Routes of content, by signed URLs that need no key. Bytes stream in and out in bounded memory."""

import re
from typing import Annotated
from urllib.parse import quote

from fastapi import Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel

from regista.access.boundary import Call
from regista.kit import clock
from regista.kit.blobs import ContentMismatchError, Grant, LinkRefusedError, transfer
from regista.kit.blobs.ranges import RangeError, parse_range
from regista.kit.db import Transaction
from regista.kit.runtime import Runtime
from regista.kit.web.problems import problem
from regista.registry import service
from regista.registry.api.routing import router
from regista.registry.digest import write_md5
from regista.registry.subjects import Entry

_ANNOUNCED = re.compile(r"([0-9a-f]{32})-(0|[1-9]\d{0,15})\Z", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)

Organization = Annotated[int, Path(ge=1, lt=2**63)]
Expires = Annotated[int, Query(ge=0, lt=2**53)]
Signature = Annotated[str, Query(max_length=128)]


class Stored(BaseModel):
    """Content that arrived: `md5` in base64, `size` in bytes."""

    sha256: str
    md5: str
    size: int


def upload_url(call: Call, entry: Entry) -> str:
    """Return a URL to PUT the content of a file to."""
    assert entry.md5 is not None  # noqa: S101 - references are never uploaded
    grant = Grant("PUT", call.actor.organization_id, f"{entry.md5.hex()}-{entry.size}", "", transfer.expiry())
    return transfer.signer(call.runtime.vault).url(call.base_url + transfer.BLOBS, grant)


def download_url(call: Call, entry: Entry) -> str:
    """Return a URL to GET the content of a file from."""
    assert entry.sha256 is not None  # noqa: S101 - a committed version has all its content
    return transfer.download_url(call.runtime, call.base_url, call.actor.organization_id, entry.sha256, entry.path)


@router.replace("/blobs/{organization}/{blob}", action=None, response_model=Stored)
async def put_blob(
    request: Request, organization: Organization, blob: str, expires: Expires, signature: Signature
) -> Stored:
    """Take the bytes of a file; they are kept if size and MD5 are those that were announced. Again is the same."""
    runtime: Runtime = request.app.state.runtime
    grant = Grant("PUT", organization, blob, "", expires)
    transfer.signer(runtime.vault).check(grant, signature, clock.now().timestamp())
    announced = _ANNOUNCED.match(blob)
    if announced is None:
        raise LinkRefusedError("this URL is not for an upload")
    size = int(announced[2])
    length = request.headers.get("content-length")
    if length is not None and length.isdecimal() and int(length) != size:
        raise ContentMismatchError(f"{length} bytes are coming, {size} were announced; nothing was kept")
    content = await transfer.store(runtime).write(
        organization, transfer.body(request), md5=bytes.fromhex(announced[1]), size=size, limit=size
    )

    async def record(tx: Transaction) -> None:
        await service.record_blob(tx, organization, content)

    await runtime.database.run(record)
    return Stored(sha256=content.sha256.hex(), md5=write_md5(content.md5), size=content.size)


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
