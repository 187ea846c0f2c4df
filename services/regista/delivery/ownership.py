"""Which lane shards are this dispatcher's, and whether it may still act on that.

A beat counts from the moment it was asked for, by this process's monotonic clock; it is judged by the database's.
Nobody may take a shard before DEAD_AFTER (4 s) of silence, or GONE_AFTER (2.25 s) when the owner's connection has ended
too, as it does with its process; and nothing is sent VALID (2 s) after the last beat. So no two owners send at the same
time as long as their clocks run alike to a tenth.
"""

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from regista.delivery import balance
from regista.delivery.link import Link
from regista.delivery.repository import ownership as repository
from regista.delivery.repository.ownership import Connection, Owned
from regista.kit import clock

INTERVAL: Final = 0.5
"""Seconds between beats: a dead process is noticed within 2.75 s, a silent one within 4.5 s."""
VALID: Final = 2.0


class Ownership:
    """The shards of one dispatcher, of the kinds of lanes that it serves, kept by calling `beat` every INTERVAL."""

    def __init__(self, dispatcher: UUID, link: Link, kinds: Collection[str]) -> None:
        self.id = dispatcher
        self._shards = {kind: balance.shards_of(kind) for kind in sorted(kinds)}
        self.epochs: dict[int, int] = {}
        """Shard → epoch under which it is ours."""
        self.leaving: set[int] = set()
        """Shards to be given back once nothing of them is in flight."""
        self.retiring = False
        """Whether all shards are to be given back, each as soon as nothing of it is in flight."""
        self.owners: dict[int, UUID] = {}
        self.known = False
        """Whether a whole beat has said which shards are ours."""
        self.valid_until = 0.0
        self._link = link

    async def beat(self, busy: Collection[int]) -> bool:
        """Beat, bury the silent, settle shares; return whether anything changed.

        Of the shards that are leaving, those in ``busy`` have something in flight or unrecorded and stay for now.
        Raises what the database raises.
        """
        connection = await self._link.get()
        asked = clock.monotonic()
        await repository.beat(connection, self.id, list(self._shards), retiring=self.retiring)
        self.valid_until = asked + VALID
        await repository.bury(connection)
        living = await repository.living(connection)
        fair = {kind: self._fair(kind, living) for kind in self._shards}
        back = sorted(self.leaving.difference(busy))
        if back:
            await repository.release(connection, self.id, back)
        rows = await repository.shards(connection, self._all)
        claimed = [await self._claim(connection, rows, kind, share) for kind, share in fair.items()]
        if any(claimed):
            rows = await repository.shards(connection, self._all)
        return self._settle(rows, fair)

    async def leave(self) -> None:
        """Give everything back. Raises what the database raises."""
        await repository.leave(await self._link.get(), self.id)
        self.epochs.clear()

    def holds(self, shard: int, epoch: int) -> bool:
        """Return whether the shard is ours under this epoch."""
        return self.epochs.get(shard) == epoch

    @property
    def _all(self) -> list[int]:
        return [shard for shards in self._shards.values() for shard in shards]

    def _fair(self, kind: str, living: Collection[tuple[UUID, Collection[str]]]) -> int:
        return 0 if self.retiring else balance.quota(self.id, [each for each, kinds in living if kind in kinds])

    async def _claim(self, connection: Connection, rows: Collection[Owned], kind: str, fair: int) -> bool:
        """Take free shards of a kind up to the fair share; return whether there were any to be taken."""
        owners = [owner for shard, owner, _ in rows if shard in self._shards[kind]]
        lacking = fair - owners.count(self.id)
        if lacking <= 0 or None not in owners:
            return False
        await repository.claim(connection, self.id, list(self._shards[kind]), lacking)
        return True

    def _settle(self, rows: Collection[Owned], fair: Mapping[str, int]) -> bool:
        epochs = {shard: epoch for shard, owner, epoch in rows if owner == self.id}
        leaving = {
            shard
            for kind, share in fair.items()
            for shard in balance.surplus(epochs.keys() & self._shards[kind], share)
        }
        changed = epochs != self.epochs or leaving != self.leaving
        self.epochs, self.leaving = epochs, leaving
        self.owners = {shard: owner for shard, owner, _ in rows if owner is not None}
        self.known = True
        return changed
