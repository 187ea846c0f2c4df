"""What an automation would have done about events of the past, counted event by event, in the time of events. Pure."""

from collections import Counter
from datetime import datetime

from regista.automations.deciding.allowance import State, weigh
from regista.automations.deciding.limits import Limits
from regista.automations.deciding.verdict import FIRE
from regista.automations.past.hindsight import Judge, Judged
from regista_events import RegistryEvent, UnknownEvent


class Simulation:
    """Meets events in the order of the log. Nothing it does is kept anywhere else.

    ``examined`` events were met, ``concerned`` ones lay in its scope and fit its trigger; of these ``unmet`` did not
    fulfil the condition and ``matched`` would fire if there were no limits, as many as a replay fires. ``fires`` is what
    limits leave of them, ``skipped`` counts the rest by reason, ``waiting`` is 1 while one is held back to fire later.
    """

    def __init__(self, judge: Judge, limits: Limits | None) -> None:
        self._judge = judge
        self._limits = limits
        self._state = State()
        self.examined = self.concerned = self.unmet = self.matched = self.fires = 0
        self.skipped: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """How many events are held back at present."""
        return int(self._state.held is not None)

    def meet(self, event: RegistryEvent | UnknownEvent) -> Judged | None:
        """Return what becomes of an event, None where it is no concern."""
        self.examined += 1
        judged = self._judge(event)
        if judged is None:
            return None
        self.concerned += 1
        if judged.verdict is FIRE:
            self.matched += 1
            judged = self._weighed(judged)
        match judged.verdict.outcome:
            case "unmet":
                self.unmet += 1
            case "fire":
                self.fires += 1
            case "skipped":
                self.skipped[judged.verdict.reason or ""] += 1
            case "deferred":
                pass
        return judged

    def end(self, moment: datetime) -> None:
        """Let what is held back fire if its time has come by ``moment``."""
        held = self._state.held
        if held is not None and held.until <= moment:
            self.fires += 1
            self._state = self._state._replace(held=None)

    def _weighed(self, judged: Judged) -> Judged:
        if self._limits is None:
            return judged
        event = judged.seen.event
        weighed = weigh(self._limits, self._state, event.id, event.time)
        self._state = weighed.state
        if weighed.released is not None:
            self.fires += 1
        if weighed.superseded is not None:
            self.skipped["coalesced"] += 1
        return judged._replace(verdict=weighed.verdict)
