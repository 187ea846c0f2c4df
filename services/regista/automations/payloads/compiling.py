"""A template, compiled for one event type: the bytes that stay, and what goes in between. Pure."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from regista.automations.errors import TemplateError
from regista.automations.language.nearest import nearest_name
from regista.automations.language.seen import Seen
from regista.automations.language.vocabulary import Vocabulary, vocabulary
from regista.automations.payloads.checks import Checks
from regista.automations.payloads.frozen import ACCESS_TOKEN, escaped
from regista.automations.payloads.placeholders import Placeholder, UnclosedError, pieces
from regista.automations.payloads.variables import NAMES, reader
from regista_events import short_name

ABSENT: Final = object()
"""What a placeholder comes to that has no value: a missing key, an error of the evaluator."""

_ACCESS_TOKEN: Final = "ACCESS_TOKEN"  # noqa: S105 - W&B's name of the endpoint's access token
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")
_SECRET = re.compile(r"secret\.([A-Za-z_][A-Za-z0-9_]{0,63})\Z")
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,200}\Z")
_LONGEST_SHOWN = 200
"""Characters of an expression that an error repeats."""
_MEMBER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Reference(NamedTuple):
    """A secret that a template refers to.

    ``place`` is where, as a path, ``event`` the type for which; ``plain`` tells ``${NAME}``, which may be a variable
    misspelt, from ``${secret.NAME}``.
    """

    name: str
    place: str
    event: str
    plain: bool


class Value(NamedTuple):
    """A placeholder with a value: how it is written, and how it is read from an event and the automation's name."""

    text: str
    read: Callable[[Seen, str], Any]


class Insert(NamedTuple):
    """Where a value goes: ``whole`` as JSON of its own type, otherwise as text within quotes."""

    value: Value
    whole: bool


class Secret(NamedTuple):
    """Where a secret goes, within quotes."""

    name: str


class Mention(NamedTuple):
    """A placeholder as it is written, where, and whether it may be a ``secret`` there."""

    text: str
    place: str
    secret: bool


Segment = bytes | Insert | Secret


class Compiler:
    """Compiles the templates of an action for one event type; collects the values and secrets that they ask for.

    ``checks`` are those of a save: templates that are about to be saved are not compiled, `check` reads what they mention.
    """

    def __init__(self, event_type: str, checks: Checks | None = None) -> None:
        self.values: dict[str, Value] = {}
        self.references: list[Reference] = []
        self._event = short_name(event_type)
        self._checks = checks
        self._words = vocabulary(event_type)
        self._segments: list[Segment] = []

    def document(self, value: Any, place: str) -> list[Segment]:
        """Return a payload's segments. Raises `TemplateError`."""
        self._segments = []
        self._write(value, place)
        return self._merged()

    def message(self, text: str, place: str) -> list[Segment]:
        """Return the segments of a text, as one JSON string. Raises `TemplateError`."""
        self._segments = []
        self._quoted(text, place, secrets=False)
        return self._merged()

    def check(self, mentions: Iterable[Mention]) -> None:
        """Collect the values and secrets of what is mentioned. Raises `TemplateError`."""
        for mention in mentions:
            if self._checks is not None:
                self._checks.mention(mention.text, self._event)
            found = self._placeholder(mention.text, mention.place)
            if isinstance(found, Secret) and not mention.secret:
                raise self._misplaced(mention.text, mention.place)

    def mentions(self, value: Any, place: str) -> Iterator[Mention]:
        """Return the placeholders of a payload, as often as they are there. Raises `TemplateError`."""
        match value:
            case dict():
                for name, member in value.items():
                    inner = _member(place, name)
                    yield from self.mentions_of_text(name, inner)
                    yield from self.mentions(member, inner)
            case list():
                for number, member in enumerate(value):
                    yield from self.mentions(member, f"{place}[{number}]")
            case str():
                yield from self.mentions_of_text(value, place, secret=True)
            case _:
                pass

    def mentions_of_text(self, text: str, place: str, *, secret: bool = False) -> Iterator[Mention]:
        """Return the placeholders of a text, as `mentions` does."""
        for piece in self._pieces(text, place):
            if isinstance(piece, Placeholder):
                yield Mention(piece.text, place, secret)

    def _merged(self) -> list[Segment]:
        merged: list[Segment] = []
        for segment in self._segments:
            if isinstance(segment, bytes) and merged and isinstance(merged[-1], bytes):
                merged[-1] += segment
            else:
                merged.append(segment)
        return merged

    def _write(self, value: Any, place: str) -> None:
        add = self._segments.append
        match value:
            case dict():
                add(b"{")
                for number, (name, member) in enumerate(value.items()):
                    add(b"," if number else b"")
                    inner = _member(place, name)
                    self._quoted(name, inner, secrets=False)
                    add(b":")
                    self._write(member, inner)
                add(b"}")
            case list():
                add(b"[")
                for number, member in enumerate(value):
                    add(b"," if number else b"")
                    self._write(member, f"{place}[{number}]")
                add(b"]")
            case str():
                parts = self._pieces(value, place)
                if len(parts) == 1 and isinstance(parts[0], Placeholder):
                    found = self._placeholder(parts[0].text, place)
                    if isinstance(found, Value):
                        add(Insert(found, whole=True))
                        return
                self._quoted(value, place, secrets=True)
            case _:
                add(json.dumps(value).encode())

    def _quoted(self, text: str, place: str, *, secrets: bool) -> None:
        add = self._segments.append
        add(b'"')
        for piece in self._pieces(text, place):
            if isinstance(piece, str):
                add(escaped(piece))
                continue
            found = self._placeholder(piece.text, place)
            if isinstance(found, Value):
                add(Insert(found, whole=False))
            elif secrets:
                add(found)
            else:
                raise self._misplaced(piece.text, place)
        add(b'"')

    def _pieces(self, text: str, place: str) -> list[str | Placeholder]:
        try:
            return pieces(text)
        except UnclosedError as error:
            reason = "has no } that closes it; write $${ where a plain ${ is meant"
            raise self._refused(error.rest[2:], place, reason, opened="${") from None

    def _placeholder(self, text: str, place: str) -> Value | Secret:
        if text in self.values:
            return self.values[text]
        if text == _ACCESS_TOKEN:
            return Secret(ACCESS_TOKEN)
        read = reader(text, self._words)
        if read is None:
            # The events of secrets have `secret.name` and the like as words of their own.
            named = _SECRET.match(text) if text not in self._words.types else None
            if named or (_NAME.match(text) and text not in self._words.types):
                name = named[1] if named else text
                self.references.append(Reference(name, place, self._event, plain=named is None))
                return Secret(name)
            read = self._expression(text, place)
        else:
            read = _present(read)
        self.values[text] = Value(text, read)
        return self.values[text]

    def _expression(self, text: str, place: str) -> Callable[[Seen, str], Any]:
        from regista.automations.language.expressions import CompileError, environment  # noqa: PLC0415 - costs 10 MB when used

        if not text:
            raise self._refused(text, place, "names nothing: write a variable or an expression between the braces")
        if text.startswith("secret.") and text not in self._words.types:
            raise self._refused(text, place, "names no secret: write ${secret.NAME}, of letters, digits and _")
        try:
            if self._checks is not None:
                self._checks.compile(text, self._event)
                return _unread
            compiled = environment(self._event).compile(text)
        except CompileError as error:
            nearest = _nearest(text, self._words) if _PATH.match(text) else error.nearest
            reason = f"is no expression on {self._event}: {error.message}"
            raise self._refused(text, place, reason, nearest) from None

        def evaluate(seen: Seen, _automation: str) -> Any:
            value, error = compiled.evaluate(seen)
            return value if error is None else ABSENT

        return evaluate

    def _misplaced(self, text: str, place: str) -> TemplateError:
        if text == _ACCESS_TOKEN or _SECRET.match(text):
            reason = "stands for a secret, which goes into the texts of a webhook's payload alone"
            return self._refused(text, place, reason)
        nearest = _nearest(text, self._words)
        reason = f"is no variable of {self._event}, and a secret has no place here; the nearest variable is {nearest!r}"
        return self._refused(text, place, reason, nearest)

    def _refused(
        self, text: str, place: str, reason: str, nearest: str | None = None, opened: str | None = None
    ) -> TemplateError:
        """Return the error of a placeholder; ``opened`` is how one begins that has no end."""
        shown = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
        details = {"field": "actions", "place": place, "expression": shown, "event": self._event}
        quoted = f"${{{shown}}}" if opened is None else opened + shown
        return TemplateError(f"{quoted} at {place} {reason}", **details, **({"nearest": nearest} if nearest else {}))


def unknown_name(reference: Reference, within: str) -> TemplateError:
    """Return the error of a plain name that is no variable, and no secret of the integration's team either.

    ``within`` leads to the action.
    """
    nearest = _nearest(reference.name, vocabulary(reference.event))
    return TemplateError(
        f"${{{reference.name}}} at {reference.place} is no variable of {reference.event}, and the integration's team has "
        f"no secret of that name; the nearest variable is {nearest!r}",
        field="actions",
        place=f"{within}.{reference.place}",
        expression=reference.name,
        event=reference.event,
        nearest=nearest,
    )


def _unread(_seen: Seen, _automation: str) -> Any:
    raise AssertionError("what is checked is not read")


def _nearest(name: str, words: Vocabulary) -> str:
    return nearest_name(name, {*NAMES, *words.types})


def _present(read: Callable[[Seen, str], Any]) -> Callable[[Seen, str], Any]:
    def present(seen: Seen, automation: str) -> Any:
        value = read(seen, automation)
        return ABSENT if value is None else value

    return present


def _member(place: str, name: str) -> str:
    return f"{place}.{name}" if _MEMBER.match(name) else f"{place}[{json.dumps(name, ensure_ascii=False)}]"
