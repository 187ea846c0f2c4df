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
from typing import NamedTuple

from regista.automations.run_triggers import Difference, Direction, Metric, Threshold, ZScore

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class Passed(NamedTuple):
    """A value that passed: its place among the new ones, the values that were judged, and what was compared."""

    place: int
    values: list[float]
    value: float


def digest(metric: Metric) -> bytes:
    """Return what tells a test from others: state of one is worth nothing to another."""
    return hashlib.blake2b(metric.model_dump_json().encode(), digest_size=8).digest()


def judged(metric: Metric) -> int:
    """Return how many values are looked at, the newest included."""
    if isinstance(metric, ZScore):
        return metric.window + 1
    window = metric.window if metric.aggregate is not None else 1
    if isinstance(metric, Threshold):
        return window
    return window + (metric.prior_window if metric.aggregate is not None else 1)


def passes(metric: Metric, before: Sequence[float], new: Sequence[float]) -> Iterator[Passed]:
    """Yield each of the new values that passes, ``before`` being what `kept` said of those that came earlier."""
    values = [*before, *new]
    count = judged(metric)
    for place in range(len(new)):
        end = len(before) + place + 1
        if end < count:
            continue
        window = values[end - count : end]
        compared = _compared(metric, window)
        if _holds(metric, compared):
            yield Passed(place, window, compared)


def kept(metric: Metric, before: Sequence[float], new: Sequence[float]) -> list[float]:
    """Return the values that what comes next is judged with."""
    count = judged(metric) - 1
    return [*before, *new][-count:] if count else []


def _compared(metric: Metric, values: Sequence[float]) -> float:
    match metric:
        case Threshold():
            return _aggregate(metric.aggregate, values)
        case Difference():
            size = metric.prior_window if metric.aggregate is not None else 1
            before = _aggregate(metric.aggregate, values[:size])
            change = _aggregate(metric.aggregate, values[size:]) - before
            return _ratio(change, abs(before)) if metric.change == "relative" else change
        case ZScore():
            return _zscore(values[:-1], values[-1])


def _holds(metric: Metric, compared: float) -> bool:
    if isinstance(metric, Threshold):
        return _COMPARE[metric.comparison](compared, metric.value)
    return _moved(metric.direction, compared, metric.value)


def _moved(direction: Direction, by: float, least: float) -> bool:
    return (direction != "decrease" and by >= least) or (direction != "increase" and by <= -least)


def _aggregate(name: str | None, values: Sequence[float]) -> float:
    if name is None:
        return values[-1]
    if name == "average":
        return sum(values) / len(values)
    # Python's own say of NaN depends on where it stands.
    if any(map(math.isnan, values)):
        return math.nan
    return min(values) if name == "min" else max(values)


def _zscore(before: Sequence[float], value: float) -> float:
    lowest, highest = min(before), max(before)
    if lowest == highest and not any(map(math.isnan, before)):
        # The mean of equal values need not be their value to the last bit.
        return _ratio(value - lowest, 0)
    mean = sum(before) / len(before)
    return _ratio(value - mean, math.dist(before, [mean] * len(before)) / math.sqrt(len(before)))


def _ratio(part: float, whole: float) -> float:
    if whole == 0:
        return math.copysign(math.inf, part) if part else 0.0
    return part / whole
