"""Work that is done in rounds: whenever somebody says that there may be some, and once a second, which is the truth."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from regista.kit import backoff, ids
from regista.kit.bus.fault import Fault, classify
from regista.kit.db import Database
from regista.kit.service import Health, Lifecycle

logger = structlog.get_logger()

POLL_SECONDS = 1.0
RETRY_FIRST = 0.05
RETRY_LIMIT = 2.0

Round = Callable[[], Awaitable[bool]]
"""Does a bounded amount in a transaction of its own and returns whether there may be more. Any number may run at once."""


class Rounds:
    """A service that does rounds until nothing is left, and waits for a notification of ``channel`` or the next poll.

    An outage is waited out and told by `health`; a lost race is tried again. A round on its way is waited for at the end.
    """

    def __init__(self, name: str, database: Database, channel: str, work: Round) -> None:
        self.name = name
        self._database = database
        self._channel = channel
        self._work = work
        self._stir = asyncio.Event()
        self._failing: str | None = None

    def health(self) -> Health:
        """Return not ready while rounds fail, and say why."""
        return Health(ready=self._failing is None, detail=self._failing or "")

    async def run(self, lifecycle: Lifecycle) -> None:
        """Do rounds until asked to stop. Raises what is no outage."""
        unsubscribe = self._database.wakeups.subscribe(self._channel, lambda _: self._stir.set())
        stop = asyncio.create_task(self._stir_at(lifecycle.stopping), name=f"{self.name}: stop")
        failures = 0
        try:
            lifecycle.started.set()
            while not lifecycle.stopping.is_set():
                self._stir.clear()
                try:
                    more = await self._work()
                except Exception as error:
                    fault = classify(error)
                    if fault is Fault.GUILTY:
                        raise
                    failures += 1
                    if fault is Fault.OUTAGE:
                        self._failing = f"PostgreSQL does not answer: {type(error).__name__}: {error}"
                    if failures == 1:
                        logger.warning("round_failed", service=self.name, error=repr(error))
                    pause = backoff.exponential(failures, first=RETRY_FIRST, limit=RETRY_LIMIT, jitter=ids.fraction())
                    await lifecycle.pause(pause)
                    continue
                failures, self._failing = 0, None
                if not more:
                    await self._rest()
        finally:
            unsubscribe()
            stop.cancel()
            await asyncio.gather(stop, return_exceptions=True)

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._stir.wait()

    async def _stir_at(self, event: asyncio.Event) -> None:
        await event.wait()
        self._stir.set()
