"""When a lane is closed because nearly everything fails, and how it opens again. Pure: time comes in.

Counts are kept in buckets, so that a lane's window costs the same whatever it sends. They are the owner's memory: the
next owner of the lane begins an empty window, which costs a dead endpoint ten more attempts.
"""

from collections import deque
from typing import Final

WINDOW: Final = 300.0
"""Seconds that are looked at."""
BUCKET: Final = 10.0
MINIMUM: Final = 10
"""Attempts within the window below which nothing is concluded."""
SHARE: Final = 0.7
"""Share of failures that closes the lane."""
REST: Final = 30.0
"""Seconds that it stays closed before one probe."""


class Circuit:
    """The window of one lane. ``reopens`` is None while everything may be sent."""

    __slots__ = ("_buckets", "_failed", "_probing", "_total", "reopens")

    def __init__(self) -> None:
        self._buckets: deque[list[float]] = deque()  # [end, attempts, failures]
        self._total = 0.0
        self._failed = 0.0
        self._probing = False
        self.reopens: float | None = None

    def wait(self, now: float) -> float:
        """Return the seconds until something may be sent, 0 for at once, infinity while a probe is out."""
        if self.reopens is None:
            return 0.0
        if self._probing:
            return float("inf")
        return max(0.0, self.reopens - now)

    def start(self) -> bool:
        """Note a send, when `wait` is 0; return whether it is the probe."""
        if self.reopens is None:
            return False
        self._probing = True
        return True

    def abandon(self) -> None:
        """Forget the probe: it was no attempt, so another may be made."""
        self._probing = False

    def end(self, now: float, *, failed: bool, probe: bool) -> None:
        """Count an attempt. A probe decides: it opens the lane with a clean window, or closes it again."""
        if probe:
            self._probing = False
            self.reopens = now + REST if failed else None
            if not failed:
                self._buckets.clear()
                self._total = self._failed = 0.0
            return
        if not self._buckets or self._buckets[-1][0] <= now:
            self._forget(now)
            self._buckets.append([now + BUCKET, 0.0, 0.0])
        bucket = self._buckets[-1]
        bucket[1] += 1
        self._total += 1
        if not failed:
            return
        bucket[2] += 1
        self._failed += 1
        self._forget(now)
        if self.reopens is None and self._total >= MINIMUM and self._failed >= SHARE * self._total:
            self.reopens = now + REST

    def _forget(self, now: float) -> None:
        while self._buckets and self._buckets[0][0] <= now - WINDOW:
            _, attempts, failures = self._buckets.popleft()
            self._total -= attempts
            self._failed -= failures
