"""Events as bytes. An event is encoded once, in its transaction; those bytes are stored, published, sent and hashed.

ValueError
├── MalformedEvent    bytes that are no event
└── UnencodableEvent  an event that has no JSON that could be read again
"""

import json
import re
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from regista_events.catalog import RegistryEvent
from regista_events.envelope import Event, UnknownEvent

_ADAPTER: TypeAdapter[RegistryEvent] = TypeAdapter(RegistryEvent, config=ConfigDict(ser_json_inf_nan="strings"))
_UNKNOWN: TypeAdapter[UnknownEvent] = TypeAdapter(UnknownEvent)

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

# What pydantic writes for a lone surrogate in the key of an untyped map, where it raises for one in a value.
_REPLACED = "\N{REPLACEMENT CHARACTER}".encode() * 3

# Below these the reader's own limits (200 levels, 4300 digits) cannot be met, and reading back would be wasted time.
_READ_BACK_BYTES = 4096
_READ_BACK_BRACKETS = 150


class MalformedEvent(ValueError):  # noqa: N818 - the name that consumers and dead letters use
    """The bytes are no event: broken JSON or UTF-8, limits exceeded, or a known type whose fields do not fit."""


class UnencodableEvent(ValueError):  # noqa: N818 - the counterpart of MalformedEvent
    """The event holds something that JSON cannot carry: a lone surrogate, U+0000, a foreign object, too deep a nest."""


def encode(event: Event[Any]) -> bytes:
    """Return an event of the catalogue as compact JSON in the order of its fields.

    Non-finite floats become the strings `NaN`, `Infinity` and `-Infinity`.

    Raises:
        UnencodableEvent: the bytes could not be read again, so they must not be stored.

    """
    try:
        body = _ADAPTER.dump_json(event, warnings="error")  # pyright: ignore[reportArgumentType] - checked by warnings="error"
    except ValueError as error:
        message = f"{_named(event)} cannot be encoded: {error}"
        raise UnencodableEvent(message) from error
    if _has_nul(body):
        message = f"{_named(event)} cannot be encoded: its text holds U+0000; refuse such text where it comes in"
        raise UnencodableEvent(message)
    if _REPLACED in body and _has_surrogate(event):
        message = f"{_named(event)} cannot be encoded: a key of its data holds a lone surrogate, which UTF-8 has not"
        raise UnencodableEvent(message)
    if len(body) > _READ_BACK_BYTES or body.count(b"{") + body.count(b"[") > _READ_BACK_BRACKETS:
        try:
            _ADAPTER.validate_json(body)
        except ValidationError as error:
            message = f"{_named(event)} cannot be encoded: {_reason(error)}"
            raise UnencodableEvent(message) from error
    return body


def decode(raw: bytes) -> RegistryEvent | UnknownEvent:
    """Return the event of these bytes; fields that this version does not know are passed over.

    A type that this version does not know gives an UnknownEvent, as long as its envelope is one.

    Raises:
        MalformedEvent: the bytes are no event; the message says where.

    """
    try:
        event = _ADAPTER.validate_json(raw)
    except ValidationError as error:
        if (
            error.errors(include_url=False, include_context=False, include_input=False)[0]["type"]
            != "union_tag_invalid"
        ):
            message = f"not an event: {_reason(error)}"
            raise MalformedEvent(message) from error
        event = _decode_unknown(raw)
    if _has_nul(raw):
        message = "not an event: its text holds U+0000"
        raise MalformedEvent(message)
    if b"NaN" in raw or b"Infinity" in raw:
        _refuse_constants(raw)
    return event


def _decode_unknown(raw: bytes) -> UnknownEvent:
    try:
        return _UNKNOWN.validate_json(raw)
    except ValidationError as error:
        message = f"not an event: {_reason(error)}"
        raise MalformedEvent(message) from error


def _has_nul(body: bytes) -> bool:
    return b"\\u0000" in body and _NUL.search(body) is not None


def _has_surrogate(event: Event[Any]) -> bool:
    try:
        json.dumps(event.model_dump(), default=str, skipkeys=True, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _refuse_constants(raw: bytes) -> None:
    """Refuse NaN and Infinity as bare words: pydantic's parser takes them, JSON (RFC 8259) has only the strings."""

    def refuse(constant: str) -> None:
        message = f"not an event: {constant} is no JSON number; write it as a string"
        raise MalformedEvent(message)

    json.loads(raw, parse_constant=refuse)


def _named(event: Event[Any]) -> str:
    return f"{event.type} {event.id} of {event.subject!a}"


def _reason(error: ValidationError) -> str:
    """Return the first fault, with its place, and never the input, which may be large."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    place = ".".join(str(step) for step in faults[0]["loc"])
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{place}: {faults[0]['msg']}{more}" if place else f"{faults[0]['msg']}{more}"
