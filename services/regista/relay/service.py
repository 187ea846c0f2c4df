"""The relay as a service: connects, pumps, and connects again for ever."""

import asyncio

import structlog

from regista.kit import backoff, clock, ids, outbox
from regista.kit.bus.local import LocalBus
from regista.kit.bus.model import Publisher
from regista.kit.db import is_outage, is_transient
from regista.kit.runtime import Runtime
from regista.kit.service import Health, Lifecycle
from regista.kit.shards import SHARDS
from regista.relay.faults import NO_FAULTS, Faults
from regista.relay.metrics import RelayMetrics
from regista.relay.outlet import EVENTS, Outlet
from regista.relay.pump import Pump
from regista.relay.repository import open_session

logger = structlog.get_logger()

RECONNECT_FIRST = 0.05
RECONNECT_LIMIT = 2.0
PATIENCE_SECONDS = 10.0
"""How long the bus may keep a batch before the relay says that it is blocked."""


class Relay:
    """Publishes the rows of one outbox: each at least once, those of a shard in the order of their ids.

    Any number of relays may run; each shard is held by one of them. A relay needs nothing of its own on disk or in
    memory: what it had in flight when it died is published again by whoever takes its shards. It waits out an outage
    of PostgreSQL or of the bus for as long as it takes and loses nothing by it.
    """

    def __init__(
        self, runtime: Runtime, publisher: Publisher, *, outlet: Outlet = EVENTS, faults: Faults = NO_FAULTS
    ) -> None:
        self.name = outlet.name
        self._database = runtime.database
        self._publisher = publisher
        self._outlet = outlet
        self._faults = faults
        self._metrics = RelayMetrics(runtime.metrics, outlet)
        self._stir = asyncio.Event()
        self._pump: Pump | None = None
        self._absence = "not started"

    @property
    def held(self) -> frozenset[int]:
        """The shards that this relay holds at present."""
        return frozenset() if self._pump is None else frozenset(self._pump.held)

    def health(self) -> Health:
        """Return not ready while PostgreSQL or the bus keeps rows from going out, and say which."""
        if self._pump is None:
            return Health(ready=False, detail=self._absence)
        rests = [rest for shard, rest in self._pump.resting.items() if shard in self._pump.held]
        if rests:
            worst = max(rests, key=lambda rest: rest.failures)
            detail = f"{len(rests)} shards blocked, the bus failed {worst.failures} times in a row: {worst.reason}"
            return Health(ready=False, detail=detail)
        if isinstance(self._publisher, LocalBus):
            for group, health in self._publisher.health().items():
                if not health.ready:
                    return Health(ready=False, detail=f"{group}: {health.detail}")
        since = self._pump.waiting_since
        if since is not None and (waited := clock.monotonic() - since) > PATIENCE_SECONDS:
            return Health(ready=False, detail=f"the bus has not acknowledged a batch for {waited:.0f} s")
        return Health(ready=True, detail=f"holds {len(self._pump.held)} of {SHARDS} shards")

    async def run(self, lifecycle: Lifecycle) -> None:
        """Relay until asked to stop; what the bus is about to acknowledge is waited for.

        Raises what is no outage: a missing table, a missing right.
        """
        unsubscribe = self._database.wakeups.subscribe(self._outlet.channel, lambda _: self._stir.set())
        stop = asyncio.create_task(self._stir_at(lifecycle.stopping), name="relay: stop")
        failures = 0
        try:
            while not lifecycle.stopping.is_set():
                begun = clock.monotonic()
                try:
                    await self._pump_once(lifecycle)
                except Exception as error:
                    if not (is_outage(error) or is_transient(error)):
                        raise
                    # A connection that had lived for a while does not count among failures in a row.
                    failures = 1 if clock.monotonic() - begun > RECONNECT_LIMIT else failures + 1
                    self._absence = f"PostgreSQL does not answer: {type(error).__name__}: {error}"
                    logger.warning(
                        "relay_disconnected", outlet=self._outlet.table, failures=failures, error=repr(error)
                    )
                    jitter = ids.fraction()
                    await lifecycle.pause(
                        backoff.exponential(failures, first=RECONNECT_FIRST, limit=RECONNECT_LIMIT, jitter=jitter)
                    )
            self._absence = "stopped"
        finally:
            unsubscribe()
            stop.cancel()
            await asyncio.gather(stop, return_exceptions=True)

    async def _pump_once(self, lifecycle: Lifecycle) -> None:
        async with open_session(self._database, self._outlet, self._stir.set) as session:
            self._pump = Pump(session, self._publisher, self._metrics, self._faults, self._stir, self._announce)
            lifecycle.started.set()
            logger.info("relay_connected", outlet=self._outlet.table, pid=session.pid)
            try:
                await self._pump.run(lifecycle.stopping)
            finally:
                self._pump = None

    def _announce(self) -> None:
        if self._outlet.permanent:
            self._database.wakeups.wake(outbox.PUBLISHED)

    async def _stir_at(self, event: asyncio.Event) -> None:
        await event.wait()
        self._stir.set()
