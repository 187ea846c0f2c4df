"""A payload as it was rendered: bytes that stay, and the places where secrets are put in when it is sent. Pure.

A place, a *hole*, is an offset into the bytes and the name of a secret. It always stands inside a JSON string, so what
is put in is escaped like any text there. Nothing that the bytes hold is ever read as a reference again.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

MASK: Final = "***"
ACCESS_TOKEN: Final = ":access_token"  # noqa: S105 - no token
"""The name of a hole for the endpoint's access token; no secret has such a name."""


class Hole(NamedTuple):
    """Where a secret goes: ``offset`` in bytes, ``name`` of the team's secret, or `ACCESS_TOKEN`."""

    offset: int
    name: str


class Frozen(NamedTuple):
    """A rendered payload.

    ``missing`` are the expressions that had no value, as they are written; they stand as nothing. ``error`` is why there
    is no payload at all, and ``body`` is empty then: it never is otherwise.
    """

    body: bytes
    holes: tuple[Hole, ...] = ()
    missing: tuple[str, ...] = ()
    error: str | None = None


def written(holes: Iterable[Hole]) -> str:
    """Return holes as they are stored: ``[[offset, name], …]``."""
    return json.dumps(list(holes), separators=(",", ":"))


def read(stored: str) -> tuple[Hole, ...]:
    """Return holes as `written` stored them."""
    return tuple(Hole(offset, name) for offset, name in json.loads(stored))


def filled(body: bytes, holes: Sequence[Hole], values: Mapping[str, str]) -> bytes:
    """Return the payload as it is sent. Raises `KeyError` for a name that ``values`` does not have."""
    return _joined(body, holes, values.__getitem__) if holes else body


def masked(body: bytes, holes: Sequence[Hole]) -> bytes:
    """Return the payload for whoever reads it: ``***`` stands for each secret."""
    return _joined(body, holes, lambda _name: MASK) if holes else body


def escaped(text: str) -> bytes:
    """Return a text as it stands inside a JSON string."""
    return encoded(json.dumps(text, ensure_ascii=False)[1:-1])


def encoded(text: str) -> bytes:
    """Return a text in UTF-8; a lone surrogate, which that cannot hold, as U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _joined(body: bytes, holes: Sequence[Hole], value: Callable[[str], str]) -> bytes:
    chunks: list[bytes] = []
    start = 0
    for offset, name in holes:
        chunks += (body[start:offset], escaped(value(name)))
        start = offset
    return b"".join([*chunks, body[start:]])
