import math
import statistics
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regista.automations.run_triggers import Metric, MetricTrigger, parse_trigger
from regista.automations.watching.metric_tests import digest, judged, kept, passes

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
    return [each.place for each in passes(asked, [], values)]


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
    ],
)
def test_a_zscore_is_the_distance_from_the_values_before(
    changes: dict[str, Any], values: list[float], wanted: list[int]
) -> None:
    assert places(metric("zscore", **changes), values) == wanted


def test_what_passed_says_what_was_judged_and_what_was_compared() -> None:
    (found,) = passes(metric(window=2, aggregate="average"), [1.0], [2.0])
    assert found == (0, [1.0, 2.0], 1.5)
    (found,) = passes(metric("zscore", window=2, value=3), [0.0, 2.0], [-4.0])
    assert found == (0, [0.0, 2.0, -4.0], -5.0)


VALUES = st.lists(st.floats(-1e6, 1e6) | st.sampled_from([NAN, INF, -INF]), max_size=30)
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


@settings(max_examples=300)
@given(METRICS, VALUES, st.lists(st.integers(0, 30), max_size=4))
def test_it_is_the_same_however_the_values_come(asked: Metric, values: list[float], cuts: list[int]) -> None:
    whole = places(asked, values)
    before: list[float] = []
    found: list[int] = []
    edges = sorted({0, len(values), *(cut for cut in cuts if cut < len(values))})
    for start, end in pairwise(edges):
        found += [start + each.place for each in passes(asked, before, values[start:end])]
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
    found = list(passes(metric("zscore", window=len(before), value=1e-9), before, [value]))
    assert [each.value for each in found] == ([pytest.approx(wanted, rel=1e-6)] if abs(wanted) >= 1e-9 else [])


def test_a_digest_tells_tests_apart() -> None:
    asked = [metric(), metric(value=2), metric(comparison="<"), metric(window=2), metric(name="acc"), metric("zscore")]
    assert len({digest(each) for each in asked}) == len(asked)
    assert digest(metric()) == digest(metric())
