from datetime import UTC, datetime

import pytest

from regista.delivery import Outcome
from regista.delivery.verdict import Fate, judge

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def outcome(error: str | None, status: int | None = None, retry_after: str | None = None) -> Outcome:
    return Outcome(status, error, 0.1, {}, b"", False, retry_after, status == 410)


def test_a_success_needs_no_further_attempt() -> None:
    assert judge(outcome(None, 200), 3, manual=False, jitter=0.5, now=NOW) == (Fate.SUCCEEDED, None)


@pytest.mark.parametrize(("made", "delay"), [(1, 5.0), (2, 300.0), (3, 1800.0), (9, 24 * 3600.0)])
def test_a_failure_is_tried_again_by_the_schedule(made: int, delay: float) -> None:
    verdict = judge(outcome("http_5xx", 503), made, manual=False, jitter=0.5, now=NOW)
    assert verdict.fate is Fate.PENDING
    assert verdict.delay == pytest.approx(delay)


def test_the_tenth_failure_is_the_last() -> None:
    assert judge(outcome("http_5xx", 500), 10, manual=False, jitter=0.5, now=NOW) == (Fate.DEAD, None)


@pytest.mark.parametrize("failed", [outcome("timeout"), outcome("http_4xx", 429)])
def test_after_a_timeout_or_a_429_an_endpoint_rests_a_minute(failed: Outcome) -> None:
    assert judge(failed, 1, manual=False, jitter=0.5, now=NOW).delay == 60.0


def test_a_retry_after_is_obeyed_where_it_is_later_than_the_schedule() -> None:
    assert judge(outcome("http_5xx", 503, "90"), 1, manual=False, jitter=0.5, now=NOW).delay == 90.0
    assert judge(outcome("http_5xx", 503, "90"), 2, manual=False, jitter=0.5, now=NOW).delay == pytest.approx(300.0)


@pytest.mark.parametrize("made", [0, 5, 10])
def test_a_redelivery_that_fails_changes_nothing_however_many_attempts_were_made(made: int) -> None:
    assert judge(outcome("timeout"), made, manual=True, jitter=0.5, now=NOW) == (Fate.UNCHANGED, None)


@pytest.mark.parametrize("made", [1, 9])
def test_what_no_repetition_mends_is_dead_at_once_unless_somebody_asked_for_the_attempt(made: int) -> None:
    final = outcome("slack_invalid_blocks", 200)._replace(final=True)
    assert judge(final, made, manual=False, jitter=0.5, now=NOW) == (Fate.DEAD, None)
    assert judge(final, made, manual=True, jitter=0.5, now=NOW) == (Fate.UNCHANGED, None)
