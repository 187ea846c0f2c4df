"""One event as conditions and templates see it: what they read is converted once, whoever reads it."""

from datetime import datetime
from functools import cached_property
from typing import Any

from regista.automations.language.vocabulary import Vocabulary, vocabulary
from regista_events import Event


class Seen:
    """An event and the moment at which it is judged; ``now`` is the event's own time where a judgement is repeated."""

    def __init__(self, event: Event[Any], now: datetime | None = None) -> None:
        self.event = event
        self.now = now or event.time
        self.author: str | None = None
        """The name of who did it, for templates that say it: `authors.name_authors` finds it."""

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
