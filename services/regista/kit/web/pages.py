"""Keyset pages: ``?limit=&cursor=`` in, ``{items, next_cursor}`` out."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from regista.kit.bodies import check_json
from regista.kit.errors import InvalidError

T = TypeVar("T")
R = TypeVar("R")

Limit = Annotated[int, Query(ge=1, le=1000, description="items a page holds at most")]
Cursor = Annotated[str | None, Query(max_length=1024, description="`next_cursor` of the page before")]


class Page(BaseModel, Generic[T]):
    """One page of a list; ``next_cursor`` is null on the last."""

    items: list[T]
    next_cursor: str | None


def page(rows: Sequence[R], limit: int, key: Callable[[R], Sequence[int | str]], shape: Callable[[R], T]) -> Page[T]:
    """Make a page of ``limit`` items out of up to ``limit + 1`` rows; ``key`` gives the keyset of a row."""
    more = len(rows) > limit
    rows = rows[:limit]
    return Page[Any](items=[shape(row) for row in rows], next_cursor=encode(key(rows[-1])) if more else None)


def encode(key: Sequence[int | str]) -> str:
    """Return the opaque cursor that stands behind the row with this keyset."""
    return base64.urlsafe_b64encode(json.dumps(list(key), separators=(",", ":")).encode()).decode().rstrip("=")


def decode(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Return the keyset of a cursor, checked against ``kinds``; None for no cursor.

    Raises `InvalidError` for one that this server did not make for this list.
    """
    if cursor is None:
        return None
    try:
        key = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        key = None
    if (
        not isinstance(key, list)
        or len(key) != len(kinds)
        or not all(type(part) is kind for part, kind in zip(key, kinds, strict=True))
        or any(isinstance(part, int) and not -(2**63) <= part < 2**63 for part in key)
        or any(isinstance(part, str) and not _storable(part) for part in key)
    ):
        raise foreign(cursor)
    return tuple(key)


def foreign(cursor: str | None) -> InvalidError:
    """Return the error of a cursor that this server did not make for this list."""
    return InvalidError(f"cursor {cursor!r} is not one of this list; begin without a cursor", field="cursor")


def _storable(text: str) -> bool:
    try:
        check_json(text)
    except ValueError:
        return False
    return True
