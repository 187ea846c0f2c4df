"""The client's filters of metrics and run states, as the typed triggers of automations, and back. Pure."""

from collections.abc import Mapping
from typing import Any

from regista.automations.run_triggers import parse_trigger
from regista.kit.errors import InvalidError

METRIC_TYPES = {"threshold": "RUN_METRIC", "change": "RUN_METRIC_CHANGE", "zscore": "RUN_METRIC_ZSCORE"}
"""The client's event by the test that the metric has to pass."""

_COMPARISONS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_SIGNS = {sign: operator for operator, sign in _COMPARISONS.items()}
# The client's keys and ours, in the order in which it sends them.
_KEYS = {
    "threshold": {
        "name": "name",
        "agg_op": "aggregate",
        "window_size": "window",
        "cmp_op": "comparison",
        "threshold": "value",
    },
    "change": {
        "name": "name",
        "agg_op": "aggregate",
        "current_window_size": "window",
        "prior_window_size": "prior_window",
        "change_type": "change",
        "change_dir": "direction",
        "change_amount": "value",
    },
    "zscore": {"name": "name", "window_size": "window", "threshold": "value", "change_dir": "direction"},
}
_WORDS = {"aggregate", "change", "direction"}
"""Keys whose values the client writes in capitals."""
_WINDOWS = {"threshold": 1, "change": 1, "zscore": 30}
_STATES = {"RUNNING": ["running"], "FINISHED": ["finished"], "FAILED": ["failed", "crashed"]}
"""A run that crashed has failed, as the client sees it."""


def metric_of(event_type: str, given: Any) -> dict[str, Any]:
    """Return the trigger in ``{"threshold_filter": {…}}`` and the like. Raises `InvalidError`."""
    test = next(test for test, name in METRIC_TYPES.items() if name == event_type)
    document: Any = given.get(f"{test}_filter") if isinstance(given, dict) else None
    if not isinstance(document, dict):
        raise InvalidError(f'the filter of {event_type} has {{"run_metric_filter": {{"{test}_filter": {{…}}}}}}')
    keys = _KEYS[test]
    if unknown := ", ".join(sorted(document.keys() - keys.keys())):
        raise InvalidError(f"the filter of {event_type} knows {', '.join(keys)}, not {unknown}")
    values = {ours: _ours(ours, document[theirs]) for theirs, ours in keys.items() if document.get(theirs) is not None}
    values.setdefault("window", _WINDOWS[test])
    if test == "change":
        values.setdefault("prior_window", values["window"])
    return _checked({"metric": {"test": test, **values}})


def metric_shown(trigger: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the client's event and its ``run_metric_filter`` for a trigger on a metric."""
    metric = trigger["metric"]
    test: str = metric["test"]
    shown = {theirs: _theirs(ours, metric.get(ours)) for theirs, ours in _KEYS[test].items()}
    return METRIC_TYPES[test], {f"{test}_filter": shown}


def states_of(given: Any) -> dict[str, Any]:
    """Return the trigger in ``{"states": ["FINISHED"]}``. Raises `InvalidError`."""
    names: Any = given.get("states") if isinstance(given, dict) else None
    if not isinstance(names, list) or not names:
        raise InvalidError('the filter of RUN_STATE has {"run_state_filter": {"states": [at least one state]}}')
    known = {str(name).upper() for name in names}
    if not known <= _STATES.keys():
        raise InvalidError(f"run_state_filter knows the states {', '.join(_STATES)}, not all of {names!r}")
    return _checked({"states": [state for name, states in _STATES.items() if name in known for state in states]})


def states_shown(trigger: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the ``run_state_filter`` of a trigger; without one, every state that the client knows."""
    states = None if trigger is None else trigger["states"]
    shown = [name for name, ours in _STATES.items() if states is None or not set(ours).isdisjoint(states)]
    return {"states": sorted(shown)}


def _checked(trigger: dict[str, Any]) -> dict[str, Any]:
    parsed = parse_trigger(trigger)
    assert parsed is not None  # noqa: S101 - only of None it is None
    return parsed.model_dump()


def _ours(key: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if key == "comparison":
        return _COMPARISONS.get(value, value)
    return value.lower() if key in _WORDS else value


def _theirs(key: str, value: Any) -> Any:
    if key == "comparison":
        return _SIGNS[value]
    return value.upper() if key in _WORDS and value is not None else value
