"""The client's events and their filters, as the triggers and conditions of automations, and back. Pure.

An event of the client becomes one event type of ours. What its filter says of the thing that changed becomes the
condition, in CEL (`automation_filters_cel`); what it says of a run's metric or state becomes the typed ``trigger``
(`automation_filters_runs`). Nothing is kept beside these two: what is read back is made of them, so there is one form
that the engine evaluates, whoever wrote it, and it is what the client reads. Read back is equal to what was saved for
all that the client's classes build; a filter typed by hand comes back in their form, with the same meaning
(``{"alias": "x"}`` as ``{"alias": {"$eq": "x"}}``).

A condition in CEL that has no filter is shown as ``{"cel": {"$eq": "…"}}``, so that nobody takes it for "always".
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from regista.automations.run_triggers import METRIC_EVENT, STATE_EVENT
from regista.kit.db.conditions import All, ArrayOperator, Condition, Not, Operator, Some, Test
from regista.kit.errors import InvalidError
from regista.wandb import automation_filters_cel as cel
from regista.wandb.automation_filters_cel import Field, Fields
from regista.wandb.automation_filters_read import read
from regista.wandb.automation_filters_runs import METRIC_TYPES, metric_of, metric_shown, states_of, states_shown
from regista.wandb.filters import OF_ARRAYS, OPERATORS, parse_filter

_VERSION: Fields = {"alias": Field("aliases", many=True), "tag": Field("tags", many=True)}
_TAG: Fields = {"tag": Field("tag"), "alias": Field("artifact.aliases", many=True)}
_RUN: Fields = {
    "display_name": Field("run.display_name", nullable=True),
    "name": Field("run.name"),
    "state": Field("run.state"),
    "group": Field("run.group", nullable=True),
    "jobType": Field("run.job_type", nullable=True),
    "tags": Field("run.tags", many=True),
}
_MUTATIONS: dict[str, tuple[str, Fields]] = {
    "CREATE_ARTIFACT": ("artifact.created", _VERSION),
    # The client's name for it is LINK_ARTIFACT, what it sends is this.
    "LINK_MODEL": ("artifact.linked", _VERSION),
    "UNLINK_ARTIFACT": ("artifact.unlinked", _VERSION),
    "ADD_ARTIFACT_ALIAS": ("alias.added", {"alias": Field("alias"), "tag": Field("artifact.tags", many=True)}),
    "ADD_ARTIFACT_TAG": ("tag.added", _TAG),
    "REMOVE_ARTIFACT_TAG": ("tag.removed", _TAG),
    "ADD_COLLECTION_TAG": ("collection_tag.added", {"tag": Field("tag")}),
    "REMOVE_COLLECTION_TAG": ("collection_tag.removed", {"tag": Field("tag")}),
}
_MUTATION_TYPES = {event: name for name, (event, _) in _MUTATIONS.items()}
_OPERATORS: dict[str, Operator | ArrayOperator] = {**OPERATORS, **OF_ARRAYS}
_SIGNS = {operator: sign for sign, operator in _OPERATORS.items()}


class Watched(NamedTuple):
    """What an automation waits for: event types, CEL or None for always, and what a run must do."""

    events: list[str]
    condition: str | None
    trigger: dict[str, Any] | None


class Shown(NamedTuple):
    """An event as the client reads it: ``filter`` as the API answers, which differs from what it takes."""

    event_type: str
    filter: dict[str, Any]


def watched(event_type: str, document: Any) -> Watched:
    """Return what the client's event and filter mean.

    Raises `InvalidError` for an event that is not supported and for what is no filter of it.
    """
    if event_type in _MUTATIONS:
        event, fields = _MUTATIONS[event_type]
        return Watched([event], cel.write(parse_filter(document, _OPERATORS), fields), None)
    if event_type != "RUN_STATE" and event_type not in METRIC_TYPES.values():
        known = ", ".join([*_MUTATIONS, *METRIC_TYPES.values(), "RUN_STATE"])
        raise InvalidError(f"automations on the event {event_type} are not supported; there are {known}")
    given = _object(document, "the filter of an event of runs")
    condition = cel.write(parse_filter(_decoded(given.get("run_filter")), _OPERATORS), _RUN)
    if event_type == "RUN_STATE":
        return Watched([STATE_EVENT], condition, states_of(given.get("run_state_filter")))
    metric = given.get("run_metric_filter") or {"threshold_filter": _decoded(given.get("metric_filter"))}
    return Watched([METRIC_EVENT], condition, metric_of(event_type, metric))


def shown(events: list[str], condition: str | None, trigger: Mapping[str, Any] | None) -> Shown | None:
    """Return the client's event for an automation; of several types the first, None where the client has none."""
    event = events[0]
    if event in _MUTATION_TYPES:
        event_type = _MUTATION_TYPES[event]
        parts = _parts(condition, _MUTATIONS[event_type][1])
        return Shown(event_type, {"filter": {"$or": [{"$and": parts}]}})
    run_filter = json.dumps({"$and": _parts(condition, _RUN)})
    if event == STATE_EVENT:
        return Shown("RUN_STATE", {"run_filter": run_filter, "run_state_filter": states_shown(trigger)})
    if event == METRIC_EVENT and trigger is not None:
        event_type, metric = metric_shown(trigger)
        return Shown(event_type, {"run_filter": run_filter, "run_metric_filter": metric})
    return None


def is_shown(found: Shown, event_type: str, document: Any) -> bool:
    """Tell whether a client sends an event back as it was shown, where what is shown may be less than there is."""
    if found.event_type != event_type or not isinstance(document, dict):
        return False
    if event_type in _MUTATIONS:
        return document == found.filter["filter"]
    given = {key: value for key, value in document.items() if value is not None}
    given["run_filter"] = _decoded(given.get("run_filter"))
    return given == {**found.filter, "run_filter": json.loads(found.filter["run_filter"])}


def _parts(condition: str | None, fields: Fields) -> list[dict[str, Any]]:
    found = read(condition, fields)
    if found is None:
        return [{"cel": {"$eq": condition}}]
    return [_document(part) for part in (found.of if isinstance(found, All) else (found,))]


def _document(condition: Condition) -> dict[str, Any]:
    match condition:
        case All(parts):
            return {"$and": [_document(part) for part in parts]}
        case Some(parts):
            return {"$or": [_document(part) for part in parts]}
        case Not(Some(parts)):
            return {"$nor": [_document(part) for part in parts]}
        case Not(part):
            return {"$not": _document(part)}
        case Test(field, operator, value):
            return {field: {_SIGNS[operator]: value}}


def _decoded(value: Any) -> Any:
    """Return a filter that stands as JSON text inside the other."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"the filter {value[:200]!r} is no JSON: {error}") from None


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidError(f"{what} is an object, not {value!r}")
    return value
