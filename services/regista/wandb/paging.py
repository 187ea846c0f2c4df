"""Connections: pages of edges with an opaque cursor each, as the client reads them."""

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from regista.kit.bodies import check_json
from regista.kit.errors import InvalidError

R = TypeVar("R")
Key = Sequence[str | int | None]

MOST = 5000
"""Rows of a page at most; the client asks for up to 5,000 files."""


def page_size(first: int | None, default: int = 50) -> int:
    """Return how many rows a page holds. Raises `InvalidError` for fewer than none."""
    if first is None:
        return default
    if first < 0:
        raise InvalidError(f"first is {first}; a page has 0 to {MOST} rows", field="first")
    return min(first, MOST)


def connection(
    rows: Sequence[R],
    size: int,
    key: Callable[[R], Key],
    node: Callable[[R], Any] = lambda row: row,
    *,
    total: Callable[[], Awaitable[int]] | None = None,
    **edge: Callable[[R], Any],
) -> dict[str, Any]:
    """Make a page of ``size`` rows out of up to ``size + 1``; ``key`` is what `read_cursor` gives back for a row.

    ``total`` is asked only where the client asks for ``totalCount``; ``edge`` adds fields to each edge.
    """
    shown = rows[:size]
    edges = [
        {"node": node(row), "cursor": _encode(key(row)), **{name: made(row) for name, made in edge.items()}}
        for row in shown
    ]

    def count(_info: Any) -> Awaitable[int] | int:
        return total() if total is not None else len(rows)

    return {
        "edges": edges,
        "page_info": {"end_cursor": edges[-1]["cursor"] if edges else None, "has_next_page": len(rows) > size},
        "total_count": count,
    }


def read_cursor(cursor: str | None) -> list[str | int | None] | None:
    """Return the key in a cursor, None for no cursor. Raises `InvalidError` for one that this server did not make."""
    if not cursor:
        return None
    try:
        key = check_json(json.loads(base64.b64decode(cursor, validate=True)))
    except (binascii.Error, ValueError, RecursionError):
        key = None
    if not isinstance(key, list) or not all(part is None or type(part) in {int, str} for part in key):
        raise InvalidError(f"cursor {cursor!r} is not one of this server; begin without a cursor", field="after")
    if any(isinstance(part, int) and not -(2**63) <= part < 2**63 for part in key):
        raise InvalidError(f"cursor {cursor!r} is not one of this server; begin without a cursor", field="after")
    return key


def read_position(cursor: str | None) -> int:
    """Return the number in a cursor whose key is one number, 0 for no cursor. Raises `InvalidError`."""
    key = read_cursor(cursor)
    if key is None:
        return 0
    if len(key) != 1 or not isinstance(key[0], int):
        raise InvalidError(f"cursor {cursor!r} is not one of this list; begin without a cursor", field="after")
    return key[0]


def _encode(key: Key) -> str:
    return base64.b64encode(json.dumps(list(key), separators=(",", ":")).encode()).decode()
