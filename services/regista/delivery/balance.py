"""How many lane shards each living dispatcher should own. Pure."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

SHARDS: Final = 64
"""Shards of each kind of lanes."""
_KINDS: Final = ("webhook", "slack")
"""Kinds of lanes in the order of their shards: the generated column ``lane.shard`` has them so."""


def shards_of(kind: str) -> range:
    """Return the shards of the lanes of a kind."""
    first = _KINDS.index(kind) * SHARDS
    return range(first, first + SHARDS)


def shard_of(kind: str, lane: int) -> int:
    """Return the lane's shard."""
    return shards_of(kind)[lane % SHARDS]


def quota(me: UUID, living: Collection[UUID]) -> int:
    """Return this dispatcher's fair share of a kind; the shares of all who serve it add up to all of its shards.

    Everyone computes the same from the same list, so nobody has to agree on anything.
    """
    everyone = sorted({*living, me})
    share, rest = divmod(SHARDS, len(everyone))
    return share + (everyone.index(me) < rest)


def surplus(owned: Collection[int], fair: int) -> list[int]:
    """Return the shards to give back: the highest, so that repeated decisions name the same ones."""
    return sorted(owned)[fair:]
