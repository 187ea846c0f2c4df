"""What a definition makes of events of the past: simulations and replays look at them with the same eyes. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from regista.automations.deciding.verdict import FIRE, Verdict, judge
from regista.automations.language.seen import Seen
from regista.automations.matching import Definition, Index
from regista_events import RegistryEvent, UnknownEvent

_BEFORE_EVERYTHING = datetime(1970, 1, 1, tzinfo=UTC)


class Judged(NamedTuple):
    """An event that the definition is concerned with, and what becomes of it, limits and author aside."""

    seen: Seen
    verdict: Verdict


Judge = Callable[[RegistryEvent | UnknownEvent], Judged | None]
"""Returns what becomes of an event, None where it is no concern."""


def everything(event: RegistryEvent | UnknownEvent) -> Judged:
    """Return the verdict of an endpoint that events are replayed to: it gets them all."""
    return Judged(Seen(event), FIRE)


class Hindsight:
    """One definition, in force as if it had always been there; ``now`` of its condition is the event's own time."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition._replace(created_at=_BEFORE_EVERYTHING)
        self._index = Index()
        self._index.put(self.definition)

    def judge(self, event: RegistryEvent | UnknownEvent) -> Judged | None:
        """Return the verdict on an event: a `Judge`."""
        if isinstance(event, UnknownEvent) or not self._index.candidates(event):
            return None
        seen = Seen(event)
        return Judged(seen, judge(self.definition, seen))
