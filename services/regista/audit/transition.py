"""What an event changed: the state before it and after it, by field."""

from collections.abc import Mapping
from typing import Any

_ENDS = frozenset({"from", "to"})

State = Mapping[str, Any]


def transition(action: str, data: State) -> tuple[State | None, State | None]:
    """Return ``before`` and ``after`` of an event's data; None on a side where there was nothing to say.

    Members ``{"from", "to"}`` and those within ``changes`` give their two ends. An alias gives the version that held it
    and the one that holds it, a tag its values.
    """
    match action:
        case "alias.added":
            return _state(data, "alias", "version", "previous"), _state(data, "alias", "version", "version")
        case "alias.removed":
            return _state(data, "alias", "version", "version"), None
        case "tag.added" | "collection_tag.added":
            return _state(data, "tag", "value", "previous"), _tagged(data, "value")
        case "tag.removed" | "collection_tag.removed":
            return _tagged(data, "previous"), None
        case _:
            return _changed(data)


def _state(data: State, name: str, label: str, source: str) -> State | None:
    value = data.get(source)
    return None if value is None else {name: data.get(name), label: value}


def _tagged(data: State, source: str) -> State:
    return {"tag": data.get("tag"), "value": data.get(source)}


def _changed(data: State) -> tuple[State | None, State | None]:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    changes = data.get("changes")
    for name, value in (*data.items(), *(changes.items() if isinstance(changes, dict) else ())):
        if isinstance(value, dict) and value.keys() == _ENDS:
            before[name], after[name] = value["from"], value["to"]
    return (before, after) if before else (None, None)
