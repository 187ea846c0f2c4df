"""What limits leave an automation to do: whether an event fires it, is skipped, or waits. Pure, in the time of events.

The rule does not depend on the order in which events arrive, which is theirs only within one aggregate: no two firings
are closer to each other than the cooldown, and no 60 minutes have more than ``per_hour`` of them. What waits fires, and
counts, at the first moment that keeps this. An event that comes more than `LATENESS` behind the newest firing is judged
by what is still remembered.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from regista.automations.deciding.limits import Limits
from regista.automations.deciding.verdict import FIRE, Verdict

HOUR = timedelta(hours=1)
LATENESS = timedelta(minutes=10)
"""How far behind the newest firing an event may come and be judged by all firings around it."""


class Held(NamedTuple):
    """The newest event that waits: when it happened, and from when on it may fire."""

    event_id: UUID
    time: datetime
    until: datetime


class State(NamedTuple):
    """When the automation has fired, the oldest first and as far back as its limits look and events may be late."""

    fires: tuple[datetime, ...] = ()
    held: Held | None = None


class Weighed(NamedTuple):
    """What becomes of an event, and of the one that was waiting when it came.

    ``released``: its moment had come before this event, so it fires. ``superseded``: this one waits, or fires, in its
    place.
    """

    verdict: Verdict
    state: State
    released: UUID | None = None
    superseded: UUID | None = None


def weigh(limits: Limits, state: State, event_id: UUID, time: datetime) -> Weighed:
    """Return what becomes of an event that would fire if there were no limits."""
    released = None
    if state.held is not None and state.held.until <= time:
        released = state.held.event_id
        state = settle(limits, state)
    reason = _holds_back(limits, state.fires, time)
    if reason is None:
        fires = _with(limits, state.fires, time)
        if state.held is not None and state.held.time < time:
            # The limits were stricter when it was put off. What is newer has been carried out.
            return Weighed(FIRE, State(fires), released, state.held.event_id)
        # An event from before the one that waits has come late: it may have taken that one's place.
        held = state.held and put_off(limits, state.held.until, State(fires, state.held))
        return Weighed(FIRE, State(fires, held), released)
    if not limits.coalesce:
        return Weighed(Verdict("skipped", reason), state, released)
    if state.held is not None and time < state.held.time:
        return Weighed(Verdict("skipped", "coalesced"), state, released)
    superseded = None if state.held is None else state.held.event_id
    held = Held(event_id, time, _earliest(limits, state.fires, time))
    return Weighed(Verdict("deferred", reason), State(state.fires, held), released, superseded)


def put_off(limits: Limits | None, time: datetime, state: State) -> Held | None:
    """Return what waits, until the first moment from ``time`` on at which the limits there are now let it through."""
    if state.held is None:
        return None
    return state.held._replace(until=time if limits is None else _earliest(limits, state.fires, time))


def settle(limits: Limits | None, state: State) -> State:
    """Return the state after what waits has fired; it counts as fired when it first might."""
    if state.held is None:
        return state
    return State(_with(limits, state.fires, state.held.until))


def _holds_back(limits: Limits, fires: Sequence[datetime], time: datetime) -> Literal["cooldown", "rate"] | None:
    place = bisect_left(fires, time)
    if limits.cooldown is not None:
        beside = fires[max(place - 1, 0) : place + 1]
        if any(abs(time - each) < limits.cooldown for each in beside):
            return "cooldown"
    if (most := limits.per_hour) is not None:
        series = [*fires[:place], time, *fires[place:]]
        # Every run of one too many that this event is part of; one alone where it is the newest.
        starts = range(max(0, place - most), min(place, len(fires) - most) + 1)
        if any(series[start + most] - series[start] < HOUR for start in starts):
            return "rate"
    return None


def _earliest(limits: Limits, fires: Sequence[datetime], time: datetime) -> datetime:
    """Return the first moment from ``time`` on, behind all firings, at which the limits let one more through."""
    moment = max(time, fires[-1]) if fires else time
    if limits.cooldown is not None and fires:
        moment = max(moment, fires[-1] + limits.cooldown)
    if limits.per_hour is not None and len(fires) >= limits.per_hour:
        moment = max(moment, fires[-limits.per_hour] + HOUR)
    return moment


def _with(limits: Limits | None, fires: Sequence[datetime], time: datetime) -> tuple[datetime, ...]:
    series = list(fires)
    insort(series, time)
    if limits is None:
        return tuple(series)
    reach = max(limits.cooldown or timedelta(), HOUR if limits.per_hour is not None else timedelta())
    return tuple(series[bisect_left(series, series[-1] - reach - LATENESS) :])
