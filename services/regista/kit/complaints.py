"""What pydantic finds wrong with a value, in the words of whoever writes JSON or YAML. Pure."""

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

_LONGEST = 60
_DIGITS = 100
"""Digits beyond which an integer is not written out."""
_SENDING = ("webhook", "slack")
_SENTENCES: Final[Mapping[str, str]] = {
    "too_short": "at least {min_length} must stand here, not {actual_length}",
    "too_long": "at most {max_length} must stand here, not {actual_length}",
    "literal_error": "{expected} is wanted{instead}",
    "enum": "{expected} is wanted{instead}",
    "union_tag_invalid": "{discriminator} is one of {expected_tags}, not {tag!r}",
    "union_tag_not_found": "{discriminator} is missing",
    "finite_number": "a finite number is wanted{instead}",
    "missing": "is missing",
    "extra_forbidden": "there is no such member",
}
"""By the type of an error, with what pydantic tells of it."""
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
_BOUNDS: Final[Mapping[str, str]] = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
_DURATION = re.compile(r"datetime\.timedelta\(([^)]*)\)")
_UNITS: Final = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def said(error: Mapping[str, Any], *, repeat: bool = True) -> str:
    """Return what is wanted in the place of a value; ``error`` is one of `ValidationError.errors`.

    The value itself is named where it is short, unless it is not to be repeated.
    """
    value = error["input"]
    instead = f", not {shown(value)}" if repeat or not _is_plain(value) else ""
    wanted = _of_kind(error, instead) or _of_type(error, instead) or _within(error, instead if _is_plain(value) else "")
    return wanted or error["msg"].removeprefix("Value error, ")


def _of_kind(error: Mapping[str, Any], instead: str) -> str | None:
    sentence = _SENTENCES.get(error["type"])
    return None if sentence is None else sentence.format(**error.get("ctx", {}), instead=instead)


def _of_type(error: Mapping[str, Any], instead: str) -> str | None:
    first, _, rest = error["type"].partition("_")
    if first not in _WANTED or rest not in _OTHERWISE:
        return None
    given, advice = error["input"], ""
    if first == "model" and isinstance(given, str) and error["loc"][-1] in _SENDING:
        advice = f"; write {error['loc'][-1]}: {{integration: {given}}}"
    elif first == "string" and _is_plain(given):
        advice = "; quote it"
    return f"{_WANTED[first]} is wanted{instead}{advice}"


def _within(error: Mapping[str, Any], instead: str) -> str | None:
    known = error.get("ctx", {})
    for name, words in _BOUNDS.items():
        if name in known:
            return f"{words} {_measured(known[name])} is wanted{instead}"
    return None


def shown(value: Any) -> str:
    """Return a value as JSON has it, cut where it is long; of a mapping or a list only that it is one."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() if abs(value) >= 10**_DIGITS:
            return f"an integer of about {math.log10(abs(value)) + 1:.0f} digits"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            text = repr(value)
            return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


def _measured(bound: Any) -> str:
    """Return a bound; a duration, which pydantic writes as Python does, as people write it: ``30d``."""
    found = _DURATION.fullmatch(str(bound))
    if found is None:
        return str(bound)
    parts = (part.split("=") for part in found[1].split(", ") if "=" in part)
    seconds = int(timedelta(**{name: int(number) for name, number in parts}).total_seconds())
    name, unit = next((name, unit) for name, unit in _UNITS.items() if seconds % unit == 0 and (seconds or unit == 1))
    return f"{seconds // unit}{name}"
