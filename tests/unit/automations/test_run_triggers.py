import math
import sys
from typing import Any

import pytest

from regista.automations.run_triggers import MetricTrigger, check_trigger, parse_trigger
from regista.kit.errors import InvalidError

THRESHOLD: dict[str, Any] = {"test": "threshold", "name": "loss", "window": 1, "comparison": "<", "value": 0.5}


@pytest.mark.parametrize(
    "stored",
    [
        {"metric": {**THRESHOLD, "aggregate": None}},
        {"metric": {**THRESHOLD, "aggregate": "max", "value": 1}},
        {"metric": {"test": "zscore", "name": "loss", "window": 30, "direction": "any", "value": 3.0}},
        {
            "metric": {
                "test": "change",
                "name": "loss",
                "window": 2,
                "aggregate": "min",
                "prior_window": 3,
                "change": "relative",
                "direction": "decrease",
                "value": 1,
            }
        },
        {"states": ["finished", "crashed"]},
    ],
)
def test_a_trigger_is_kept_as_it_is(stored: dict[str, Any]) -> None:
    parsed = parse_trigger(stored)
    assert parsed is not None
    shown = parsed.model_dump()
    assert shown == stored
    assert type(shown.get("metric", {}).get("value")) is type(stored.get("metric", {}).get("value"))


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({"metric": {**THRESHOLD, "window": 0}}, "metric.window"),
        ({"metric": {**THRESHOLD, "value": "x"}}, "metric.value"),
        ({"metric": {**THRESHOLD, "value": True}}, "metric.value"),
        ({"metric": {**THRESHOLD, "test": "none"}}, "metric"),
        ({"metric": {**THRESHOLD, "stray": 1}}, "metric.stray: there is no such member"),
        (
            {"metric": {**THRESHOLD, "aggregate": "avg"}},
            "metric.aggregate: 'average', 'min' or 'max' is wanted, not 'avg'",
        ),
        ({"metric": {**THRESHOLD, "test": "zcore"}}, "'test' is one of 'threshold', 'change', 'zscore', not 'zcore'"),
        ({"states": ["finished"], "window": 5}, "the trigger's window: there is no such member"),
        ({"states": []}, "states"),
        ({"states": ["asleep"]}, "states.0"),
        ({}, "states"),
    ],
)
def test_what_is_no_trigger_is_refused_with_its_place(stored: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_trigger(stored)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"value": 10**400}, "metric.value is an integer of about 401 digits: metrics are 64-bit floats; use a number"),
        ({"value": -(10**400)}, "metric.value is an integer of about 401 digits: metrics are 64-bit floats"),
        ({"value": 10**9000}, "metric.value is an integer of about 9001 digits"),
        ({"value": math.inf}, "metric.value: a finite number is wanted, not inf"),
        ({"value": "x"}, "metric.value: a number is wanted, not 'x'"),
        ({"window": 10**400}, "metric.window: at most 10000 is wanted, not an integer of about 401 digits"),
        ({"window": 10_001}, "metric.window: at most 10000 is wanted, not 10001"),
        ({"comparison": "=" * 999}, "metric.comparison: '>', '>=', '<' or '<=' is wanted, not '==="),
    ],
)
def test_a_number_that_no_metric_reaches_is_refused_with_its_value(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_trigger({"metric": {**THRESHOLD, **changes}})
    assert said in caught.value.message
    assert len(caught.value.message) < 300
    assert caught.value.details == {"field": "trigger", "place": f"trigger.metric.{next(iter(changes))}"}


@pytest.mark.parametrize("test", [{"test": "zscore"}, {"test": "change", "prior_window": 1, "change": "relative"}])
def test_every_test_refuses_such_a_number_and_takes_the_largest_float(test: dict[str, Any]) -> None:
    asked = {"name": "loss", "window": 1, "direction": "any"}
    with pytest.raises(InvalidError, match="about 310 digits"):
        parse_trigger({"metric": {**asked, **test, "value": 10**309}})
    largest = int(sys.float_info.max)
    found = parse_trigger({"metric": {**asked, **test, "value": largest}})
    assert isinstance(found, MetricTrigger)
    assert found.metric.value == largest


def test_a_trigger_belongs_to_one_event_alone() -> None:
    states, metric = parse_trigger({"states": ["failed"]}), parse_trigger({"metric": THRESHOLD})
    check_trigger(["run.state_changed"], states)
    check_trigger(["run.metric_triggered"], metric)
    check_trigger(["alias.added", "tag.added"], None)
    for events, trigger in (
        (["alias.added"], states),
        (["run.state_changed", "tag.added"], states),
        ([], metric),
    ):
        with pytest.raises(InvalidError):
            check_trigger(events, trigger)
