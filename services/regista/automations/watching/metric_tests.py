"""Whether a run's metric passes the test of an automation: as W&B documents its run metric automations. Pure.

Values are those that a run has logged of one metric, oldest first, each judged when it comes, with those before it. A
test is judged once its windows are full. Without an aggregate a window is one value, whatever its size says.

- threshold: the aggregate of the last ``window`` values, compared;
- change: that aggregate against the same one of the ``prior_window`` values before, which overlap nowhere: an increase
  or decrease by at least so much, or by at least this fraction of what was before (from 0, every change is infinite);
- z-score: how many standard deviations (of the population) the last value lies from the mean of the ``window`` values
  before it, inclusive. It is no part of them: among ``n`` values none can be further than the root of ``n``. Where all of
  them were equal, any other value is infinitely far.

Infinities are numbers like others. Whatever NaN is part of is NaN, which passes nothing; it leaves with its window.
"""

import hashlib
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import NamedTuple

from regista.automations.run_triggers import Difference, Metric, Threshold, ZScore
from regista.automations.watching import windows

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_AGGREGATE: dict[str, Callable[[Sequence[float], int], Iterator[float]]] = {
    "average": windows.means,
    "min": windows.lowest,
    "max": windows.highest,
}
_TOGETHER = 1000
"""Values that are prepared at once, at least: more would hold up the loop of whoever takes a rest between two."""


class Passed(NamedTuple):
    """What passed: what was compared, and where among a series the values stand that were judged, the new one last."""

    value: float
    series: list[float]
    place: slice

    @property
    def values(self) -> list[float]:
        """The values that were judged."""
        return self.series[self.place]


def digest(metric: Metric) -> bytes:
    """Return what tells a test from others: state of one is worth nothing to another."""
    return hashlib.blake2b(metric.model_dump_json().encode(), digest_size=8).digest()


def judged(metric: Metric) -> int:
    """Return how many values are looked at, the newest included."""
    if isinstance(metric, ZScore):
        return metric.window + 1
    window = _window(metric, metric.window)
    return window if isinstance(metric, Threshold) else window + _window(metric, metric.prior_window)


def judge(metric: Metric, before: Sequence[float], new: Sequence[float]) -> Iterator[Passed | None]:
    """Yield for each of the new values what passes with it, None where it does not.

    ``before`` is what `kept` said of those that came earlier. A value costs the same, however large the windows are.
    """
    count = judged(metric)
    passes = _passes(metric)
    values = [*kept(metric, before, ()), *new]
    places = len(values) - count + 1
    yield from repeat(None, len(new) - max(places, 0))
    # Of each part, as many values as are looked at are prepared a second time.
    together = max(_TOGETHER, 2 * count)
    for start in range(0, places, together):
        part = values[start : start + together + count - 1]
        for place, compared in enumerate(_compared(metric, part), start):
            yield Passed(compared, values, slice(place, place + count)) if passes(compared) else None


def kept(metric: Metric, before: Sequence[float], new: Sequence[float]) -> list[float]:
    """Return the values that what comes next is judged with."""
    count = judged(metric) - 1
    return [*before, *new][-count:] if count else []


def _window(metric: Threshold | Difference, size: int) -> int:
    return size if metric.aggregate is not None else 1


def _compared(metric: Metric, values: Sequence[float]) -> Iterator[float]:
    """Yield what is compared at each place where all that is looked at is there."""
    if isinstance(metric, ZScore):
        return windows.zscores(values, metric.window)
    window = _window(metric, metric.window)
    if isinstance(metric, Threshold):
        return _aggregates(metric.aggregate, values, window)
    prior = _window(metric, metric.prior_window)
    before = _aggregates(metric.aggregate, values[: len(values) - window], prior)
    after = _aggregates(metric.aggregate, values[prior:], window)
    return map(_fraction if metric.change == "relative" else _change, before, after)


def _aggregates(name: str | None, values: Sequence[float], window: int) -> Iterator[float]:
    return iter(values) if name is None else _AGGREGATE[name](values, window)


def _change(before: float, after: float) -> float:
    return after - before


def _fraction(before: float, after: float) -> float:
    change = after - before
    if before:
        return change / abs(before)
    return change * math.inf if change else 0.0


def _passes(metric: Metric) -> Callable[[float], bool]:
    limit = metric.value
    if isinstance(metric, Threshold):
        compare = _COMPARE[metric.comparison]
        return lambda compared: compare(compared, limit)
    if metric.direction == "increase":
        return lambda compared: compared >= limit
    if metric.direction == "decrease":
        return lambda compared: compared <= -limit
    return lambda compared: abs(compared) >= limit
