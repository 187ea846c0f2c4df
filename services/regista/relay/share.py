"""Which shards a relay should hold: decided by each for itself, from who is alive and what is held.

Nobody assigns. Every relay holds a shared lock that makes it a member, takes free shards up to its fair share, and lets
go of what it holds beyond. Two that reach for the same shard are told apart by the lock itself.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from regista.kit.shards import SHARDS


@dataclass(frozen=True, slots=True)
class Roster:
    """Who is there: the number of living relays, this one included, and the shards that any of them holds."""

    members: int
    taken: AbstractSet[int] = field(default_factory=frozenset)


def fair_share(members: int) -> int:
    """Return how many shards one of ``members`` relays may hold: 16/n rounded up, so that none is left over."""
    return -(-SHARDS // max(members, 1))


def reach(roster: Roster, held: AbstractSet[int], turn: int) -> list[int]:
    """Return the free shards to try to lock, at most as many as are missing to the fair share.

    ``turn`` rotates the order, so that relays that start together do not all reach for the same ones.
    """
    missing = fair_share(roster.members) - len(held)
    if missing <= 0:
        return []
    ring = [(turn + step) % SHARDS for step in range(SHARDS)]
    return [shard for shard in ring if shard not in roster.taken and shard not in held][:missing]


def yielded(roster: Roster, held: Iterable[int], busy: AbstractSet[int]) -> set[int]:
    """Return the shards to let go of, idle ones first; a busy one goes when its batch has ended."""
    ordered = sorted(held, key=lambda shard: (shard in busy, shard))
    return set(ordered[: max(0, len(ordered) - fair_share(roster.members))])
