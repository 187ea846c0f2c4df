"""The service that owns lanes and sends what is in them.

A fixed set of workers, made as they are needed, takes one row after the other from the rota: a task per delivery would
cost more than all the rest of a delivery's bookkeeping.
"""

import asyncio
import random
from collections.abc import Iterable, Sequence
from typing import Any, Final

import structlog

from regista.delivery.balance import shard_of
from regista.delivery.contract import LONGEST_PAUSE, Claimed, Outcome, Sender
from regista.delivery.intake import Intake
from regista.delivery.lane import Due, Lane
from regista.delivery.link import Link
from regista.delivery.metrics import Metrics
from regista.delivery.ownership import INTERVAL, VALID, Ownership
from regista.delivery.recorder import LIMIT, Ended, Recorder
from regista.delivery.repository.lanes import CHANNEL, RECALL
from regista.delivery.repository.queue import BY_INDEX
from regista.delivery.rota import Rota
from regista.kit import backoff, clock, ids
from regista.kit.db import is_outage, is_transient
from regista.kit.runtime import Runtime
from regista.kit.service import Health, Lifecycle

log = structlog.get_logger()

IN_FLIGHT: Final = 1024
START: Final = 0.02
DRAIN: Final = 30.0
"""Seconds that sends in flight are waited for at the end."""


class Dispatcher:
    """Sends the deliveries of the lanes it owns, each kind through its `Sender`; see the package for the whole story."""

    name = "delivery"

    def __init__(self, runtime: Runtime, senders: Sequence[Sender], *, in_flight: int = IN_FLIGHT) -> None:
        self.id = ids.uuid7()
        self._database = runtime.database
        self._rota = Rota(in_flight)
        self._links = [Link(runtime.database, BY_INDEX) for _ in range(3)]
        self._kinds = [sender.kind for sender in senders]
        self._ownership = Ownership(self.id, self._links[0], self._kinds)
        self._intake = Intake(senders, self._ownership, self._links[1], self._offer)
        self._metrics = Metrics(runtime.metrics, self._queued, lambda: self._rota.in_flight)
        self._recorder = Recorder(self.id, runtime.database, self._links[2], self._metrics, self._offer)
        self._workers: set[asyncio.Task[None]] = set()
        self._idle: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._nudged = asyncio.Event()
        self._quiet = asyncio.Event()
        self._stopping = False
        self._held_back = False
        self._failure: asyncio.Future[None] | None = None

    def hand(self, rows: Sequence[Claimed]) -> None:
        """Take rows that `plan` returned, after their commit. Those of other owners' lanes are pointed out to them."""
        lanes = self._intake.lanes
        touched: dict[Lane, None] = {}
        for row in rows:
            lane = lanes.get(row.lane_id)
            if lane is not None:
                lane.hand(row)
                touched[lane] = None
            else:
                self._point_out(row.lane_id)
        self._offer(touched)

    def health(self) -> Health:
        """Return whether anything may be sent at present."""
        if clock.monotonic() < self._ownership.valid_until:
            return Health(True, f"{len(self._ownership.epochs)} lane shards")
        return Health(False, f"no beat for {VALID:g} s: the database does not answer")

    async def run(self, lifecycle: Lifecycle) -> None:
        """Own, send and record until asked to stop; then let what is in flight end, record it, and give up the lanes."""
        wakeups = self._database.wakeups
        unsubscribe = [wakeups.subscribe(channel, lambda _: self._nudge()) for channel in (CHANNEL, _channel(self.id))]
        unsubscribe.append(wakeups.subscribe(RECALL, lambda _: self._intake.recall()))
        try:
            async with asyncio.TaskGroup() as group:
                beat = group.create_task(self._beat(), name="delivery-beat")
                tasks = [
                    group.create_task(work, name=f"delivery-{name}")
                    for name, work in (
                        ("intake", self._intake.run()),
                        ("recorder", self._recorder.run()),
                        ("workers", self._watch()),
                    )
                ]
                while not self._intake.polled.is_set() and not await lifecycle.pause(START):
                    pass
                lifecycle.started.set()
                await lifecycle.stopping.wait()
                await self._drain()
                beat.cancel()
                await asyncio.wait([beat])
                await self._leave()
                for task in tasks:
                    task.cancel()
        finally:
            for end in unsubscribe:
                end()
            await self._dismiss()
            for link in self._links:
                link.drop()

    async def _drain(self) -> None:
        self._stopping = self._ownership.retiring = True
        self._nudged.set()
        try:
            async with asyncio.timeout(DRAIN):
                while self._rota.in_flight:
                    self._quiet.clear()
                    await self._quiet.wait()
                await self._recorder.drained()
        except TimeoutError:
            log.warning("delivery.drain_cut", in_flight=self._rota.in_flight, unrecorded=self._recorder.backlog)
        await self._dismiss()

    async def _leave(self) -> None:
        self._links[0].drop()  # the last beat may have been cut short in the middle of a statement
        try:
            async with asyncio.timeout(VALID):
                await self._ownership.leave()
        except Exception as error:
            # Left undone, it costs the others the 4 s after which a silent dispatcher is buried.
            if not is_outage(error):
                raise
            log.warning("delivery.leave_failed", error=str(error))
        else:
            self._database.wakeups.wake(CHANNEL)

    async def _beat(self) -> None:
        while True:
            busy = {lane.shard for lane in self._intake.lanes.values() if lane.held}
            try:
                async with asyncio.timeout(VALID):
                    changed = await self._ownership.beat(busy)
            except Exception as error:
                if not (is_outage(error) or is_transient(error)):
                    raise
                log.warning("delivery.beat_failed", error=str(error))
                self._links[0].drop()
            else:
                if changed:
                    log.info("delivery.shards", owned=len(self._ownership.epochs), leaving=len(self._ownership.leaving))
                    self._intake.reconcile()
                self._resume()
            try:
                async with asyncio.timeout(INTERVAL):
                    await self._nudged.wait()
            except TimeoutError:
                pass
            self._nudged.clear()

    async def _watch(self) -> None:
        # A worker that ends by an error is a bug: this carries it to whoever runs the service.
        self._failure = asyncio.get_running_loop().create_future()
        await self._failure

    async def _work(self) -> None:
        rota, record = self._rota, self._recorder.add
        while True:
            now = clock.monotonic()
            taken = self._next(now)
            if taken is None:
                waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._idle.append(waiter)
                await waiter
                continue
            lane, due = taken
            probe = lane.circuit.start()
            try:
                outcome = await lane.sender.send(due.row)
            except Exception:
                log.exception("delivery.fault", lane_id=lane.id, delivery_id=str(due.row.id))
                self._metrics.faults.inc()
                jitter = random.random()  # noqa: S311 - spreads retries, guards nothing
                pause = backoff.exponential(lane.faults + 1, first=1, limit=30, jitter=jitter)
                lane.fault(due.row.position, clock.monotonic() + pause, probe=probe)
                rota.end(lane)
                self._intake.poke(poll=False)
            else:
                self._end(lane, due, outcome, probe=probe)
                record(Ended(lane, due, outcome, now))
                rota.end(lane)
            if self._stopping and not rota.in_flight:
                self._quiet.set()

    def _end(self, lane: Lane, due: Due, outcome: Outcome, *, probe: bool) -> None:
        failed = outcome.error is not None
        if outcome.called:
            lane.circuit.end(clock.monotonic(), failed=failed, probe=probe)
        elif probe:
            lane.circuit.abandon()
        lane.faults = 0
        if outcome.pause:
            lane.rest(clock.monotonic() + min(outcome.pause, LONGEST_PAUSE))
        if failed:
            lane.unrecorded_failures += 1
            if lane.fifo:
                lane.suspend()
        if outcome.gone:
            log.info("delivery.gone", lane_id=lane.id, delivery_id=str(due.row.id))
            lane.configure(lane.terms._replace(active=False))

    def _next(self, now: float) -> tuple[Lane, Due] | None:
        if self._stopping:
            return None
        if now >= self._ownership.valid_until or self._recorder.backlog >= LIMIT:
            self._held_back = True
            return None
        taken = self._rota.take(now)
        if taken is None:
            self._arm(now)
        elif taken[0].wants_read:
            self._intake.poke(poll=False)
        return taken

    def _offer(self, lanes: Iterable[Lane]) -> None:
        """Let the lanes take part after their queues or terms may have changed."""
        startable = 0
        reading = False
        for lane in lanes:
            startable += self._rota.hasten(lane)
            reading |= lane.wants_read
        if reading:
            self._intake.poke(poll=False)
        if startable:
            self._start(startable)
        if self._held_back:
            self._resume()

    def _resume(self) -> None:
        if self._held_back and self._recorder.backlog < LIMIT:
            self._held_back = False
            self._start(sum(lane.startable for lane in self._intake.lanes.values()))

    def _start(self, number: int) -> None:
        """Set up to ``number`` workers to work."""
        if self._stopping:
            return
        while number > 0 and self._idle:
            waiter = self._idle.pop()
            if not waiter.done():
                waiter.set_result(None)
                number -= 1
        for _ in range(min(number, self._rota.limit - len(self._workers))):
            worker = asyncio.create_task(self._work(), name="delivery-worker")
            self._workers.add(worker)
            worker.add_done_callback(self._ended)

    def _ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        error = None if worker.cancelled() else worker.exception()
        if error is not None and self._failure is not None and not self._failure.done():
            self._failure.set_exception(error)

    def _arm(self, now: float) -> None:
        """Wake up when the next lane that waits for its pace or circuit may go on."""
        moment = self._rota.next_at
        if moment is None or (self._timer is not None and self._timer_at <= moment):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = moment
        self._timer = asyncio.get_running_loop().call_later(max(0.0, moment - now), self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = clock.monotonic()
        startable = self._rota.promote(now)
        self._start(startable)
        if not startable:
            self._arm(now)

    def _point_out(self, lane_id: int) -> None:
        # A lane that is not known here may be of any kind that is ours.
        for owner in {self._ownership.owners.get(shard_of(kind, lane_id)) for kind in self._kinds}:
            if owner is None or owner == self.id:
                self._nudge()
            else:
                self._database.wakeups.wake(_channel(owner))

    def _nudge(self) -> None:
        self._nudged.set()
        self._intake.poke(poll=True)

    def _queued(self) -> float:
        return sum(len(lane.queue) for lane in self._intake.lanes.values())

    async def _dismiss(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        workers: list[Any] = list(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


def _channel(dispatcher: Any) -> str:
    return f"{CHANNEL}_{dispatcher.hex}"
