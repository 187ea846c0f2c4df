"""What each part of a condition came to on an event, with the values that it read: for people, not for decisions. Pure.

The evaluator gives no partial values. So a condition is split at its top-level ``&&`` and ``||``, and each part is an
expression of its own, compiled when somebody asks.
"""

import json
import math
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from regista.automations.language.seen import Seen
from regista.automations.language.tokens import Path, paths, split, tokens
from regista.automations.language.vocabulary import plain
from regista_events import short_name

if TYPE_CHECKING:
    from regista.automations.language.expressions import Expression

_LONGEST_SHOWN = 500
"""Characters of one value, as JSON."""
_MOST_SECONDS = 1.0
"""CPU time of all parts together: each may take as long as a whole condition."""
_ABSENT = object()


class Part(NamedTuple):
    """A part of a condition on one event.

    ``value`` is what it came to, as JSON has it (mostly true or false), None where ``error`` says why there is none.
    ``values`` are the variables that it names, as the event has them; one that is not there is left out, and what is long
    is cut to a text that ends with ``…``.
    """

    text: str
    value: Any
    error: str | None
    values: dict[str, Any]


class Parts(Sequence[str]):
    """The parts of a condition, as they are written, in order: never none."""

    def __init__(self, text: str) -> None:
        self._texts = split(text) or [text]
        self._compiled: dict[tuple[str, int], Expression] = {}

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, place: Any) -> Any:
        return self._texts[place]

    @cached_property
    def _paths(self) -> list[list[Path]]:
        return [list(paths(tokens(text))) for text in self._texts]

    def explain(self, seen: Seen) -> list[Part]:
        """Return what each part came to on an event; never raises."""
        from regista.automations.language.expressions import CompileError  # noqa: PLC0415 - costs 10 MB when used

        found: list[Part] = []
        end = time.thread_time() + _MOST_SECONDS
        for place, text in enumerate(self._texts):
            if time.thread_time() > end:
                found.append(Part(text, None, "what stands before it took too long, so it was not tried", {}))
                continue
            try:
                value, error = self._expression(place, seen).evaluate(seen)
            except CompileError as refused:
                value, error = None, refused.message
            found.append(Part(text, shown(value), error, _read(self._paths[place], seen)))
        return found

    def _expression(self, place: int, seen: Seen) -> "Expression":
        from regista.automations.language.expressions import environment  # noqa: PLC0415 - as above

        key = short_name(seen.event.type), place
        if key not in self._compiled:
            self._compiled[key] = environment(key[0]).compile(self._texts[place])
        return self._compiled[key]


def shown(value: Any) -> Any:
    """Return a value as JSON has it, cut to a text that ends with ``…`` where it is long."""
    value = plain(value)
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if not isinstance(value, str | list | dict):
        # A duration, bytes, a type, an infinity: what a part that is no test may come to.
        value = str(value)
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return value if len(written) <= _LONGEST_SHOWN else written[:_LONGEST_SHOWN] + "…"


def _read(named: Sequence[Path], seen: Seen) -> dict[str, Any]:
    values = {path.text: _value(path.steps, seen.values) for path in named}
    return {text: shown(value) for text, value in values.items() if value is not _ABSENT}


def _value(steps: Sequence[str], values: Mapping[str, Any]) -> Any:
    # The longest name that is a variable; what follows it is looked up inside.
    for length in range(len(steps), 0, -1):
        name = ".".join(steps[:length])
        if name in values:
            return _inside(values[name], steps[length:])
    return _ABSENT


def _inside(value: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        if not isinstance(value, dict) or step not in value:
            return _ABSENT
        value = value[step]  # pyright: ignore[reportUnknownVariableType] - JSON
    return value  # pyright: ignore[reportUnknownVariableType] - JSON
