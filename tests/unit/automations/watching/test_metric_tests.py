import math
import operator
import random
import statistics
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regista.automations.run_triggers import Metric, MetricTrigger, Threshold, ZScore, parse_trigger
from regista.automations.watching.metric_tests import digest, judge, judged, kept

INF, NAN = math.inf, math.nan


def metric(test: str = "threshold", **changes: Any) -> Metric:
    given: dict[str, Any] = {"test": test, "name": "loss", "window": 1, "value": 1}
    if test == "threshold":
        given |= {"comparison": ">"}
    else:
        given |= {"direction": "any"}
    if test == "change":
        given |= {"prior_window": 1, "change": "absolute"}
    found = parse_trigger({"metric": {**given, **changes}})
    assert isinstance(found, MetricTrigger)
    return found.metric


def places(asked: Metric, values: Sequence[float]) -> list[int]:
    return [place for place, passed in enumerate(judge(asked, [], values)) if passed is not None]


@pytest.mark.parametrize(
    ("changes", "values", "wanted"),
    [
        # Inclusive and exclusive, at the threshold itself.
        ({"comparison": ">"}, [0, 1, 2], [2]),
        ({"comparison": ">="}, [0, 1, 2], [1, 2]),
        ({"comparison": "<"}, [0, 1, 2], [0]),
        ({"comparison": "<="}, [0, 1, 2], [0, 1]),
        # Without an aggregate the window's size says nothing.
        ({"window": 50}, [0, 2], [1]),
        # A window is judged once it is full, and moves on.
        ({"window": 3, "aggregate": "average"}, [9, 9, 9, 0, 0, 0], [2, 3, 4]),
        ({"window": 2, "aggregate": "min"}, [9, 0, 2, 2], [3]),
        ({"window": 2, "aggregate": "max"}, [9, 0, 0, 2], [1, 3]),
        # What is no number passes nothing; the infinities are numbers.
        ({}, [NAN, INF, -INF], [1]),
        ({"comparison": "<"}, [NAN, INF, -INF], [2]),
        ({"window": 2, "aggregate": "average"}, [NAN, 9, 9, INF], [2, 3]),
        ({"window": 2, "aggregate": "max"}, [9, NAN, 9, 9], [3]),
        ({"window": 2, "aggregate": "min"}, [NAN, 9, 9], [2]),
        ({"window": 2, "aggregate": "average"}, [INF, -INF], []),
    ],
)
def test_a_threshold_is_compared_with_the_last_window(
    changes: dict[str, Any], values: list[float], wanted: list[int]
) -> None:
    assert places(metric(**changes), values) == wanted


@pytest.mark.parametrize(
    ("changes", "values", "wanted"),
    [
        # By at least so much, in its direction.
        ({"direction": "increase"}, [0, 1, 1.5, 0], [1]),
        ({"direction": "decrease"}, [0, 1, 0.5, -0.5], [3]),
        ({"direction": "any"}, [0, 1, 1.5, 0], [1, 3]),
        ({"change": "relative", "value": 0.5}, [2, 3, 2.9, 1.45], [1, 3]),
        ({"change": "relative", "value": 0.5, "direction": "increase"}, [-2, -1], [1]),
        # From nothing, every change is infinite; none is none.
        ({"change": "relative", "value": 1000}, [0, 0, 1e-9], [2]),
        ({"change": "relative", "value": 1000, "direction": "decrease"}, [0, 1], []),
        # The windows follow one another, and both must be full.
        ({"window": 2, "prior_window": 3, "aggregate": "average"}, [0, 0, 0, 0, 2, 2, 2], [4, 5, 6]),
        ({"window": 1, "prior_window": 2, "aggregate": "max", "direction": "decrease"}, [0, 5, 4, 4], [2, 3]),
        ({"window": 9, "prior_window": 9}, [0, 1], [1]),
        ({}, [INF, INF, 0, NAN, 0], [2]),
        # NaN is no change from nothing, and infinity none from itself.
        ({"change": "relative"}, [0, NAN, 0, 0, INF, INF, INF, 0], [4]),
        ({"change": "relative", "window": 2, "prior_window": 2, "aggregate": "average"}, [0, 0, 0, NAN, 0, 0], []),
    ],
)
def test_a_change_is_measured_against_the_window_before(
    changes: dict[str, Any], values: list[float], wanted: list[int]
) -> None:
    assert places(metric("change", **changes), values) == wanted


@pytest.mark.parametrize(
    ("changes", "values", "wanted"),
    [
        ({"window": 2, "value": 3}, [0, 2, 4, 5], [2]),
        ({"window": 2, "value": 3, "direction": "decrease"}, [0, 2, 4, -2], [3]),
        ({"window": 2, "value": 3, "direction": "increase"}, [0, 2, -2], []),
        # Equal values have no deviation: another is infinitely far, one more of them is not far at all.
        ({"window": 3, "value": 0.5}, [0.1, 0.1, 0.1, 0.1, 0.1 + 1e-9], [4]),
        ({"window": 1, "value": 99}, [1, 1, 2], [2]),
        ({"window": 2, "value": 3}, [NAN, 1, 9, 1, 2, INF, 1, 1], [5]),
        # NaN and infinity after themselves are no distance from equal values.
        ({"window": 3}, [0, 0, 0, NAN, 0, 0, 0, 0], []),
        ({"window": 2}, [INF, INF, INF, NAN, INF, INF, 1], [6]),
        ({"window": 2}, [INF, -INF, INF, 0, -INF], []),
    ],
)
def test_a_zscore_is_the_distance_from_the_values_before(
    changes: dict[str, Any], values: list[float], wanted: list[int]
) -> None:
    assert places(metric("zscore", **changes), values) == wanted


def test_what_passed_says_what_was_judged_and_what_was_compared() -> None:
    found, nothing = judge(metric(window=2, aggregate="average"), [1.0], [2.0, 0.0])
    assert found is not None
    assert (found.values, found.value, nothing) == ([1.0, 2.0], 1.5, None)
    (found,) = judge(metric("zscore", window=2, value=3), [0.0, 2.0], [-4.0])
    assert found is not None
    assert (found.values, found.value) == ([0.0, 2.0, -4.0], -5.0)


VALUES = st.lists(
    st.floats(-1e6, 1e6) | st.integers(-2, 2).map(float) | st.sampled_from([NAN, INF, -INF, 0.1, 1e40, 1e-40]),
    max_size=30,
)
WINDOW = st.integers(1, 5)
AGGREGATE = st.sampled_from([None, "average", "min", "max"])
DIRECTION = st.sampled_from(["increase", "decrease", "any"])
METRICS = st.one_of(
    st.builds(
        metric,
        window=WINDOW,
        aggregate=AGGREGATE,
        comparison=st.sampled_from(["<", "<=", ">", ">="]),
        value=st.floats(-10, 10),
    ),
    st.builds(
        metric,
        st.just("change"),
        window=WINDOW,
        prior_window=WINDOW,
        aggregate=AGGREGATE,
        direction=DIRECTION,
        change=st.sampled_from(["absolute", "relative"]),
    ),
    st.builds(metric, st.just("zscore"), window=WINDOW, direction=DIRECTION),
)


def mean(values: Sequence[float]) -> float:
    if not all(map(math.isfinite, values)):
        return sum(values) if any(map(math.isfinite, values)) else sum([0.0, *values])
    return float(sum(map(Fraction, values)) / len(values))


def aggregate(name: str | None, values: Sequence[float]) -> float:
    if name is None:
        return values[-1]
    if name == "average":
        return mean(values)
    return NAN if any(map(math.isnan, values)) else min(values) if name == "min" else max(values)


def zscore(before: Sequence[float], value: float) -> float:
    if math.isnan(value) or any(map(math.isnan, before)):
        return NAN
    if len(set(before)) == 1:
        away = value - before[0]
        return math.copysign(INF, away) if away and not math.isnan(away) else away
    if not all(map(math.isfinite, before)):
        return NAN
    if math.isinf(value):
        return value
    middle = sum(map(Fraction, before)) / len(before)
    away = Fraction(value) - middle
    square = away**2 / (sum((Fraction(each) - middle) ** 2 for each in before) / len(before))
    power = 600 if square > 2**1000 else 0
    return (1 if away > 0 else -1) * math.sqrt(square / 4**power) * 2.0**power


def said(asked: Metric, values: Sequence[float]) -> float:
    """Return what is compared, by what `metric_tests` says of itself, in exact numbers."""
    if isinstance(asked, ZScore):
        return zscore(values[:-1], values[-1])
    if isinstance(asked, Threshold):
        return aggregate(asked.aggregate, values)
    prior = asked.prior_window if asked.aggregate is not None else 1
    before, after = aggregate(asked.aggregate, values[:prior]), aggregate(asked.aggregate, values[prior:])
    if asked.change == "absolute":
        return after - before
    if before == 0:
        return 0.0 if after == 0 else math.copysign(INF, after) if not math.isnan(after) else NAN
    return (after - before) / abs(before)


def holds(asked: Metric, compared: float) -> bool:
    if isinstance(asked, Threshold):
        compare = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}[asked.comparison]
        return compare(compared, asked.value)
    up, down = compared >= asked.value, compared <= -asked.value
    return {"increase": up, "decrease": down, "any": up or down}[asked.direction]


@settings(max_examples=300)
@given(METRICS, VALUES, st.lists(st.integers(0, 30), max_size=4))
def test_it_is_the_same_however_the_values_come(asked: Metric, values: list[float], cuts: list[int]) -> None:
    whole = places(asked, values)
    before: list[float] = []
    found: list[int] = []
    edges = sorted({0, len(values), *(cut for cut in cuts if cut < len(values))})
    for start, end in pairwise(edges):
        judgements = list(judge(asked, before, values[start:end]))
        assert len(judgements) == end - start
        found += [start + place for place, passed in enumerate(judgements) if passed is not None]
        before = kept(asked, before, values[start:end])
        assert len(before) < judged(asked)
    assert found == whole


@settings(max_examples=300)
@given(st.lists(st.floats(-100, 100), min_size=4, max_size=8), st.floats(-500, 500))
def test_a_zscore_is_what_statistics_says(before: list[float], value: float) -> None:
    deviation = statistics.pstdev(before)
    if deviation < 1e-6:
        return
    wanted = (value - statistics.fmean(before)) / deviation
    (found,) = judge(metric("zscore", window=len(before), value=1e-9), before, [value])
    assert (found and found.value) == (pytest.approx(wanted, rel=1e-6) if abs(wanted) >= 1e-9 else None)


@settings(max_examples=500)
@given(METRICS, VALUES)
def test_it_is_what_is_said_of_it(asked: Metric, values: list[float]) -> None:
    count = judged(asked)
    for end, found in enumerate(judge(asked, [], values), 1):
        window = values[end - count : end] if end >= count else []
        compared = said(asked, window) if window else NAN
        assert (found is not None) == holds(asked, compared)
        if found is not None:
            assert (found.values, found.value) == (window, compared)
            assert not any(map(math.isnan, [*found.values, found.value]))


@pytest.mark.parametrize("test", ["threshold", "change", "zscore"])
def test_it_is_the_same_beyond_what_is_prepared_at_once(test: str) -> None:
    chance = random.Random(5)
    asked = metric(test, window=7, value=2) if test == "zscore" else metric(test, window=7, aggregate="average")
    values = [chance.gauss(0, 3) if chance.random() < 0.95 else chance.choice([NAN, INF, 1e100]) for _ in range(3500)]
    wanted = [
        place
        for place in range(judged(asked) - 1, len(values))
        if holds(asked, said(asked, values[place - judged(asked) + 1 : place + 1]))
    ]
    assert places(asked, values) == wanted
    assert len(wanted) > 100


@pytest.mark.parametrize("stuck", [NAN, INF, -INF])
@pytest.mark.parametrize("length", [1, 2, 9])
@pytest.mark.parametrize("before", [0.0, 0.1, 1.0, INF, -INF])
def test_whatever_stays_what_it_is_or_is_no_number_neither_changes_nor_strays(
    stuck: float, length: int, before: float
) -> None:
    for change in ("absolute", "relative"):
        for aggregate in (None, "average", "min", "max"):
            asked = metric("change", change=change, aggregate=aggregate, window=2, prior_window=2, value=1e-9)
            assert not any(judge(asked, [stuck] * 3, [stuck] * length))
            assert not any(judge(asked, [before] * 3, [NAN] * length))
    asked = metric("zscore", window=3, value=1e-9)
    assert not any(judge(asked, [stuck] * 3, [stuck] * length))
    assert not any(judge(asked, [before] * 3, [before] * length))
    assert not any(judge(asked, [before] * 3, [NAN] * length))


def test_a_digest_tells_tests_apart() -> None:
    asked = [metric(), metric(value=2), metric(comparison="<"), metric(window=2), metric(name="acc"), metric("zscore")]
    assert len({digest(each) for each in asked}) == len(asked)
    assert digest(metric()) == digest(metric())
