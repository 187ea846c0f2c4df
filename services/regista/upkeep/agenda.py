"""Which sweep comes next, and when: decided from what became of those before. Pure."""

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from regista.kit import backoff
from regista.kit.db import Database

RETRY_FIRST = 1.0
SPREAD = 0.2
"""An interval is moved by up to this share of itself, either way."""


class Sweep(NamedTuple):
    """Something to do every ``seconds``.

    ``run`` is given the database and the public URL, does a bounded amount in transactions of its own, and returns how
    much: more than nothing means that there may be more. It may run twice at a time.
    """

    name: str
    seconds: float
    run: Callable[[Database, str], Awaitable[int]]


class Agenda:
    """The sweeps with the monotonic moment at which each is due; all of them at first.

    ``jitter`` is a number in [0, 1) as `regista.kit.ids.fraction` returns it.
    """

    def __init__(self, sweeps: Iterable[Sweep], now: float) -> None:
        self._due: dict[Sweep, float] = dict.fromkeys(sweeps, now)
        self._failures: dict[Sweep, int] = {}

    def next(self) -> tuple[Sweep, float] | None:
        """Return the sweep that is due first, and when; None where there is none at all."""
        return min(self._due.items(), key=lambda item: item[1], default=None)

    def swept(self, sweep: Sweep, count: int, *, now: float, jitter: float) -> None:
        """Put a sweep off that found nothing; one that did something goes on as soon as the others have had theirs."""
        self._failures.pop(sweep, None)
        self._due[sweep] = now if count else now + sweep.seconds * (1 - SPREAD + 2 * SPREAD * jitter)

    def failed(self, sweep: Sweep, *, now: float, jitter: float) -> int:
        """Put a sweep off that failed; return how often it has, in a row."""
        failures = self._failures[sweep] = self._failures.get(sweep, 0) + 1
        limit = max(sweep.seconds, RETRY_FIRST)
        self._due[sweep] = now + backoff.exponential(failures, first=RETRY_FIRST, limit=limit, jitter=jitter)
        return failures
