"""The one way in which a batch reaches a consumer, whichever bus it came from."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog

from regista.kit import clock
from regista.kit.bus.arrival import Arrival
from regista.kit.bus.fault import Fault, classify
from regista.kit.bus.model import Consumer, Parking, Received
from regista.kit.db.faults import is_outage
from regista.kit.service import Health

logger = structlog.get_logger()

TRANSIENT_ATTEMPTS = 5
"""Runs of a batch that meets nothing but serialization failures and deadlocks, before it counts as an outage."""


class _Blocked(NamedTuple):
    since: float
    reason: str


class Feed:
    """Feeds one consumer, one batch at a time.

    ``process`` returns when every record of the batch is committed by the consumer or parked; it raises nothing but
    cancellation, after which nothing may be acknowledged. ``least`` and ``most`` bound the wait between two attempts
    during an outage, in seconds.
    """

    def __init__(self, consumer: Consumer[Any], parking: Parking, *, least: float = 0.1, most: float = 5.0) -> None:
        self.group = consumer.group
        self._consumer = consumer
        self._parking = parking
        self._least = least
        self._most = most
        self._takes_all = bool(getattr(consumer, "accepts_malformed", False))
        self._turn = asyncio.Lock()
        self._blocked: _Blocked | None = None

    def health(self) -> Health:
        """Return not ready while an outage blocks; an outage of something else is no reason to restart."""
        if self._blocked is None:
            return Health(ready=True)
        waited = clock.monotonic() - self._blocked.since
        return Health(ready=False, detail=f"blocked for {waited:.0f} s: {self._blocked.reason}")

    async def process(self, batch: Sequence[Arrival]) -> None:
        """Take the batch to its end, in order."""
        # A consumer has one transaction at a time, whoever calls: shards published side by side queue here.
        async with self._turn:
            try:
                await self._bisect(await self._sound(batch))
            finally:
                self._blocked = None

    async def _sound(self, batch: Sequence[Arrival]) -> list[Arrival]:
        sound: list[Arrival] = []
        for arrival in batch:
            if arrival.malformed is None or self._takes_all:
                sound.append(arrival)
            else:
                await self._park(arrival, arrival.malformed)
        return sound

    async def _bisect(self, arrivals: Sequence[Arrival]) -> None:
        if not arrivals:
            return
        error = await self._run([arrival.record for arrival in arrivals])
        if error is None:
            return
        if len(arrivals) == 1:
            await self._park(arrivals[0], error)
            return
        middle = len(arrivals) // 2
        await self._bisect(arrivals[:middle])
        await self._bisect(arrivals[middle:])

    async def _run(self, records: Sequence[Received[Any]]) -> Exception | None:
        """Hand the records over until they are committed (None) or found to be at fault (the error)."""
        transient = 0
        attempt = 0
        while True:
            try:
                await self._consumer.handle(records)
            except Exception as error:  # noqa: BLE001 - whatever it is, classify decides what becomes of the batch
                fault = classify(error)
                if fault is Fault.TRANSIENT and transient < TRANSIENT_ATTEMPTS:
                    transient += 1
                    continue
                if fault is Fault.GUILTY and not (self._takes_all and len(records) == 1):
                    return error
                attempt += 1
                await self._wait(attempt, error)
            else:
                self._unblock()
                return None

    async def _park(self, arrival: Arrival, error: Exception) -> None:
        attempt = 0
        while True:
            try:
                await self._parking.park(self.group, arrival.record, arrival.origin, error)
            except Exception as failure:  # noqa: BLE001 - a record that cannot be parked must not be lost: it blocks
                attempt += 1
                await self._wait(attempt, failure)
            else:
                break
        self._unblock()
        logger.error(
            "record_parked",
            group=self.group,
            origin=str(arrival.origin),
            event_id=str(arrival.origin.event_id),
            error=type(error).__name__,
        )

    async def _wait(self, attempt: int, error: Exception) -> None:
        reason = f"{'PostgreSQL does not answer: ' if is_outage(error) else ''}{type(error).__name__}: {error}"
        if self._blocked is None:
            self._blocked = _Blocked(clock.monotonic(), reason)
            logger.warning("consumer_blocked", group=self.group, error=type(error).__name__)
        else:
            self._blocked = self._blocked._replace(reason=reason)
        await asyncio.sleep(min(self._least * 2 ** min(attempt - 1, 16), self._most))

    def _unblock(self) -> None:
        if self._blocked is not None:
            waited = clock.monotonic() - self._blocked.since
            self._blocked = None
            logger.info("consumer_unblocked", group=self.group, seconds=round(waited, 1))
