"""The words that conditions and templates may use about an event of each type, and what kind of value each has. Pure.

One variable for each field of the event's ``data``, nested ones under their dotted name (``artifact.digest``), beside
``event.*`` (the envelope) and ``now`` (the moment of the decision). A field that may be null, and whatever is not known
before it is there (metadata, an optional snapshot), is of the dynamic type: what is inside is found when it is read. A
moment that may be null is RFC 3339 text, since the dynamic type takes no moments: ``timestamp(since)``.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from regista_events import Event, event_class, short_name

Read = Callable[[Event[Any]], Any]

ENVELOPE: Mapping[str, tuple[str, Read]] = {
    "event.id": ("string", lambda event: str(event.id)),
    "event.type": ("string", lambda event: event.short_type),
    "event.subject": ("string", lambda event: event.subject),
    "event.time": ("timestamp", lambda event: event.time),
    "event.actor": ("string", lambda event: event.actor),
    "event.actortype": ("string", lambda event: event.actortype),
    "event.sequence": ("int", lambda event: event.sequence),
    "event.hops": ("int", lambda event: event.hops),
    "event.causationid": ("dyn", lambda event: event.causationid and str(event.causationid)),
    "event.correlationid": ("dyn", lambda event: event.correlationid and str(event.correlationid)),
}
NOW = "now"
_SIMPLE: dict[Any, str] = {
    str: "string",
    UUID: "string",
    bool: "bool",
    int: "int",
    float: "double",
    datetime: "timestamp",
    AwareDatetime: "timestamp",
}
_PLAIN = {"bool", "int", "double", "timestamp"}
"""Kinds whose values are plain as they are."""


class Vocabulary:
    """The variables of one event type: ``types`` by name, as CEL writes them (``string``, ``list(string)``, ``dyn``)."""

    def __init__(self, event_type: str) -> None:
        data = event_class(event_type).model_fields["data"].annotation
        assert isinstance(data, type)  # noqa: S101 - every class of the catalogue names its data
        self.event_type = short_name(event_type)
        found = dict(_fields(data, "", lambda event: event.data))
        self.types: Mapping[str, str] = {name: kind for name, (kind, _) in (found | dict(ENVELOPE)).items()} | {
            NOW: "timestamp"
        }
        self._reads: Mapping[str, Read] = {name: read for name, (_, read) in (found | dict(ENVELOPE)).items()}

    def values(self, event: Event[Any], now: datetime) -> dict[str, Any]:
        """Return what the variables stand for in an event of this type, as plain Python values."""
        return {name: read(event) for name, read in self._reads.items()} | {NOW: now}


@cache
def vocabulary(event_type: str) -> Vocabulary:
    """Return the words for an event type, by its full or short name. Raises `KeyError` for none of the catalogue."""
    return Vocabulary(event_type)


def _fields(model: type[BaseModel], prefix: str, owner: Read) -> Iterator[tuple[str, tuple[str, Read]]]:
    for name, field in model.model_fields.items():
        written = prefix + (field.serialization_alias or name)
        read = _reader(owner, name)
        inner = _bare(field.annotation)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _fields(inner, written + ".", read)
        else:
            kind = _type(inner)
            yield written, (kind, read if kind in _PLAIN else _plain(read))


def _reader(owner: Read, name: str) -> Read:
    return lambda event: getattr(owner(event), name)


def _plain(read: Read) -> Read:
    return lambda event: plain(read(event))


def plain(value: Any) -> Any:
    """Return a value of an event as JSON has it."""
    match value:
        case BaseModel():
            return value.model_dump(mode="json", by_alias=True)
        case UUID():
            return str(value)
        case datetime():
            return value.isoformat()
        case dict():
            return {key: plain(each) for key, each in value.items()}
        case list():
            return [plain(each) for each in value]
        case _:
            return value


def _bare(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _type(annotation: Any) -> str:
    annotation = _bare(annotation)
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "string" if all(isinstance(each, str) for each in arguments) else "dyn"
    if origin in {Union, UnionType}:
        kinds = {_type(each) for each in arguments if each is not NoneType}
        return kinds.pop() if len(kinds) == 1 and NoneType not in arguments else "dyn"
    if origin is list:
        return f"list({_type(arguments[0])})"
    if origin is dict:
        return f"map(string, {_type(arguments[1])})"
    return "dyn"
