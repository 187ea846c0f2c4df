"""What a window that moves over a series says of its values, one result for each place of it, left to right. Pure.

A series of ``n`` values, no fewer than the window's, has ``n - window + 1`` places; each costs the same, however large
the window is. Results depend on the window's values alone, not on what stood before them: sums are exact, of whole
numbers, and rounded once. So a mean of equal values is their value, nothing drifts, and NaN and the infinities leave with
their window.
"""

import math
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import add, mul, neg, sub
from typing import NamedTuple

_MANTISSA = sys.float_info.mant_dig
"""Bits of a float's digits: times 2 to this, less its exponent, it is whole."""


class _Exact(NamedTuple):
    """A series as whole numbers, each 2 ** ``bits`` times its value; those that are not finite are 0.

    ``strays`` are the values that are not finite, with 0.0 for the others; None where there are none.
    """

    whole: list[int]
    bits: int
    strays: list[float] | None


def means(values: Sequence[float], window: int) -> Iterator[float]:
    """Yield the mean of each window: NaN with NaN or both infinities among its values."""
    exact = _exact(values)
    divisor = window << exact.bits
    found = (total / divisor for total in _sums(exact.whole, window))
    return found if exact.strays is None else map(add, found, _stray(exact.strays, window))


def lowest(values: Sequence[float], window: int) -> Iterator[float]:
    """Yield the least value of each window: NaN with NaN among its values."""
    # Rising from the window's least value to its last one; whoever has a lower one behind it will never be the least.
    rising: deque[tuple[float, int]] = deque()
    unknown = -window
    for place, value in enumerate(values):
        if value != value:  # noqa: PLR0124 - NaN
            unknown = place
        else:
            while rising and rising[-1][0] >= value:
                rising.pop()
            rising.append((value, place))
        if rising and rising[0][1] <= place - window:
            rising.popleft()
        if place >= window - 1:
            yield math.nan if unknown > place - window else rising[0][0]


def highest(values: Sequence[float], window: int) -> Iterator[float]:
    """Yield the greatest value of each window: NaN with NaN among its values."""
    return map(neg, lowest(list(map(neg, values)), window))


def zscores(values: Sequence[float], window: int) -> Iterator[float]:
    """Yield how many standard deviations of the population each value is away from the mean of the ``window`` before it.

    One result for each value that has as many before it. Where those are all equal, the value is infinitely far, unless
    it is equal too: 0. NaN where NaN or, beside others, infinities are part of it, and for infinity after itself.
    """
    exact = _exact(values)
    whole = exact.whole
    squares = list(map(mul, whole, whole))
    pairs = zip(whole[window:], _sums(whole[:-1], window), _sums(squares[:-1], window), strict=True)
    found = (_zscore(window * value - total, window * square - total * total) for value, total, square in pairs)
    if exact.strays is None:
        return found
    strays = exact.strays
    sides = zip(lowest(strays[:-1], window), highest(strays[:-1], window), strict=True)
    return map(_astray, found, strays[window:], sides)


def _zscore(part: int, whole: int) -> float:
    """Return ``part`` divided by the root of ``whole``."""
    if part == 0:
        return 0.0
    sign = 1 if part > 0 else -1
    if whole == 0:
        return sign * math.inf
    # Of a power of two, so that neither the square nor what is left of it leaves the floats.
    power = part.bit_length() - whole.bit_length() // 2
    square = part * part / (whole << 2 * power) if power >= 0 else (part * part << -2 * power) / whole
    try:
        return sign * math.ldexp(math.sqrt(square), power)
    except OverflowError:
        return sign * math.inf


def _astray(found: float, value: float, sides: tuple[float, float]) -> float:
    """Return what a z-score is that was found with 0 for whatever is not finite.

    ``value`` is the stray at its own place, 0 if it has none, ``sides`` the least and the greatest of those before it.
    """
    least, greatest = sides
    if least == greatest == 0:
        return value or found
    # Only where every value of the window is the same infinity, none of them is 0.
    return value - least if least == greatest else math.nan


def _stray(strays: Sequence[float], window: int) -> Iterator[float]:
    """Yield what is to be added to the mean of what is finite in each window."""
    return map(add, lowest(strays, window), highest(strays, window))


def _sums(whole: Sequence[int], window: int) -> Iterator[int]:
    return accumulate(map(sub, whole[window:], whole), initial=sum(whole[:window]))


def _exact(values: Sequence[float]) -> _Exact:
    if all(map(math.isfinite, values)):
        return _Exact(*_whole(values), None)
    finite = [value if math.isfinite(value) else 0.0 for value in values]
    strays = [0.0 if math.isfinite(value) else value for value in values]
    return _Exact(*_whole(finite), strays)


def _whole(values: Sequence[float]) -> tuple[list[int], int]:
    """Return finite values as whole numbers, and the power of two that each was multiplied by."""
    sizes = list(map(abs, filter(None, values)))
    if not sizes:
        return [0] * len(values), 0
    bits = max(0, _MANTISSA - math.frexp(min(sizes))[1])
    if bits + max(0, math.frexp(max(sizes))[1]) < sys.float_info.max_exp:
        factor = 2.0**bits
        return [int(value * factor) for value in values], bits
    one = 1 << bits
    return [numerator * (one // denominator) for numerator, denominator in map(float.as_integer_ratio, values)], bits
