from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from regista.automations.deciding.allowance import LATENESS, Held, State, settle, weigh
from regista.automations.deciding.limits import Limits
from regista.automations.deciding.verdict import FIRE, Verdict
from regista_events.samples import SAMPLE_TIME

MINUTE = timedelta(minutes=1)


def limits_of(cooldown: int | None, per_hour: int | None, *, coalesce: bool) -> Limits:
    if cooldown is None and per_hour is None:
        cooldown = 7
    return Limits(
        cooldown=None if cooldown is None else timedelta(minutes=cooldown), per_hour=per_hour, coalesce=coalesce
    )


LIMITS = st.builds(limits_of, st.none() | st.integers(1, 90), st.none() | st.integers(1, 4), coalesce=st.booleans())
MINUTES = st.lists(st.integers(0, 300), max_size=40)


def happen(limits: Limits, minutes: Sequence[int]) -> tuple[dict[int, Verdict], State, list[int]]:
    """Return the last word on each event (by its place), the state, and the minutes at which it fired."""
    state, said, fired = State(), dict[int, Verdict](), list[int]()
    for place, minute in enumerate(minutes):
        held = state.held
        weighed = weigh(limits, state, UUID(int=place), SAMPLE_TIME + minute * MINUTE)
        if weighed.released is not None:
            assert held is not None
            said[weighed.released.int] = FIRE
            fired.append(int((held.until - SAMPLE_TIME) / MINUTE))
        if weighed.superseded is not None:
            said[weighed.superseded.int] = Verdict("skipped", "coalesced")
        said[place] = weighed.verdict
        if weighed.verdict is FIRE:
            fired.append(minute)
        state = weighed.state
    return said, state, fired


def fits(limits: Limits, fired: Sequence[int]) -> bool:
    series = sorted(fired)
    apart = limits.cooldown is None or all(
        (after - before) * MINUTE >= limits.cooldown for before, after in pairwise(series)
    )
    return apart and (
        limits.per_hour is None or all(sum(at <= each < at + 60 for each in series) <= limits.per_hour for at in series)
    )


@given(LIMITS, MINUTES)
@example(Limits(cooldown=timedelta(minutes=1), per_hour=2, coalesce=True), [0, 30, 31, 21, 240])
def test_whatever_the_order_no_firings_are_closer_than_the_limits_say(limits: Limits, minutes: list[int]) -> None:
    newest = 0
    minutes = [each for each in minutes if (newest := max(newest, each)) - each <= LATENESS / MINUTE]
    said, state, fired = happen(limits, minutes)
    assert len(said) == len(minutes)
    waiting = [place for place, verdict in said.items() if verdict.outcome == "deferred"]
    assert waiting == ([] if state.held is None else [state.held.event_id.int])
    if state.held is not None:
        fired.append(int((state.held.until - SAMPLE_TIME) / MINUTE))
        assert settle(limits, state).held is None
    assert fits(limits, fired)
    if not limits.coalesce:
        assert {verdict.reason for verdict in said.values()} <= {None, "cooldown", "rate"}


@given(LIMITS, MINUTES)
def test_in_order_an_event_is_held_back_only_by_firings_before_it(limits: Limits, minutes: list[int]) -> None:
    limits = limits.model_copy(update={"coalesce": False})
    said, _, _ = happen(limits, sorted(minutes))
    fired: list[int] = []
    for place, minute in enumerate(sorted(minutes)):
        assert (said[place] == FIRE) is fits(limits, [*fired, minute])
        if said[place] == FIRE:
            fired.append(minute)


@given(LIMITS, MINUTES)
def test_of_what_is_coalesced_the_newest_fires_and_none_is_lost_without_a_newer_one(
    limits: Limits, minutes: list[int]
) -> None:
    limits = limits.model_copy(update={"coalesce": True})
    minutes = sorted(minutes)
    said, state, _ = happen(limits, minutes)
    for place, verdict in said.items():
        if verdict.reason == "coalesced":
            assert any(said[later].outcome in {"fire", "deferred"} for later in range(place + 1, len(minutes)))
    if minutes:
        assert said[len(minutes) - 1].outcome in {"fire", "deferred"}
    assert len(state.fires) <= 91 + 10 + 4


def test_what_waits_fires_as_soon_as_the_limit_lets_it_and_counts_from_then() -> None:
    limits = Limits(cooldown=10 * MINUTE, coalesce=True)
    first = weigh(limits, State(), UUID(int=1), SAMPLE_TIME)
    assert first.verdict is FIRE
    second = weigh(limits, first.state, UUID(int=2), SAMPLE_TIME + 4 * MINUTE)
    assert second.verdict == Verdict("deferred", "cooldown")
    assert second.state.held == Held(UUID(int=2), SAMPLE_TIME + 4 * MINUTE, SAMPLE_TIME + 10 * MINUTE)
    late = weigh(limits, second.state, UUID(int=3), SAMPLE_TIME + 3 * MINUTE)
    assert late.verdict == Verdict("skipped", "coalesced")
    after = weigh(limits, second.state, UUID(int=4), SAMPLE_TIME + 12 * MINUTE)
    assert (after.released, after.superseded) == (UUID(int=2), None)
    assert after.verdict == Verdict("deferred", "cooldown")
    assert after.state.held is not None
    assert after.state.held.until == SAMPLE_TIME + 20 * MINUTE


def test_what_waits_is_given_up_for_what_is_newer_and_fires_under_looser_limits() -> None:
    strict, loose = Limits(cooldown=timedelta(days=30), coalesce=True), Limits(cooldown=MINUTE, coalesce=True)
    first = weigh(strict, State(), UUID(int=1), SAMPLE_TIME)
    second = weigh(strict, first.state, UUID(int=2), SAMPLE_TIME + 4 * MINUTE)
    third = weigh(loose, second.state, UUID(int=3), SAMPLE_TIME + 5 * MINUTE)
    assert (third.verdict, third.released, third.superseded) == (FIRE, None, UUID(int=2))
    assert third.state == State((SAMPLE_TIME, SAMPLE_TIME + 5 * MINUTE))
