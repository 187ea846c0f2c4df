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
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin
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
_PLAIN: frozenset[Any] = frozenset({str, bool, int, float, datetime, AwareDatetime, Any, NoneType})
"""Types whose values are plain as they are; what may be anything in an event is JSON."""


class Word(NamedTuple):
    """A variable: its CEL type (``string``, ``list(string)``, ``dyn``), and what is known of it beyond that.

    ``kind`` is the type of what is there when it is not null (``type`` again where it may not be null, ``object`` for one
    whose ``members`` are known). ``members``: what may follow its name behind a dot; None where anything may.
    """

    type: str
    nullable: bool
    kind: str
    members: frozenset[str] | None


class Vocabulary:
    """The variables of one event type: ``words`` by name, and their ``types`` as CEL writes them."""

    def __init__(self, event_type: str) -> None:
        data = event_class(event_type).model_fields["data"].annotation
        assert isinstance(data, type)  # noqa: S101 - every class of the catalogue names its data
        self.event_type = short_name(event_type)
        found = dict(_fields(data, "", lambda event: event.data))
        envelope = {name: (_of_envelope(kind), read) for name, (kind, read) in ENVELOPE.items()}
        self.words: Mapping[str, Word] = {name: word for name, (word, _) in (found | envelope).items()} | {
            NOW: _of_envelope("timestamp")
        }
        self.types: Mapping[str, str] = {name: word.type for name, word in self.words.items()}
        self._reads: Mapping[str, Read] = {name: read for name, (_, read) in (found | envelope).items()}

    def values(self, event: Event[Any], now: datetime) -> dict[str, Any]:
        """Return what the variables stand for in an event of this type, as plain Python values."""
        return {name: read(event) for name, read in self._reads.items()} | {NOW: now}


@cache
def vocabulary(event_type: str) -> Vocabulary:
    """Return the words for an event type, by its full or short name. Raises `KeyError` for none of the catalogue."""
    return Vocabulary(event_type)


def _of_envelope(kind: str) -> Word:
    # What an event does not have of it is null, and text otherwise.
    return Word(kind, kind == "dyn", "string" if kind == "dyn" else kind, frozenset())


def _fields(model: type[BaseModel], prefix: str, owner: Read) -> Iterator[tuple[str, tuple[Word, Read]]]:
    for name, field in model.model_fields.items():
        written = prefix + (field.serialization_alias or name)
        read = _reader(owner, name)
        inner = _bare(field.annotation)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _fields(inner, written + ".", read)
        else:
            word = _word(inner)
            yield written, (word, read if _is_plain(inner) else _plain(read))


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


def _is_plain(annotation: Any) -> bool:
    """Return whether all values of a type are plain, so that none, and no large metadata, is copied to make it so."""
    annotation = _bare(annotation)
    if get_origin(annotation) is Literal:
        return all(isinstance(each, str) for each in get_args(annotation))
    arguments = get_args(annotation)
    if NoneType in arguments and not {datetime, AwareDatetime}.isdisjoint(map(_bare, arguments)):
        # The dynamic type takes no moments.
        return False
    return all(map(_is_plain, arguments)) if arguments else annotation in _PLAIN


def _word(annotation: Any) -> Word:
    """Return what is known of a field that is no model itself."""
    kind = _type(annotation)
    options = [annotation]
    if get_origin(annotation) in {Union, UnionType}:
        options = [_bare(each) for each in get_args(annotation) if each is not NoneType]
    nullable = kind == "dyn" and NoneType in get_args(annotation)
    if len(options) == 1 and isinstance(options[0], type) and issubclass(options[0], BaseModel):
        fields = options[0].model_fields.items()
        return Word(kind, nullable, "object", frozenset(field.serialization_alias or name for name, field in fields))
    kinds = {_type(each) for each in options}
    inner = kinds.pop() if len(kinds) == 1 else "dyn"
    if nullable and inner == "timestamp":
        inner = "string"
    return Word(kind, nullable, inner, None if inner == "dyn" or inner.startswith("map(") else frozenset())


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
