"""What is kept of a response: status, headers and the first 20 kB, whatever the other side sends."""

from collections.abc import Mapping
from typing import NamedTuple

import aiohttp

from regista.kit.http.failures import Failure

MAX_BODY = 20_000
"""Bytes of a response body that are read and kept."""
MAX_HEADERS = 20_000
"""Characters of response headers that are kept."""
CUT = b"\n[cut: the response is longer than what is kept]"
"""Stands at the end of a body that was cut."""


class Answer(NamedTuple):
    """The outcome of one request. ``error`` is None exactly when the status is 2xx and the response was read.

    ``headers`` have lower-case names, repeated ones joined by a comma. ``body`` is at most MAX_BODY bytes as they came
    (no content encoding is undone; identity is asked for). ``seconds`` is the whole exchange. ``detail`` is the error
    in words, without addresses of the inside.
    """

    status: int | None
    error: Failure | None
    headers: dict[str, str]
    body: bytes
    truncated: bool
    seconds: float
    detail: str = ""

    def shown(self) -> bytes:
        """Return the body for people, with a marker where it was cut."""
        return self.body + CUT if self.truncated else self.body


async def read_bounded(content: aiohttp.StreamReader, limit: int = MAX_BODY) -> tuple[bytes, bool]:
    """Return the first ``limit`` bytes, and whether there were more; never reads much more than that.

    Raises what aiohttp raises for a connection that breaks or a total timeout that passes while reading.
    """
    if content.is_eof():
        whole = content.read_nowait()
        return (whole, False) if len(whole) <= limit else (whole[:limit], True)
    chunks: list[bytes] = []
    left = limit + 1
    while left > 0 and (chunk := await content.read(left)):
        chunks.append(chunk)
        left -= len(chunk)
    whole = b"".join(chunks)
    return (whole, False) if left > 0 else (whole[:limit], True)


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers as they are recorded: lower-case names, valid Unicode, MAX_HEADERS characters in all.

    ``headers`` may hold a name more than once, as aiohttp's do.
    """
    plain = {name.lower(): value for name, value in headers.items()}
    values = "".join(plain.values())
    # Nearly every response is plain, and this stands on the path of every delivery.
    if len(plain) == len(headers) and values.isascii() and len(values) + len("".join(plain)) <= MAX_HEADERS:
        return plain
    kept: dict[str, str] = {}
    left = MAX_HEADERS
    for name, value in headers.items():
        left -= len(name) + len(value)
        if left < 0:
            break
        text = value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        key = name.lower()
        kept[key] = f"{kept[key]}, {text}" if key in kept else text
    return kept
