"""What a run must do for an automation on runs to fire: the typed part of a revision that stands beside its condition.

``{"states": ["finished", "failed"]}`` belongs to ``run.state_changed``: the run comes to one of these states.
``{"metric": {…}}`` belongs to ``run.metric_triggered``: whoever watches metrics emits that event once the metric passes
the test. Which runs are meant at all is the condition's to say. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictFloat, StrictInt, ValidationError
from pydantic_core import PydanticCustomError

from regista.kit.bodies import Part
from regista.kit.complaints import said, shown
from regista.kit.errors import InvalidError
from regista_events import RunState

STATE_EVENT = "run.state_changed"
METRIC_EVENT = "run.metric_triggered"

MOST_VALUES = 10_000


def _within_floats(value: Any) -> Any:
    """Return the value. Raises `PydanticCustomError` for an integer that no float comes near: metrics are floats."""
    try:
        if isinstance(value, int):
            float(value)
    except OverflowError:
        raise PydanticCustomError(
            "beyond_floats", "metrics are 64-bit floats; use a number between -1.79e308 and 1.79e308"
        ) from None
    return value


Window = Annotated[int, Field(ge=1, le=MOST_VALUES, description="values, the latest ones")]
Number = Annotated[StrictInt | StrictFloat, Field(allow_inf_nan=False), BeforeValidator(_within_floats)]
Positive = Annotated[StrictInt | StrictFloat, Field(gt=0, allow_inf_nan=False), BeforeValidator(_within_floats)]
Direction = Literal["increase", "decrease", "any"]


class _Metric(Part):
    name: Annotated[str, Field(min_length=1, max_length=1024)]
    window: Window


class Threshold(_Metric):
    """The metric, or an aggregate of its last ``window`` values, compared with ``value``."""

    test: Literal["threshold"] = "threshold"
    aggregate: Literal["average", "min", "max"] | None = None
    comparison: Literal[">", ">=", "<", "<="]
    value: Number


class Difference(_Metric):
    """The aggregate of the last ``window`` values against that of the ``prior_window`` before them.

    ``value`` is a difference where ``change`` is absolute, a fraction (0.1 = 10 %) where it is relative.
    """

    test: Literal["change"] = "change"
    aggregate: Literal["average", "min", "max"] | None = None
    prior_window: Window
    change: Literal["absolute", "relative"]
    direction: Direction
    value: Positive


class ZScore(_Metric):
    """How many standard deviations of the ``window`` values before it the last value is away from their mean."""

    test: Literal["zscore"] = "zscore"
    direction: Direction
    value: Positive


Metric = Annotated[Threshold | Difference | ZScore, Field(discriminator="test")]


class MetricTrigger(Part):
    """A metric that is watched."""

    metric: Metric


class StateTrigger(Part):
    """States, one of which the run comes to."""

    states: Annotated[list[RunState], Field(min_length=1)]


RunTrigger = MetricTrigger | StateTrigger
_EVENTS: dict[type[Part], str] = {MetricTrigger: METRIC_EVENT, StateTrigger: STATE_EVENT}
_FIELDS = frozenset(
    name for part in (MetricTrigger, StateTrigger, Threshold, Difference, ZScore) for name in part.model_fields
)


def parse_trigger(stored: dict[str, Any] | None) -> RunTrigger | None:
    """Return the trigger of a revision. Raises `InvalidError` for what is none, with place, value and reason."""
    if stored is None:
        return None
    try:
        return (MetricTrigger if "metric" in stored else StateTrigger).model_validate(stored)
    except ValidationError as error:
        found = error.errors(include_url=False)
        place = _place(found[0])
        # Of a value that may have several types, the last one says the most: a number, not a whole number.
        wrong = [each for each in found if _place(each) == place][-1]
        value = f" is {shown(wrong['input'])}" if wrong["type"] == "beyond_floats" else ""
        raise InvalidError(
            f"the trigger's {place}{value}: {said(wrong)}", field="trigger", place=f"trigger.{place}"
        ) from None


def _place(error: Mapping[str, Any]) -> str:
    """Return the members that lead to what is wrong: between them, pydantic names the type that it tried."""
    stray = len(error["loc"]) - 1 if error["type"] == "extra_forbidden" else None
    steps = enumerate(error["loc"])
    return ".".join(str(step) for at, step in steps if step in _FIELDS or isinstance(step, int) or at == stray)


def check_trigger(events: Sequence[str], trigger: RunTrigger | None) -> None:
    """Return if an automation on these events may have the trigger. Raises `InvalidError`."""
    if trigger is None:
        return
    event = _EVENTS[type(trigger)]
    if list(events) != [event]:
        raise InvalidError(
            f"a trigger on {'metrics' if event == METRIC_EVENT else 'states'} belongs to {event!r} alone, "
            f"not to {', '.join(events)}",
            field="trigger",
        )
