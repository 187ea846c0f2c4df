"""The upkeep as a service: stands by, takes over, sweeps, and connects again for ever."""

import asyncio
from collections.abc import Sequence

import structlog

from regista.kit import backoff, clock, ids
from regista.kit.db import is_outage, is_transient
from regista.kit.runtime import Runtime
from regista.kit.service import Health, Lifecycle
from regista.upkeep.agenda import Agenda, Sweep
from regista.upkeep.metrics import UpkeepMetrics
from regista.upkeep.tenure import Tenure, open_tenure

logger = structlog.get_logger()

BEAT_SECONDS = 1.0
"""How often the holder shows that it lives, and others ask whether it does."""
DRAIN_SECONDS = 20.0
RECONNECT_FIRST = 0.05
RECONNECT_LIMIT = 2.0


class Upkeep:
    """Runs each sweep at its interval, one at a time, wherever it runs first; any number of these may stand by.

    A sweep that fails is logged, counted, and tried again; the others go on, and health says which it is and why.
    """

    name = "upkeep"

    def __init__(self, runtime: Runtime, sweeps: Sequence[Sweep]) -> None:
        self._database = runtime.database
        self._public_url = runtime.public_url
        self._sweeps = sweeps
        self._metrics = UpkeepMetrics(runtime.metrics)
        self._stir = asyncio.Event()
        self._failing: dict[str, str] = {}
        self._absence: str | None = "not started"
        self.held = False
        """Whether this one does the upkeep at present."""

    def health(self) -> Health:
        """Return not ready while PostgreSQL is away or a sweep fails, and say which."""
        if self._absence is not None:
            return Health(ready=False, detail=self._absence)
        if self._failing:
            return Health(ready=False, detail="; ".join(f"{name}: {why}" for name, why in self._failing.items()))
        return Health(ready=True, detail="does the upkeep" if self.held else "stands by")

    async def run(self, lifecycle: Lifecycle) -> None:
        """Stand by or sweep until asked to stop; the sweep that is on its way is waited for.

        Raises what is no outage of the lock's own connection.
        """
        stop = asyncio.create_task(self._stir_at(lifecycle.stopping), name="upkeep: stop")
        failures = 0
        try:
            while not lifecycle.stopping.is_set():
                begun = clock.monotonic()
                try:
                    async with open_tenure(self._database, self._stir.set) as tenure:
                        self._absence = None
                        lifecycle.started.set()
                        await self._serve(tenure, lifecycle)
                except Exception as error:
                    if not (is_outage(error) or is_transient(error)):
                        raise
                    # A connection that had lived for a while does not count among failures in a row.
                    failures = 1 if clock.monotonic() - begun > RECONNECT_LIMIT else failures + 1
                    self._absence = f"PostgreSQL does not answer: {type(error).__name__}: {error}"
                    logger.warning("upkeep_disconnected", failures=failures, error=repr(error))
                    pause = backoff.exponential(
                        failures, first=RECONNECT_FIRST, limit=RECONNECT_LIMIT, jitter=ids.fraction()
                    )
                    await lifecycle.pause(pause)
            self._absence = "stopped"
        finally:
            stop.cancel()
            await asyncio.gather(stop, return_exceptions=True)

    async def _serve(self, tenure: Tenure, lifecycle: Lifecycle) -> None:
        """Wait for the lock, then keep it and sweep. Raises what the lock's connection raises."""
        try:
            while not await tenure.keep():
                if await lifecycle.pause(BEAT_SECONDS):
                    return
            self._holds(True)
            logger.info("upkeep_taken")
            await self._sweep_on(tenure, lifecycle)
        finally:
            self._holds(False)
            self._failing.clear()

    async def _sweep_on(self, tenure: Tenure, lifecycle: Lifecycle) -> None:
        agenda = Agenda(self._sweeps, clock.monotonic())
        running: asyncio.Task[None] | None = None
        try:
            while not lifecycle.stopping.is_set():
                self._stir.clear()
                await tenure.keep()
                coming = agenda.next()
                if running is not None and running.done():
                    running.result()
                    running = None
                if running is None and coming is not None and coming[1] <= clock.monotonic():
                    running = asyncio.create_task(self._sweep(agenda, coming[0]), name=f"upkeep: {coming[0].name}")
                    running.add_done_callback(lambda _: self._stir.set())
                await self._rest(coming[1] if running is None and coming is not None else None)
            if running is not None:
                await asyncio.wait([running], timeout=DRAIN_SECONDS)
        finally:
            if running is not None:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    async def _sweep(self, agenda: Agenda, sweep: Sweep) -> None:
        began = clock.monotonic()
        try:
            count = await sweep.run(self._database, self._public_url)
        except Exception as error:
            # Whatever is wrong with one, the others must go on.
            self._metrics.failed(sweep.name)
            failures = agenda.failed(sweep, now=clock.monotonic(), jitter=ids.fraction())
            self._failing[sweep.name] = f"failed {failures} times in a row: {type(error).__name__}: {error}"
            # Once for each time it begins to fail: health and the counter tell the rest.
            if failures == 1:
                logger.exception("sweep_failed", sweep=sweep.name, exc_info=not is_outage(error), error=repr(error))
            return
        ended = clock.monotonic()
        self._failing.pop(sweep.name, None)
        self._metrics.swept(sweep.name, count, ended - began)
        agenda.swept(sweep, count, now=ended, jitter=ids.fraction())
        if count:
            logger.info("swept", sweep=sweep.name, count=count)

    async def _rest(self, due: float | None) -> None:
        """Wait until there may be something to do."""
        seconds = BEAT_SECONDS if due is None else min(BEAT_SECONDS, max(0.0, due - clock.monotonic()))
        try:
            async with asyncio.timeout(seconds):
                await self._stir.wait()
        except TimeoutError:
            return

    def _holds(self, held: bool) -> None:  # noqa: FBT001 - what the gauge is set to
        self.held = held
        self._metrics.holds(held)

    async def _stir_at(self, event: asyncio.Event) -> None:
        await event.wait()
        self._stir.set()
