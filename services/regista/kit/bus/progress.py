"""Liveness of a consumer is its progress: records are waiting and none is taken."""

from collections.abc import Mapping


class Progress:
    """Watches positions and ends of the partitions; ``patience`` is how long, in seconds, lag may stand still.

    Connections prove nothing here: a member that is fenced, or whose fetcher died, still answers a ping.
    """

    def __init__(self, now: float, *, patience: float) -> None:
        self._patience = patience
        self._moved = now
        self._seen: object = None

    def observe(
        self, now: float, positions: Mapping[int, int], ends: Mapping[int, int], *, batches: int, in_hand: bool = False
    ) -> None:
        """Take a look: next offset to read and end by partition, batches finished so far, and whether one is in hand."""
        lag = in_hand or any(ends.get(partition, 0) > position for partition, position in positions.items())
        seen = (dict(positions), batches)
        if not lag or seen != self._seen:
            self._moved = now
        self._seen = seen

    def excuse(self, now: float) -> None:
        """Start the patience anew: the consumer stands still for a reason that is told elsewhere."""
        self._moved = now

    def standstill(self, now: float) -> float | None:
        """Return for how many seconds nothing has moved, once that is longer than the patience, or None."""
        waited = now - self._moved
        return waited if waited > self._patience else None
