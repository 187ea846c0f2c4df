"""One event as conditions and templates see it: what they read is converted once, whoever reads it."""

from datetime import datetime
from functools import cached_property
from typing import Any

from regista.automations.language.vocabulary import Vocabulary, vocabulary
from regista.automations.language.weights import Weight, measured
from regista_events import Event

_MOST_KEPT = 0.05
"""CPU time of evaluations, in seconds, whose garbage may stay with an event: some ten megabytes."""


class Seen:
    """An event and the moment at which it is judged; ``now`` is the event's own time where a judgement is repeated."""

    def __init__(self, event: Event[Any], now: datetime | None = None) -> None:
        self.event = event
        self.now = now or event.time
        self.author: str | None = None
        """The name of who did it, for templates that say it: `authors.name_authors` finds it."""
        self._weights: dict[tuple[str, ...], Weight] = {}
        self._spent = 0.0

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words for the event's type."""
        return vocabulary(self.event.type)

    @cached_property
    def values(self) -> dict[str, Any]:
        """What each variable stands for, as plain Python values."""
        return self.vocabulary.values(self.event, self.now)

    @cached_property
    def activation(self) -> Any:
        """The same as the evaluator takes it; each value is converted when it is first read, once for everybody."""
        from regista.automations.language.expressions import environment  # noqa: PLC0415 - the evaluator is for those who need it

        return environment(self.event.type).activation(self.values)

    def spend(self, seconds: float) -> None:
        """Count an evaluation: what the runtime makes in one stays with the activation, so a full one is thrown away."""
        self._spent += seconds
        if self._spent > _MOST_KEPT:
            self._spent = 0.0
            self.__dict__.pop("activation", None)

    def weigh(self, path: tuple[str, ...]) -> Weight:
        """Return how much a variable holds, or what is inside of it, in the units of `weights`; once for everybody."""
        if path not in self._weights:
            value: Any = self.values.get(path[0])
            for step in path[1:]:
                value = value.get(step) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - JSON
            self._weights[path] = measured(value)
        return self._weights[path]
