"""The condition of an automation: one CEL expression that an event fulfils or not. Pure.

It is checked against every event type of the automation when it is saved, compiled once for a revision and type, and
evaluated on each event that the automation is a candidate for. A condition that errs is false, and the error is kept.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from regista.automations.complaints import kind_name
from regista.automations.errors import ConditionError
from regista.automations.parts import Part, Parts, shown
from regista.automations.seen import Seen
from regista.automations.tokens import paths, tokens
from regista_events import short_name

if TYPE_CHECKING:
    from regista.automations.expressions import Expression

_JUDGED = frozenset({"bool", "dyn"})
"""What a condition may be; what is dynamic shows on each event whether it is true, false or neither."""


class Truth(NamedTuple):
    """Whether an event fulfils a condition; ``error`` says why it could not be told, which counts as no."""

    holds: bool
    error: str | None = None


class Condition:
    """A condition that was checked when it was saved."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"Condition({self.text!r})"

    @cached_property
    def parts(self) -> Parts:
        """What stands between its top-level ``&&`` and ``||``."""
        return Parts(self.text)

    def explain(self, seen: Seen) -> list[Part]:
        """Return what each part came to on an event of a type that it was checked against, and what it saw."""
        return self.parts.explain(seen)

    def names(self, variable: str) -> bool:
        """Return whether the condition asks for a variable by its whole name: ``alias``, not ``artifact.alias``."""
        return variable in self._named

    @cached_property
    def _named(self) -> frozenset[str]:
        return frozenset(".".join(path.steps) for path in paths(tokens(self.text)))

    @cached_property
    def _compiled(self) -> "dict[str, Expression]":
        return {}

    def judge(self, seen: Seen) -> Truth:
        """Return whether the event fulfils the condition."""
        from regista.automations.expressions import CompileError, environment  # noqa: PLC0415 - costs 10 MB when used

        kind = short_name(seen.event.type)
        expression = self._compiled.get(kind)
        if expression is None:
            try:
                expression = self._compiled[kind] = environment(kind).compile(self.text)
            except CompileError as error:
                # It was checked when it was saved; another version's words may differ.
                return Truth(False, error.message)
        value, error = expression.evaluate(seen)
        if error is not None:
            return Truth(False, error)
        if not isinstance(value, bool):
            return Truth(False, f"it came to {shown(value)!r}, which is neither true nor false")
        return Truth(value)


def check_condition(text: str | None, events: Iterable[str]) -> str | None:
    """Return the condition of an automation on these event types, None for one that is empty.

    Raises `ConditionError`: with ``details`` ``line`` and ``column`` (from 1) of the place where what is wrong begins, the
    ``event`` type whose words do not allow it, and ``nearest``, a name that would fit there, if there is one.
    """
    if text is None or not text.strip():
        return None
    from regista.automations.expressions import CompileError, environment  # noqa: PLC0415 - as above

    for event in events:
        try:
            compiled = environment(event).compile(text)
        except CompileError as error:
            raise _refused(event, error.message, error.line, error.column, error.nearest) from None
        if compiled.kind not in _JUDGED:
            raise _refused(event, f"a condition is true or false; this one is {kind_name(compiled.kind)}")
    return text


def _refused(event: str, message: str, line: int = 1, column: int = 1, nearest: str | None = None) -> ConditionError:
    details = {"line": line, "column": column, "event": short_name(event)} | ({"nearest": nearest} if nearest else {})
    return ConditionError(f"where, line {line}, column {column}: {message}", field="where", **details)
