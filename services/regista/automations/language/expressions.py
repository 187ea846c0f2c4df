"""CEL, the language of conditions and templates: compiled against the words of an event type, evaluated on an event. Pure.

The evaluator is the CEL project's C++ runtime. It bounds itself: iterations, recursion, RE2 patterns. What goes wrong in
an evaluation (a missing key, an integer beyond 64 bits) is a value, `Result.error`, never an exception.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from cel_expr_python import cel

from regista.automations.language.complaints import complaint, position, reason
from regista.automations.language.nearest import nearest_name
from regista.automations.language.patterns import Matcher, misfit
from regista.automations.language.seen import Seen
from regista.automations.language.tokens import LONGEST, Token, paths, tokens
from regista.automations.language.vocabulary import vocabulary
from regista_events import short_name


class CompileError(ValueError):
    """An expression that is none, or that does not fit the event type.

    ``line`` and ``column`` count from 1, and say where what is wrong begins; ``nearest`` is a name that would fit there.
    """

    def __init__(self, message: str, line: int = 1, column: int = 1, nearest: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.nearest = nearest


class Result(NamedTuple):
    """What an expression came to: a plain Python value, or the reason why there is none."""

    value: Any
    error: str | None = None


class Expression:
    """An expression compiled for one event type. ``kind`` is the type of its value: ``bool``, ``dyn``, ``list(string)``."""

    def __init__(self, text: str, compiled: Any) -> None:
        self.text = text
        self.kind = str(compiled.return_type()).lower().replace("<", "(").replace(">", ")")
        self._compiled = compiled

    def evaluate(self, seen: Seen) -> Result:
        """Evaluate it on an event of the type that it was compiled for."""
        try:
            value = self._compiled.eval(seen.activation)
            if str(value.type()) == "ERROR":
                return Result(None, reason(str(value.value())))
            return Result(value.plain_value())
        except (RuntimeError, OverflowError, ValueError, TypeError) as error:
            # What the runtime cannot take as a value (an integer beyond 64 bits) comes as an exception.
            return Result(None, reason(str(error)))


class Environment:
    """The words of one event type, as the compiler knows them."""

    def __init__(self, event_type: str) -> None:
        self._vocabulary = vocabulary(event_type)
        self.event_type = self._vocabulary.event_type
        self._environment = cel.NewEnv(variables={name: _type(kind) for name, kind in self._vocabulary.types.items()})

    def compile(self, text: str, *, new: bool = False) -> Expression:
        """Compile an expression; of a ``new`` one, take what its patterns cost: what is saved is not asked again.

        Raises `CompileError`, and nothing else, whatever the text.
        """
        _check_text(text)
        try:
            compiled = self._environment.compile(text)
        except (RuntimeError, ValueError, TypeError) as error:
            found = complaint(str(error), text, self.event_type, self._vocabulary.types)
            raise CompileError(*found) from None
        words = tokens(text)
        self._check_members(text, words)
        if refused := misfit(words, self._matcher, timed=new):
            raise CompileError(refused.message, *position(text, refused.start))
        return Expression(text, compiled)

    def activation(self, values: Mapping[str, Any]) -> Any:
        """Return an event's values as evaluations take them."""
        return self._environment.Activation(values)

    def _check_members(self, text: str, words: Sequence[Token]) -> None:
        """Raise for a field of a variable that may be null: to the compiler, there may be anything."""
        for path in paths(words):
            known = next(
                (
                    length
                    for length in range(len(path.steps), 0, -1)
                    if ".".join(path.steps[:length]) in self._vocabulary.words
                ),
                len(path.steps),
            )
            if known == len(path.steps):
                continue
            name, member = ".".join(path.steps[:known]), path.steps[known]
            members = self._vocabulary.words[name].members
            if members is None or member in members:
                continue
            place = position(text, path.places[0])
            if not members:
                raise CompileError(f"{name!r} of {self.event_type} has no fields, so no {member!r}", *place, name)
            nearest = f"{name}.{nearest_name(member, members)}"
            raise CompileError(
                f"{name!r} of {self.event_type} has no {member!r}; the nearest is {nearest!r}", *place, nearest
            )

    def _matcher(self, pattern: str) -> Matcher:
        compiled = self._environment.compile(f'"production-v12".matches({pattern})')
        nothing = self.activation({})

        def match() -> str | None:
            value = compiled.eval(nothing)
            return str(value.value()) if str(value.type()) == "ERROR" else None

        return match


def _check_text(text: str) -> None:
    if len(text) > LONGEST:
        raise CompileError(f"the expression has {len(text)} characters; {LONGEST} are the most")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        place = position(text, error.start)
        raise CompileError(f"U+{ord(text[error.start]):04X} is half of a character, which is no text", *place) from None
    if (at := text.find("\0")) >= 0:
        raise CompileError("text with U+0000 cannot be stored; write \\x00 in a text", *position(text, at))


def environment(event_type: str) -> Environment:
    """Return the one environment of an event type, by its full or short name: values of another would not be read."""
    return _environment(short_name(event_type))


_environment = cache(Environment)


def _type(kind: str) -> Any:
    if kind.startswith("list("):
        return cel.Type.List(_type(kind[5:-1]))
    if kind.startswith("map(string, "):
        return cel.Type.Map(cel.Type.STRING, _type(kind[12:-1]))
    return getattr(cel.Type, kind.upper())
