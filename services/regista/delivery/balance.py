"""How many lane shards each living dispatcher should own. Pure."""

from collections.abc import Collection
from uuid import UUID

SHARDS = 64


def shard_of(lane: int) -> int:
    """Return the lane's shard, as the generated column ``lane.shard`` has it."""
    return lane % SHARDS


def quota(me: UUID, living: Collection[UUID]) -> int:
    """Return this dispatcher's fair share; the shares of all living add up to all shards.

    Everyone computes the same from the same list, so nobody has to agree on anything.
    """
    everyone = sorted({*living, me})
    share, rest = divmod(SHARDS, len(everyone))
    return share + (everyone.index(me) < rest)


def surplus(owned: Collection[int], fair: int) -> list[int]:
    """Return the shards to give back: the highest, so that repeated decisions name the same ones."""
    return sorted(owned)[fair:]
