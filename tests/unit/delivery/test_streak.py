from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from regista.delivery import News
from regista.delivery.streak import DISABLED_AFTER, FAILING_AFTER, Result, Streak, advance

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
CLEAN = Streak(0, None, False, None)
FAILED, SUCCEEDED, GONE = Result(True, False), Result(False, False), Result(True, True)


def test_the_fourth_failure_in_a_row_is_announced_and_the_next_success_after_it() -> None:
    streak, turns = advance(CLEAN, [FAILED] * 3, NOW)
    assert turns == []
    streak, turns = advance(streak, [FAILED, FAILED, SUCCEEDED, SUCCEEDED], NOW + timedelta(minutes=1))
    assert [(turn.news, turn.place, turn.failures, turn.since) for turn in turns] == [
        (News.FAILING, 0, 4, NOW),
        (News.RECOVERED, 2, 5, NOW),
    ]
    assert streak == CLEAN


def test_a_success_between_failures_begins_the_count_again() -> None:
    assert advance(CLEAN, [FAILED, FAILED, FAILED, SUCCEEDED, FAILED, FAILED, FAILED], NOW)[1] == []


def test_410_disables_at_once() -> None:
    streak, turns = advance(CLEAN, [GONE, GONE], NOW)
    assert [(turn.news, turn.reason) for turn in turns] == [(News.DISABLED, "gone")]
    assert streak.disabled == "gone"


def test_five_days_of_nothing_but_failures_disable() -> None:
    since = NOW - DISABLED_AFTER
    almost, turns = advance(Streak(50, since, True, None), [FAILED], NOW - timedelta(seconds=1))
    assert turns == []
    assert almost.disabled is None
    _, turns = advance(almost, [FAILED, FAILED], NOW)
    assert [(turn.news, turn.failures, turn.reason) for turn in turns] == [(News.DISABLED, 52 - 0, "failing")]


def test_what_is_disabled_by_hand_is_not_disabled_again() -> None:
    assert advance(Streak(0, None, False, "manual"), [GONE], NOW)[1] == []


@given(st.lists(st.lists(st.booleans(), max_size=6), max_size=20))
def test_news_alternate_however_the_attempts_are_batched(batches: list[list[bool]]) -> None:
    streak, told = CLEAN, list[News]()
    for batch in batches:
        streak, turns = advance(streak, [Result(failed, False) for failed in batch], NOW)
        told += [turn.news for turn in turns]
    whole, turns = advance(CLEAN, [Result(failed, False) for batch in batches for failed in batch], NOW)
    assert told == [turn.news for turn in turns]
    assert streak == whole
    assert told == ([News.FAILING, News.RECOVERED] * len(told))[: len(told)]
    assert streak.failing is (streak.failures >= FAILING_AFTER)
