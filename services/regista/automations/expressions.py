"""CEL, the language of conditions and templates: compiled against the words of an event type, evaluated on an event. Pure.

The evaluator is the CEL project's C++ runtime. It bounds itself: iterations, recursion, RE2 patterns. What goes wrong in
an evaluation (a missing key, an integer beyond 64 bits) is a value, `Result.error`, never an exception.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from cel_expr_python import cel

from regista.automations.seen import Seen
from regista.automations.vocabulary import vocabulary
from regista_events import short_name


class CompileError(ValueError):
    """An expression that is none, or that does not fit the event type. ``line`` and ``column`` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class Result(NamedTuple):
    """What an expression came to: a plain Python value, or the reason why there is none."""

    value: Any
    error: str | None = None


class Expression:
    """An expression compiled for one event type. ``kind`` is the type of its value, as CEL writes it."""

    def __init__(self, text: str, compiled: Any) -> None:
        self.text = text
        self.kind = str(compiled.return_type())
        self._compiled = compiled

    def evaluate(self, seen: Seen) -> Result:
        """Evaluate it on an event of the type that it was compiled for."""
        try:
            value = self._compiled.eval(seen.activation)
            if str(value.type()) == "ERROR":
                return Result(None, str(value.value()))
            return Result(value.plain_value())
        except (RuntimeError, OverflowError, ValueError, TypeError) as error:
            # What the runtime cannot take as a value (an integer beyond 64 bits) comes as an exception.
            return Result(None, str(error))


class Environment:
    """The words of one event type, as the compiler knows them."""

    def __init__(self, event_type: str) -> None:
        words = vocabulary(event_type)
        self.event_type = words.event_type
        self._environment = cel.NewEnv(variables={name: _type(kind) for name, kind in words.types.items()})

    def compile(self, text: str) -> Expression:
        """Compile an expression. Raises `CompileError`."""
        try:
            return Expression(text, self._environment.compile(text))
        except (RuntimeError, ValueError, UnicodeEncodeError) as error:
            raise CompileError(str(error), 1, 1) from None

    def activation(self, values: Mapping[str, Any]) -> Any:
        """Return an event's values as evaluations take them."""
        return self._environment.Activation(values)


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
