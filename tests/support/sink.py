"""A webhook endpoint that writes down what arrives, when, and under which id."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from regista.kit import clock
from tests.support.receiver import Answering, Receiver, Request, accept


class Arrival(NamedTuple):
    """One request: ``at`` is when it arrived, ``time`` the event's own time, both of the wall clock."""

    at: datetime
    event_id: str
    webhook_id: str
    time: datetime
    event: dict[str, Any]
    body: bytes

    @property
    def seconds(self) -> float:
        """From the event to its arrival."""
        return (self.at - self.time).total_seconds()


class Sink(Receiver):
    """Answers as told (200 by default) after writing down; ``pause`` is how long, in seconds, each answer takes."""

    def __init__(self, *, answer: Answering = accept, pause: float = 0.0) -> None:
        super().__init__(answer=self._take)
        self.arrivals: list[Arrival] = []
        self._answering = answer
        self._pause = pause

    @property
    def ids(self) -> set[str]:
        """The ids of the events that have arrived."""
        return {arrival.event_id for arrival in self.arrivals}

    def by_event(self) -> dict[str, list[Arrival]]:
        """Return the arrivals of each event, in their order."""
        found: defaultdict[str, list[Arrival]] = defaultdict(list)
        for arrival in self.arrivals:
            found[arrival.event_id].append(arrival)
        return dict(found)

    def repeats(self) -> dict[str, list[Arrival]]:
        """Return the arrivals of the events that arrived more than once."""
        return {event_id: arrivals for event_id, arrivals in self.by_event().items() if len(arrivals) > 1}

    async def goes_on(self, moment: datetime, seconds: float = 30.0) -> float:
        """Wait for the first arrival after the crash at that moment; return how long it took, in seconds."""
        # What the dead had sent may still have to be read.
        dead = moment + timedelta(seconds=0.3)
        return await self._first(lambda arrival: arrival.at > dead, moment, seconds)

    async def goes_on_with_new(self, moment: datetime, seconds: float = 30.0) -> float:
        """Wait for the first arrival of an event that happened after the moment; return how long it took, in seconds."""
        return await self._first(lambda arrival: arrival.time > moment, moment, seconds)

    async def _first(self, wanted: Callable[[Arrival], bool], moment: datetime, seconds: float) -> float:
        place = 0
        async with asyncio.timeout(seconds):
            while True:
                for arrival in self.arrivals[place:]:
                    place += 1
                    if wanted(arrival):
                        return (arrival.at - moment).total_seconds()
                await asyncio.sleep(0.01)

    async def has(self, wanted: Collection[str], seconds: float = 30.0) -> None:
        """Wait until every one of the events has arrived."""
        try:
            async with asyncio.timeout(seconds):
                while not self.ids.issuperset(wanted):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            missing = sorted(set(wanted) - self.ids)
            raise AssertionError(f"{len(missing)} of {len(wanted)} events never arrived, as {missing[:5]}") from None

    async def _take(self, request: Request, writer: asyncio.StreamWriter) -> None:
        event = json.loads(request.body)
        time = datetime.fromisoformat(event["time"])
        self.arrivals.append(
            Arrival(clock.now(), event["id"], request.headers["webhook-id"], time, event, request.body)
        )
        self.requests.clear()
        if self._pause:
            await asyncio.sleep(self._pause)
        await self._answering(request, writer)
