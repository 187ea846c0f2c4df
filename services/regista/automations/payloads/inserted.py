"""A value of an event as it stands in a payload: as JSON of its own type, or as text within quotes. Pure.

JSON has no moments, durations, bytes and no numbers that are not finite: those are texts, moments RFC 3339, durations
in seconds (``90s``), bytes in base64, ``NaN``, ``Infinity`` and ``-Infinity`` by their names.
"""

import base64
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from regista.automations.payloads.frozen import encoded, escaped


def as_json(value: Any) -> bytes:
    """Return a value as a JSON document. Raises `RecursionError` for one that is nested too deeply."""
    value = _jsonable(value)
    if isinstance(value, str):
        return b'"' + escaped(value) + b'"'
    return _dumped(value)


def as_text(value: Any) -> bytes:
    """Return a value as it stands inside a JSON string, null as nothing. Raises as `as_json` does."""
    value = _jsonable(value)
    if value is None:
        return b""
    return escaped(value if isinstance(value, str) else _dumped(value).decode())


def as_mrkdwn(value: Any) -> bytes:
    """Return a value as `as_text` does, as `in_mrkdwn` says it."""
    return in_mrkdwn(as_text(value).decode()).encode()


def in_mrkdwn(text: str) -> str:
    """Return a text in Slack's markup that says just that.

    Source: Slack, "Formatting text for app surfaces", "Escaping text".
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _dumped(value: Any) -> bytes:
    return encoded(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_key(name): _jsonable(member) for name, member in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - of any kind
    if isinstance(value, list | tuple):
        return [_jsonable(member) for member in value]  # pyright: ignore[reportUnknownVariableType] - of any kind
    return _simple(value)


def _simple(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else _named(value)
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case datetime():
            return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
        case timedelta():
            return _seconds(value)
        case _:
            return str(value)


def _seconds(value: timedelta) -> str:
    """Return a duration as protocol buffers and CEL write it: all of its microseconds, without zeros at the end."""
    whole, rest = divmod(abs(value) // timedelta(microseconds=1), 1_000_000)
    fraction = f".{rest:06}".rstrip("0") if rest else ""
    return f"{'-' if value < timedelta() else ''}{whole}{fraction}s"


def _named(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _key(name: Any) -> str:
    return name if isinstance(name, str) else json.dumps(_jsonable(name))
