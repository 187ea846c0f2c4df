import math
from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from regista.automations.watching.windows import highest, lowest, means, zscores

INF, NAN = math.inf, math.nan
SERIES = st.lists(st.floats(), min_size=8, max_size=24)
FINITE = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=9, max_size=24)


def same(found: Sequence[float], wanted: Sequence[float]) -> bool:
    return len(found) == len(wanted) and all(
        one == other or (math.isnan(one) and math.isnan(other)) for one, other in zip(found, wanted, strict=True)
    )


@settings(max_examples=300)
@given(SERIES, st.integers(1, 8))
def test_the_least_and_the_greatest_are_those_of_the_window(values: list[float], window: int) -> None:
    parts = [values[place : place + window] for place in range(len(values) - window + 1)]
    unknown = [any(map(math.isnan, part)) for part in parts]
    assert same(
        list(lowest(values, window)), [NAN if no else min(each) for no, each in zip(unknown, parts, strict=True)]
    )
    assert same(
        list(highest(values, window)), [NAN if no else max(each) for no, each in zip(unknown, parts, strict=True)]
    )


@settings(max_examples=300)
@given(SERIES, st.integers(1, 8))
@example([1e308] * 9, 8)
@example([5e-324, 1e308, -1e308, 0.0, 0.1, 0.1, 0.1, 0.1], 3)
def test_a_mean_is_rounded_once_and_what_is_not_finite_leaves_with_its_window(values: list[float], window: int) -> None:
    wanted: list[float] = []
    for place in range(len(values) - window + 1):
        part = values[place : place + window]
        strays = [each for each in part if not math.isfinite(each)]
        exact = sum(map(Fraction, part), Fraction()) / window if not strays else Fraction()
        wanted.append(sum(strays[1:], strays[0]) if strays else float(exact))
    assert same(list(means(values, window)), wanted)


@settings(max_examples=300)
@given(FINITE, st.integers(1, 8))
@example([1.0, 1.0 + 2**-52, 1e308, *[0.0] * 6], 2)
@example([0.0, 5e-324, 1.7e308, *[0.0] * 6], 2)
@example([-1e300, 1e300, 1.0, *[0.0] * 6], 2)
@example([1e8 + 0.1, 1e8 + 0.2, 1e8 + 0.3, *[1e8] * 6], 2)
def test_a_zscore_is_right_to_the_last_bits_at_any_size(values: list[float], window: int) -> None:
    found = list(zscores(values, window))
    assert len(found) == len(values) - window
    many = Context(prec=50)
    for place, score in enumerate(found):
        before = [Fraction(each) for each in values[place : place + window]]
        middle = sum(before, Fraction()) / window
        away = Fraction(values[place + window]) - middle
        variance = sum(((each - middle) ** 2 for each in before), Fraction()) / window
        if variance == 0:
            assert score == ((INF if away > 0 else -INF) if away else 0)
            continue
        square = away * away / variance
        root = many.sqrt(many.divide(Decimal(square.numerator), Decimal(square.denominator)))
        assert score == pytest.approx(float(root) if away > 0 else -float(root), rel=1e-15, abs=1e-323)


def test_nothing_of_a_long_series_drifts() -> None:
    values = [1e15, *([0.1] * 50_000), -1e15, *([0.3] * 20)]
    found = list(means(values, 10))
    assert set(found[1:49_991]) == {0.1}
    assert set(found[-10:]) == {0.3}
    assert set(zscores([*values, 0.4], 10)) >= {0.0, INF}
