"""What pydantic finds wrong with a value, in the words of whoever writes YAML. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

_LONGEST = 60
_SENDING = ("webhook", "slack")
_WANTED: Final[Mapping[str, str]] = {
    "string": "text",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "list": "a list",
    "dict": "a mapping",
    "model": "a mapping",
}
"""What the first word of an error's type asks for."""
_OTHERWISE = ("type", "parsing", "from_float", "attributes_type")
_DURATION = re.compile(r"datetime\.timedelta\((?:days=([0-9]+)|0)\)\Z")
_BOUNDS: Final[Mapping[str, str]] = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def said(error: Mapping[str, Any]) -> str:
    """Return what is wanted in the place of a value; ``error`` is one of `ValidationError.errors`."""
    kind, given, known = error["type"], error["input"], error.get("ctx", {})
    first, _, rest = kind.partition("_")
    if kind in {"too_short", "too_long"}:
        bound = f"at least {known['min_length']}" if kind == "too_short" else f"at most {known['max_length']}"
        return f"{bound} must stand here, not {known['actual_length']}"
    if kind == "literal_error":
        return f"{known['expected']} is wanted, not {_shown(given)}"
    if first in _WANTED and rest in _OTHERWISE:
        advice = _advice(error["loc"], given) if first == "model" else "; quote it" if first == "string" else ""
        return f"{_WANTED[first]} is wanted, not {_shown(given)}{advice if _is_plain(given) else ''}"
    for name, words in _BOUNDS.items():
        if name in known:
            return f"{words} {_measured(known[name])} is wanted" + (
                f", not {_shown(given)}" if _is_plain(given) else ""
            )
    return error["msg"].removeprefix("Value error, ")


def _advice(place: tuple[str | int, ...], given: Any) -> str:
    return f"; write {place[-1]}: {{integration: {given}}}" if place[-1] in _SENDING and isinstance(given, str) else ""


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


def _measured(bound: Any) -> str:
    # Durations are bounded in whole days, or by none, which pydantic writes as `datetime.timedelta(…)`.
    found = _DURATION.match(str(bound))
    return str(bound) if found is None else f"{found[1]}d" if found[1] else "0s"


def _shown(value: Any) -> str:
    """Return a value as YAML has it, cut where it is long; of a mapping or a list only that it is one."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            text = repr(value)
            return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
