"""Summaries and configs: what of them can be stored, and what of a large one an event carries. Pure."""

import json
import math
from collections.abc import Mapping
from typing import Any

MAX_DATA_BYTES = 10 << 20
"""Bytes of a run's config, and of its summary, as JSON: what the W&B client sends at most."""
MAX_EVENT_BYTES = 1 << 20
"""Bytes of a summary that an event carries."""
MAX_DEPTH = 64
_NO_TEXT = {0: "�"}


def storable(value: Any) -> Any:
    """Return the JSON value with what the database cannot hold replaced, for what must not be refused.

    U+0000 and halves of surrogate pairs become U+FFFD, numbers that are not finite their names, and what is nested
    deeper than 64 levels null.
    """
    return _storable(value, 0)


def size(value: Any) -> int:
    """Return the bytes of a JSON value."""
    return len(json.dumps(value, separators=(",", ":")))


def for_event(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event carries of a summary: all of it, or what is left without its largest members.

    Numbers, text and lists that people wait for are short: what makes a summary large are histograms and tables.
    """
    left = size(summary)
    if left <= MAX_EVENT_BYTES:
        return dict(summary)
    sizes = {name: size(value) + size(name) + 2 for name, value in summary.items()}
    dropped: set[str] = set()
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        if left <= MAX_EVENT_BYTES:
            break
        dropped.add(name)
        left -= sizes[name]
    return {name: value for name, value in summary.items() if name not in dropped}


def _storable(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict | list) and depth >= MAX_DEPTH:
        return None
    if isinstance(value, dict):
        return {_text(str(name)): _storable(member, depth + 1) for name, member in value.items()}
    if isinstance(value, list):
        return [_storable(member, depth + 1) for member in value]
    return value


def _text(text: str) -> str:
    if text.isascii():
        return text.translate(_NO_TEXT) if "\x00" in text else text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").translate(_NO_TEXT)
