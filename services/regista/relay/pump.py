"""Rows from the outbox to the bus, for as long as one connection lives."""

import asyncio
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import NamedTuple

import structlog

from regista.kit import backoff, clock, ids
from regista.kit.bus.model import Publisher
from regista.relay import share
from regista.relay.faults import Faults
from regista.relay.metrics import RelayMetrics
from regista.relay.repository import BATCH_ROWS, Row, ShardSession

logger = structlog.get_logger()

TICK_SECONDS = 1.0
"""How often shards are balanced, and how long a row waits at most whose wake-up was lost."""
LAG_TICKS = 5
VACUUM_ROWS = 10_000
DRAIN_SECONDS = 10.0
"""How long a stop waits for the bus; what it has not taken by then is published again after the next start."""
RETRY_FIRST = 0.1
RETRY_LIMIT = 5.0


GATHER_ROWS = 4
"""A batch of so many rows tells of a busy system; a lone change is never made to wait."""
GATHER_SECONDS = 0.008
"""How long the next batch of a busy system may gather: each costs every consumer a transaction, however small it is."""


class Rest(NamedTuple):
    """A shard that waits after a failed send."""

    failures: int
    until: float
    reason: str


class Flight(NamedTuple):
    """A batch that the bus has not acknowledged yet."""

    shards: frozenset[int]
    rows: Sequence[Row]
    since: float


class Pump:
    """Reads, publishes and deletes, one batch of a shard at a time.

    One task owns the session; publishing runs beside it. With a ``combined`` publisher there is one batch over all
    shards at a time, otherwise shards proceed independently, and whatever was acknowledged meanwhile is deleted in one
    statement. A shard is read again only after the delete, so the lowest row left is always the next one to go.
    ``stir`` is set by anything that may mean work: a wake-up, an acknowledgement, the end of the connection, a stop.
    ``announce`` is called when rows have been given their positions.
    """

    def __init__(
        self,
        session: ShardSession,
        publisher: Publisher,
        metrics: RelayMetrics,
        faults: Faults,
        stir: asyncio.Event,
        announce: Callable[[], None],
    ) -> None:
        self.held: set[int] = set()
        self.resting: dict[int, Rest] = {}
        self._session = session
        self._publisher = publisher
        self._combined = bool(getattr(publisher, "combined", False))
        self._metrics = metrics
        self._faults = faults
        self._stir = stir
        self._announce = announce
        self._leaving: set[int] = set()
        self._flights: dict[asyncio.Task[None], Flight] = {}
        self._due = 0.0
        self._ticks = 0
        self._remains = 0

    @property
    def waiting_since(self) -> float | None:
        """The monotonic moment at which the oldest unacknowledged batch was handed over, None without one."""
        return min((flight.since for flight in self._flights.values()), default=None)

    async def run(self, stopping: asyncio.Event) -> None:
        """Pump until ``stopping`` is set and what is in flight has landed.

        Raises what the session raises, and `ConnectionError` when its connection has ended.
        """
        try:
            while not stopping.is_set():
                self._stir.clear()
                if GATHER_ROWS <= await self._land() < BATCH_ROWS:
                    await asyncio.sleep(GATHER_SECONDS)
                await self._tick()
                await self._launch()
                await self._rest()
            await self._drain()
        finally:
            await self._abandon()

    async def _land(self) -> int:
        """Delete what was acknowledged, and return how much that was; let shards rest whose batch was not."""
        if self._session.lost:
            raise ConnectionResetError("the relay's connection to PostgreSQL has ended")
        landed: list[Row] = []
        for task in [task for task in self._flights if task.done()]:
            flight = self._flights.pop(task)
            # A cancellation that comes out of the bus is a failure of the bus; ours ends this method, not that task.
            error = ConnectionAbortedError("the bus gave up") if task.cancelled() else task.exception()
            if error is None:
                landed.extend(flight.rows)
                self._recover(flight)
            elif isinstance(error, Exception):
                self._fail(flight, error)
            else:
                raise error
        if landed:
            self._metrics.settled(await self._session.settle(landed))
            self._announce()
            self._remains += len(landed)
            await self._faults.settled(len(landed))
        if gone := self._leaving - self._flying():
            await self._session.give(gone)
            self._leaving -= gone
            self.held -= gone
            self._forget(gone)
            self._metrics.holds(len(self.held))
        return len(landed)

    def _fail(self, flight: Flight, error: Exception) -> None:
        self._metrics.failed()
        reason = f"{type(error).__name__}: {error}"
        news = flight.shards - self.resting.keys()
        for shard in flight.shards:
            failures = 1 + (self.resting[shard].failures if shard in self.resting else 0)
            pause = backoff.exponential(failures, first=RETRY_FIRST, limit=RETRY_LIMIT, jitter=ids.fraction())
            self.resting[shard] = Rest(failures, clock.monotonic() + pause, reason)
        # Once for each outage and shard: it may last for hours, and health tells the rest.
        if news:
            logger.warning("relay_blocked", shards=sorted(news), rows=len(flight.rows), error=reason)

    def _recover(self, flight: Flight) -> None:
        if back := flight.shards & self.resting.keys():
            failures = max(self.resting.pop(shard).failures for shard in back)
            logger.info("relay_unblocked", shards=sorted(back), failures=failures)

    def _forget(self, shards: AbstractSet[int]) -> None:
        """Drop the failures of shards that have nothing left to send here: another relay has sent it."""
        for shard in shards:
            self.resting.pop(shard, None)

    async def _tick(self) -> None:
        now = clock.monotonic()
        if now < self._due:
            return
        self._due = now + TICK_SECONDS
        roster = await self._session.roster()
        self._leaving = share.yielded(roster, self.held, self._flying())
        if wanted := share.reach(roster, self.held, self._session.pid):
            self.held |= await self._session.take(wanted)
        self._metrics.holds(len(self.held))
        if self._ticks % LAG_TICKS == 0:
            self._metrics.lags(await self._session.lag(self.held))
        self._ticks += 1
        if self._remains >= VACUUM_ROWS:
            self._remains = 0
            await self._session.vacuum()

    async def _launch(self) -> None:
        """Read the shards that have nothing in flight, and hand over what there is."""
        if self._combined and self._flights:
            return
        now = clock.monotonic()
        idle = self.held - self._leaving - self._flying()
        idle -= {shard for shard, rest in self.resting.items() if rest.until > now}
        if not idle:
            return
        if self._combined:
            if rows := await self._session.pending_of_all(idle):
                self._send(frozenset(row.record.shard for row in rows), rows)
            else:
                self._forget(idle)
        else:
            found = await self._session.pending_of_each(idle)
            self._forget(idle - found.keys())
            for shard, rows in found.items():
                self._send(frozenset((shard,)), rows)

    def _send(self, shards: frozenset[int], rows: Sequence[Row]) -> None:
        task = asyncio.create_task(self._publish(rows), name=f"relay: {len(rows)} rows")
        task.add_done_callback(lambda _: self._stir.set())
        self._flights[task] = Flight(shards, rows, clock.monotonic())
        self._metrics.sent(len(rows))

    async def _publish(self, rows: Sequence[Row]) -> None:
        records = [row.record for row in rows]
        await self._publisher.publish(records)
        await self._faults.acknowledged(records)

    async def _rest(self) -> None:
        """Wait until there may be something to do."""
        now = clock.monotonic()
        ends = [rest.until for shard, rest in self.resting.items() if rest.until > now and shard in self.held]
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min([self._due, *ends]) - now)):
                await self._stir.wait()

    async def _drain(self) -> None:
        deadline = clock.monotonic() + DRAIN_SECONDS
        while self._flights and (left := deadline - clock.monotonic()) > 0:
            await asyncio.wait(self._flights, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            await self._land()

    async def _abandon(self) -> None:
        """End what is in flight: its rows are still in the outbox."""
        for task in self._flights:
            task.cancel()
        await asyncio.gather(*self._flights, return_exceptions=True)
        self._metrics.holds(0)

    def _flying(self) -> set[int]:
        return {shard for flight in self._flights.values() for shard in flight.shards}
