"""What the owner knows of its lanes, and how rows come from the database into their queues."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import structlog

from regista.delivery.contract import Claimed, Sender, Throttle
from regista.delivery.lane import Due, Lane, Terms
from regista.delivery.link import Link
from regista.delivery.ownership import Ownership
from regista.delivery.repository import queue as repository
from regista.kit import clock
from regista.kit.db import is_outage, is_transient

log = structlog.get_logger()

POLL: Final = 1.0
"""Seconds between polls: the truth behind every wake-up."""
PATIENCE: Final = 10.0
"""Seconds after which a connection that does not answer is given up."""
ROWS: Final = 500
"""Rows that one statement reads at most."""
LEAST: Final = 16
"""Rows that a lane is read at once, however many lanes want to be."""


class Intake:
    """The lanes of the shards that are owned, kept up to date, and read when their queues run low."""

    def __init__(
        self, senders: Iterable[Sender], ownership: Ownership, link: Link, filled: Callable[[Iterable[Lane]], None]
    ) -> None:
        self.lanes: dict[int, Lane] = {}
        self.polled = asyncio.Event()
        """Set once the lanes are known."""
        self._senders: Mapping[str, Sender] = {sender.kind: sender for sender in senders}
        self._ownership = ownership
        self._link = link
        self._filled = filled
        self._poked = asyncio.Event()
        self._poll_wanted = True

    def poke(self, *, poll: bool) -> None:
        """Look again: at all lanes (``poll``), or just at those whose queues run low."""
        self._poll_wanted |= poll
        self._poked.set()

    def recall(self) -> None:
        """Leave all that waits in memory to the database again: some of it may not be to be sent any more."""
        for lane in self.lanes.values():
            if lane.queue or lane.reading:
                lane.unqueue()
        self.poke(poll=True)

    def reconcile(self) -> None:
        """Drop the lanes of shards that are no longer ours; stop those of shards that are leaving."""
        for lane in list(self.lanes.values()):
            lost = not self._ownership.holds(lane.shard, lane.epoch)
            leaving = lost or lane.shard in self._ownership.leaving
            if leaving and not lane.leaving:
                lane.unqueue()
            lane.leaving = leaving
            if lost:
                del self.lanes[lane.id]
        self.poke(poll=True)

    async def run(self) -> None:
        """Poll and read until cancelled."""
        next_poll = 0.0
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    if self._poll_wanted or clock.monotonic() >= next_poll:
                        self._poll_wanted = False
                        next_poll = clock.monotonic() + POLL
                        await self._poll()
                    await self._read()
            except Exception as error:
                if not (is_outage(error) or is_transient(error)):
                    raise
                log.warning("delivery.read_failed", error=str(error))
                self._link.drop()
            try:
                async with asyncio.timeout(max(0.0, next_poll - clock.monotonic())):
                    await self._poked.wait()
            except TimeoutError:
                pass
            self._poked.clear()

    async def _poll(self) -> None:
        known_shards = self._ownership.known
        epochs = dict(self._ownership.epochs)
        rows = await repository.lanes(await self._link.get(), sorted(epochs))
        known: set[int] = set()
        for lane_id, shard, kind, concurrency, limit, seconds, active, failures, due in rows:
            sender = self._senders.get(kind)
            if sender is None or not self._ownership.holds(shard, epochs[shard]):
                continue
            known.add(lane_id)
            terms = Terms(concurrency, None if limit is None else Throttle(limit, seconds), active)
            lane = self.lanes.get(lane_id)
            if lane is None:
                lane = self.lanes[lane_id] = Lane(lane_id, shard, epochs[shard], sender, terms)
                lane.failures = failures
                lane.leaving = shard in self._ownership.leaving
            lane.configure(terms)
            if due:
                lane.lag()
        for lane_id in self.lanes.keys() - known:
            lane = self.lanes.pop(lane_id)
            lane.leaving = True
            lane.unqueue()
        if known_shards:
            self.polled.set()

    async def _read(self) -> None:
        for fifo in (False, True):
            while wanted := [lane for lane in self.lanes.values() if lane.wants_read and lane.fifo is fifo]:
                some = wanted[: ROWS // LEAST]
                await self._read_some(some, ROWS // len(some), fifo=fifo)
                if fifo and len(some) == len(wanted):
                    break  # a lane whose head waits for its next attempt has nothing more to give

    async def _read_some(self, lanes: list[Lane], limit: int, *, fifo: bool) -> None:
        for lane in lanes:
            lane.begin_read()
        held = [position for lane in lanes for position in lane.held]
        try:
            rows = await repository.read(await self._link.get(), [lane.id for lane in lanes], limit, held, fifo=fifo)
        except BaseException:
            for lane in lanes:
                lane.fail_read()
            raise
        found: dict[int, list[Any]] = {lane.id: [] for lane in lanes}
        for row in rows:
            found[row[3]].append(row)
        for lane in lanes:
            mine = found[lane.id]
            due = _due(mine)
            # What stands behind a row that must wait is as good as not there.
            lane.end_read(due, complete=len(mine) < limit or len(due) < len(mine))
        self._filled(lanes)


def _due(rows: list[Any]) -> list[Due]:
    """Return the rows up to the first that must wait: of a strict FIFO lane, it blocks those behind it."""
    due: list[Due] = []
    for row in rows:
        if not row[12]:
            break
        due.append(Due(Claimed(*row[:10]), row[10], row[11]))
    return due
