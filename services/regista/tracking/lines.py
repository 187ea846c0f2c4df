"""Lines of what a run logs, and their shapes: the set of metrics that a line has, with the type of each. Pure.

A run logs few different shapes (a step of training, an evaluation), so which lines have a metric is kept by shape and
not by metric: a chunk of lines costs as many rows as it has shapes, whether they have ten metrics or a thousand.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from pydantic_core import from_json

STEP = "_step"
_NOT_FINITE = frozenset({"NaN", "Infinity", "-Infinity"})
_PLAIN = {int: "number", float: "number", bool: "boolean", type(None): "null"}
_LIMIT = 2**63


class Stream(IntEnum):
    """What a run logs line by line."""

    HISTORY = 0
    EVENTS = 1
    OUTPUT = 2


class Shape(NamedTuple):
    """The metrics of a line: name → type. Members of nested objects are named by paths, as ``a.b``."""

    digest: bytes
    metrics: Mapping[str, str]


class Parsed(NamedTuple):
    """A line of history or of events: its number, its step (history has one) and shape, its bytes and what they say."""

    line: int
    step: int | None
    shape: Shape
    body: bytes
    row: Mapping[str, Any]


def parse(stream: Stream, first: int, lines: Sequence[str]) -> Iterator[Parsed]:
    """Yield the lines that are JSON objects, numbered from ``first``; whatever else there is has nothing to show.

    A line of history without a step of its own has its number as step.
    """
    known: dict[tuple[Any, ...], Shape] = {}
    for number, text in enumerate(lines, first):
        body = text.encode("utf-8", "replace")
        found = read(body)
        if found is None:
            continue
        step = None
        if stream is Stream.HISTORY:
            given = found.get(STEP)
            step = int(given) if isinstance(given, int | float) and -_LIMIT <= given < _LIMIT else number
        # Which types stand under which names, told at the speed of C; text and nested values are looked at one by one.
        outline = (*found, *map(type, found.values()))
        shape = known.get(outline)
        if shape is None:
            shape = shape_of(found)
            if not {str, dict, list}.intersection(map(type, found.values())):
                known[outline] = shape
        yield Parsed(number, step, shape, body, found)


def read(body: bytes) -> dict[str, Any] | None:
    """Return the object in a line, None for what is none. NaN and the infinities may stand bare."""
    try:
        found = from_json(body, cache_strings="keys")
    except ValueError:
        try:
            # Half of a surrogate pair, which Python's own writer escapes as readily as a whole one.
            whole = json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace")
            found = from_json(whole)
        except (ValueError, RecursionError):
            return None
    return found if isinstance(found, dict) else None


def shape_of(row: Mapping[str, Any]) -> Shape:
    """Return the shape of a line."""
    metrics = dict(sorted(_metrics(row, "")))
    return Shape(hashlib.blake2b(json.dumps(metrics).encode(), digest_size=16).digest(), metrics)


def numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics of a line that are numbers, by name or path; those that are not finite too."""
    found: dict[str, float] = {}
    _numbers(row, "", found)
    return found


def project(row: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any] | None:
    """Return the metrics of a line by name or path; None if it lacks one."""
    found: dict[str, Any] = {}
    for key in keys:
        value = _at(row, key)
        if value is None:
            return None
        found[key] = value
    return found


def _at(row: Mapping[str, Any], key: str) -> Any:
    if key in row:
        return row[key]
    # A name may hold dots itself: every split is tried, the longest name first.
    head = key
    while "." in head:
        head = head.rpartition(".")[0]
        inner = row.get(head)
        if isinstance(inner, dict):
            return _at(inner, key[len(head) + 1 :])
    return None


def _numbers(row: Mapping[str, Any], prefix: str, found: dict[str, float]) -> None:
    for name, value in row.items():
        kind = type(value)
        if kind is float or (kind is int and -_LIMIT <= value < _LIMIT):
            found[prefix + name] = value
        elif kind is int:
            found[prefix + name] = _float(value)
        elif kind is str and value in _NOT_FINITE:
            found[prefix + name] = float(value)
        elif kind is dict and not isinstance(value.get("_type"), str):
            _numbers(value, f"{prefix}{name}.", found)


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _metrics(row: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        path = prefix + name
        if "\x00" in path:
            continue  # no text of the database can say that
        if type(value) in _PLAIN:
            if value is not None:
                yield path, _PLAIN[type(value)]
        elif isinstance(value, str):
            yield path, "number" if value in _NOT_FINITE else "string"
        elif isinstance(value, dict):
            kind = value.get("_type")
            yield path, kind if isinstance(kind, str) else "map"
            if not isinstance(kind, str):
                yield from _metrics(value, f"{path}.")
        else:
            yield path, "list"
