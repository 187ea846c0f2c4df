"""YAML as plain values, each with the place where it stands.

Only what JSON can say: aliases, anchors' uses, merge keys, foreign tags, keys that are no text and keys said twice are
refused, each at its place. Size and depth are bounded; nothing expands.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import yaml

from regista.cli.automations.faults import Place
from regista.cli.automations.scalars import scalar
from regista.kit.bodies import MAX_DEPTH, check_json

MOST_BYTES = 1 << 20
"""Of one file."""

Path = tuple[str | int, ...]
_STRING_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})


class YamlError(Exception):
    """Text that is no YAML, or more than JSON can say."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.message = message
        self.place = place


class Span(NamedTuple):
    """Where a value stands; ``style`` is ``|``, ``>``, ``"``, ``'`` or empty."""

    place: Place
    end: Place
    style: str


class Document(NamedTuple):
    """One document of a file: its value, and where each part and each key of it stands."""

    file: str
    value: Any
    spans: dict[Path, Span]
    keys: dict[Path, Place]
    lines: list[str]

    def at(self, path: Path) -> Place:
        """Return where the value at ``path`` stands, or the nearest around it that there is."""
        while path not in self.spans:
            path = path[:-1]
        return self.spans[path].place

    def key(self, path: Path) -> Place:
        """Return where the key of ``path`` stands; the value's place where it has none."""
        return self.keys.get(path) or self.at(path)

    def inside(self, path: Path, line: int, column: int) -> Place:
        """Return where the ``line`` and ``column`` of a text stand, both from 1; its beginning if that cannot be told."""
        span = self.spans.get(path)
        if span is None:
            return self.at(path)
        start = span.place
        if span.style == "|":
            body = self.lines[start.line : span.end.line]
            filled = next((text for text in body if text.strip()), "")
            return Place(start.line + line, len(filled) - len(filled.lstrip(" ")) + column)
        written = self.lines[start.line - 1][start.column - 1 : span.end.column - 1]
        escaped = {'"': "\\", "'": "''"}.get(span.style)
        if span.end.line != start.line or line != 1 or (escaped and escaped in written[1:-1]):
            return start
        return Place(start.line, start.column + len(span.style) + column - 1)


class _Open:
    """A mapping or sequence whose end has not been read yet."""

    def __init__(self, value: dict[str, Any] | list[Any], path: Path) -> None:
        self.value = value
        self.path = path
        self.key: str | None = None


def documents(text: str, file: str) -> Iterator[Document]:
    """Yield the documents of a file, empty ones left out. Raises `YamlError`."""
    lines = text.split("\n")
    try:
        # Its events: composing nodes would recurse, and follow aliases.
        events = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                document = Document(file, None, {}, {}, lines)
                value = _value(events, document)
                if value is not None:
                    yield document._replace(value=value)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise YamlError(f"the character U+{ord(text[error.position]):04X} may not stand in YAML", place) from None
    except yaml.MarkedYAMLError as error:
        sentence = ", ".join(part for part in (error.context, error.problem) if part)
        raise YamlError(f"not YAML: {sentence}", _place(error.problem_mark or error.context_mark)) from None


def _value(events: Iterator[Any], document: Document) -> Any:
    stack: list[_Open] = []
    for event in events:
        place = _place(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            raise YamlError(f"the alias *{event.anchor} is not read here; write the value itself", place)
        if isinstance(event, yaml.CollectionEndEvent):
            closed = stack.pop()
            if not stack:
                return closed.value
            continue
        around = stack[-1] if stack else None
        if around is not None and isinstance(around.value, dict) and around.key is None:
            around.key = _key(event, around, place, document)
            continue
        path = () if around is None else (*around.path, _step(around))
        document.spans[path] = Span(place, _place(event.end_mark), getattr(event, "style", None) or "")
        made = _made(event, place)
        if around is not None:
            _put(around, made)
        if isinstance(event, yaml.ScalarEvent):
            if around is None:
                return made
        else:
            stack.append(_Open(made, path))
            if len(stack) > MAX_DEPTH:
                raise YamlError(f"nested deeper than {MAX_DEPTH} levels", place)
    raise AssertionError("a document's events end with its value")


def _made(event: Any, place: Place) -> Any:
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event, place)
    plain = {yaml.MappingStartEvent: "map", yaml.SequenceStartEvent: "seq"}[type(event)]
    if event.tag not in {None, "!", f"tag:yaml.org,2002:{plain}"}:
        raise YamlError(f"the tag {event.tag} is not read here", place)
    return {} if plain == "map" else []


def _scalar(event: Any, place: Place) -> Any:
    text: str = event.value
    if event.tag in _STRING_TAGS or (event.tag is None and not event.implicit[0]):
        value = text
    elif event.tag is None:
        try:
            value = scalar(text)
        except ValueError as error:
            raise YamlError(str(error), place) from None
    else:
        raise YamlError(f"the tag {event.tag} is not read here", place)
    try:
        return check_json(value)
    except ValueError as error:
        raise YamlError(str(error), place) from None


def _key(event: Any, around: _Open, place: Place, document: Document) -> str:
    key = _scalar(event, place) if isinstance(event, yaml.ScalarEvent) else None
    if not isinstance(key, str):
        raise YamlError("a key must be text; quote it", place)
    if key == "<<" and event.implicit[0]:
        raise YamlError("the merge key << is not read here; write the keys themselves", place)
    path = (*around.path, key)
    if key in around.value:
        raise YamlError(f"the key {key!r} stands here twice; first in line {document.keys[path].line}", place)
    document.keys[path] = place
    return key


def _step(around: _Open) -> str | int:
    return len(around.value) if isinstance(around.value, list) else cast("str", around.key)


def _put(around: _Open, value: Any) -> None:
    if isinstance(around.value, list):
        around.value.append(value)
    else:
        around.value[cast("str", around.key)] = value
        around.key = None


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)
