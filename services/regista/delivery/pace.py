"""How fast a lane may go: at most so many sends within any period. Pure: time comes in.

The record of the last sends is the owner's memory: the next owner may send up to one period's worth sooner.
"""

from collections import deque

from regista.delivery.contract import Throttle


class Pace:
    """The last sends of one lane, against its throttle."""

    __slots__ = ("_starts", "throttle")

    def __init__(self, throttle: Throttle) -> None:
        self.throttle = throttle
        self._starts: deque[float] = deque(maxlen=throttle.limit)

    def wait(self, now: float) -> float:
        """Return the seconds until the next send may start, 0 for at once."""
        if len(self._starts) < self.throttle.limit:
            return 0.0
        return max(0.0, self._starts[0] + self.throttle.seconds - now)

    def start(self, now: float) -> None:
        """Note a send."""
        self._starts.append(now)
