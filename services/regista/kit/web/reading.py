"""Bodies of requests read whole within a limit, inflated where they come compressed."""

import zlib

from starlette.requests import ClientDisconnect, Request

from regista.kit.errors import InvalidError, TooLargeError

_CODINGS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class UnreadableBodyError(InvalidError):
    """The body is not what its headers say: it was damaged on its way, or never was."""

    code = "unreadable_body"


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body as it was before it was compressed.

    Raises `TooLargeError` above ``limit`` bytes, inflated, without inflating more; `UnreadableBodyError` for a coding
    that is not known or a body that is not in it.
    """
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    inflater = zlib.decompressobj(_CODINGS[coding]) if coding in _CODINGS else None
    if inflater is None and coding not in {"identity", ""}:
        raise UnreadableBodyError(f"content-encoding {coding!r} is not known; send gzip, deflate or none")
    read = bytearray()
    try:
        async for chunk in request.stream():
            # One byte more than allowed is enough to know.
            read += inflater.decompress(chunk, limit + 1 - len(read)) if inflater is not None else chunk
            if len(read) > limit:
                raise TooLargeError(f"the body is larger than {limit} bytes")
    except ClientDisconnect as error:
        raise UnreadableBodyError("the body broke off; send it again") from error
    except zlib.error as error:
        raise UnreadableBodyError(f"the body is not {coding}: {error}") from error
    if inflater is not None and not inflater.eof:
        raise UnreadableBodyError(f"the {coding} body ends too early; send it again")
    return bytes(read)
