"""Which lane is served next: the one that has waited longest among those that may send. No I/O."""

from collections import deque
from heapq import heappop, heappush
from itertools import count

from regista.delivery.lane import Due, Lane


class Rota:
    """The lanes with something to send. Each turn serves one row, then the lane goes behind all others.

    ``limit`` bounds the sends in flight of the whole process. Of its last quarter no lane gets a second slot, so that
    many endpoints that hang at the same time do not keep the healthy waiting.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_flight = 0
        self._reserve = limit * 3 // 4
        self._ready: deque[Lane] = deque()
        self._crowded: dict[Lane, None] = {}
        self._later: list[tuple[float, int, Lane]] = []
        self._order = count(1)

    @property
    def next_at(self) -> float | None:
        """When the next lane that waits for its pace or circuit may go on."""
        return self._later[0][0] if self._later else None

    def offer(self, lane: Lane) -> int:
        """Put the lane into the rota if it has anything to send; return how many sends could start."""
        if lane.listed:
            return 0
        startable = lane.startable
        if startable > 0:
            lane.listed = True
            self._ready.append(lane)
        return startable

    def hasten(self, lane: Lane) -> int:
        """Offer the lane again although it waits for a moment: what it waited for may have changed."""
        if lane.turn:
            lane.turn = 0
            lane.listed = False
        return self.offer(lane)

    def promote(self, now: float) -> int:
        """Put those back whose moment has come; return how many sends could start."""
        startable = 0
        while self._later and self._later[0][0] <= now:
            _, turn, lane = heappop(self._later)
            if lane.turn == turn:
                startable += self.hasten(lane)
        return startable

    def take(self, now: float) -> tuple[Lane, Due] | None:
        """Start the next send, None if none may start now."""
        if self.in_flight >= self.limit:
            return None
        ready = self._ready
        while ready:
            lane = ready.popleft()
            lane.listed = False
            if lane.startable <= 0:
                continue
            if self.in_flight >= self._reserve and lane.in_flight:
                lane.listed = True
                self._crowded[lane] = None
                continue
            wait = lane.wait(now)
            if wait > 0:
                # Infinity is a probe in flight: its end offers the lane again.
                if wait != float("inf"):
                    lane.listed = True
                    lane.turn = next(self._order)
                    heappush(self._later, (now + wait, lane.turn, lane))
                continue
            due = lane.take(now)
            self.in_flight += 1
            if lane.startable > 0:
                lane.listed = True
                ready.append(lane)
            return lane, due
        return None

    def end(self, lane: Lane) -> None:
        """Free the slot of a send that has ended."""
        lane.in_flight -= 1
        self.in_flight -= 1
        if self._crowded:
            if self.in_flight < self._reserve:
                self._ready.extend(self._crowded)
                self._crowded.clear()
            elif lane.in_flight == 0 and lane in self._crowded:
                del self._crowded[lane]
                self._ready.append(lane)
        self.offer(lane)
