"""The condition of an automation: one CEL expression that an event fulfils or not. Pure.

It is checked against every event type of the automation when it is saved, compiled once for a revision and type, and
evaluated on each event that the automation is a candidate for. A condition that errs is false, and the error is kept.
"""

import time
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from regista.automations.errors import ConditionError
from regista.automations.language.complaints import kind_name
from regista.automations.language.parts import Part, Parts, shown
from regista.automations.language.seen import Seen
from regista.automations.language.tokens import paths, tokens
from regista_events import short_name

if TYPE_CHECKING:
    from regista.automations.language.expressions import CompileError, Expression

_MOST_SECONDS = 1.0
"""CPU time of one evaluation; what people write takes microseconds."""
_cpu_time = time.thread_time
_JUDGED = frozenset({"bool", "dyn"})
"""What a condition may be; what is dynamic shows on each event whether it is true, false or neither."""


class Truth(NamedTuple):
    """Whether an event fulfils a condition; ``error`` says why it could not be told, which counts as no."""

    holds: bool
    error: str | None = None


class Condition:
    """A condition that was checked when it was saved.

    The evaluator counts steps, and a step may be long: two maps of a megabyte are compared. Nothing else happens
    meanwhile, so a condition that took longer than a second errs on any other event, until another revision is in force.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._compiled: dict[str, Expression | CompileError] = {}
        self._slow: tuple[UUID, float] | None = None
        """The event that it took too long on, and how many seconds: it is not held against that event itself."""

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

    def judge(self, seen: Seen) -> Truth:
        """Return whether the event fulfils the condition; never raises."""
        if self._slow is not None and self._slow[0] != seen.event.id:
            took = self._slow[1]
            return Truth(False, f"it took {took:.1f} s on an earlier event, and is not tried again; save it simpler")
        from regista.automations.language.expressions import CompileError  # noqa: PLC0415 - costs 10 MB when used

        expression = self._expression(short_name(seen.event.type))
        if isinstance(expression, CompileError):
            return Truth(False, expression.message)
        began = _cpu_time()
        value, error = expression.evaluate(seen)
        if (took := _cpu_time() - began) > _MOST_SECONDS:
            self._slow = seen.event.id, took
        if error is not None:
            return Truth(False, error)
        if not isinstance(value, bool):
            return Truth(False, f"it came to {shown(value)!r}, which is neither true nor false")
        return Truth(value)

    def _expression(self, event_type: str) -> "Expression | CompileError":
        from regista.automations.language.expressions import CompileError, environment  # noqa: PLC0415 - as above

        if event_type not in self._compiled:
            try:
                self._compiled[event_type] = environment(event_type).compile(self.text)
            except CompileError as error:
                # It was checked when it was saved; another version's words may differ.
                self._compiled[event_type] = error
        return self._compiled[event_type]


def check_condition(text: str | None, events: Sequence[str]) -> str | None:
    """Return the condition of an automation on these event types, None for one that is empty.

    Raises `ConditionError`: with ``details`` ``line`` and ``column`` (from 1) of the place where what is wrong begins, the
    ``event`` type whose words do not allow it, and ``nearest``, a name that would fit there, if there is one.
    """
    if text is None or not text.strip():
        return None
    from regista.automations.language.expressions import MOST_CHECKED, CompileError, effort, environment  # noqa: PLC0415 - as above

    # They are checked one by one while others wait.
    most = max(MOST_CHECKED // effort(text), 1)
    if len(events) > most:
        message = (
            f"a condition of {len(text)} characters may be on {most} event types, not {len(events)}; make it shorter"
        )
        raise _refused(events[0], message)
    for number, event in enumerate(events):
        try:
            compiled = environment(event).compile(text, new=number == 0)
        except CompileError as error:
            raise _refused(event, error.message, error.line, error.column, error.nearest) from None
        if compiled.kind not in _JUDGED:
            raise _refused(event, f"a condition is true or false; this one is {kind_name(compiled.kind)}")
    return text


def _refused(event: str, message: str, line: int = 1, column: int = 1, nearest: str | None = None) -> ConditionError:
    details = {"line": line, "column": column, "event": short_name(event)} | ({"nearest": nearest} if nearest else {})
    return ConditionError(f"where, line {line}, column {column}: {message}", field="where", **details)
