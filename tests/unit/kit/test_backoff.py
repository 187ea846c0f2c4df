from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.kit.backoff import exponential, next_attempt, retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
HOUR = 3600.0


def test_the_schedule_is_ten_attempts_and_then_none() -> None:
    delays = [next_attempt(made, jitter=0.5) for made in range(11)]
    hours = [hours * HOUR for hours in (2, 5, 10, 14, 20, 24)]
    assert delays == [0.0, pytest.approx(5), pytest.approx(300), pytest.approx(1800), *map(pytest.approx, hours), None]


@given(st.integers(1, 9), st.floats(0, 1, exclude_max=True))
def test_jitter_moves_a_delay_by_a_fifth_at_most(made: int, jitter: float) -> None:
    middle, delay = next_attempt(made, jitter=0.5), next_attempt(made, jitter=jitter)
    assert middle is not None
    assert delay is not None
    assert 0.8 * middle - 1e-6 <= delay <= 1.2 * middle + 1e-6


def test_jitter_reaches_both_ends() -> None:
    assert next_attempt(2, jitter=0.0) == pytest.approx(240)
    assert next_attempt(2, jitter=0.999_999) == pytest.approx(360, abs=0.01)


@pytest.mark.parametrize(
    ("made", "hint", "delay"),
    [(1, 120.0, 120.0), (3, 120.0, 1800.0), (1, 0.0, 5.0), (1, 11 * HOUR, 10 * HOUR), (9, 11 * HOUR, 24 * HOUR)],
)
def test_a_hint_lengthens_the_delay_up_to_ten_hours_and_never_shortens_it(made: int, hint: float, delay: float) -> None:
    assert next_attempt(made, jitter=0.5, hint=hint) == pytest.approx(delay)


def test_a_strained_endpoint_rests_a_minute_whatever_the_jitter() -> None:
    assert next_attempt(1, jitter=0.0, strained=True) == 60.0
    assert next_attempt(1, jitter=0.0, strained=True, hint=30.0) == 60.0
    assert next_attempt(2, jitter=0.5, strained=True) == pytest.approx(300)


def test_an_exhausted_row_is_not_revived_by_a_hint() -> None:
    assert next_attempt(10, jitter=0.5, hint=5.0, strained=True) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120.0),
        ("Sunday, 01-Mar-26 12:02:00 GMT", 120.0),
        ("Sun Mar  1 12:02:00 2026", 120.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("9" * 5000, 10 * HOUR),
        (None, None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("١٢", None),
        ("Sun, 99 Mar 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@given(st.text())
def test_no_retry_after_breaks_the_reader(value: str) -> None:
    seconds = retry_after(value, NOW)
    assert seconds is None or seconds >= 0


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_reconnect_waits_within_its_bounds(failures: int, jitter: float) -> None:
    wait = exponential(failures, first=0.1, limit=30, jitter=jitter)
    assert 0.05 <= wait <= 30


def test_a_reconnect_waits_twice_as_long_each_time_until_the_limit() -> None:
    waits = [exponential(failures, first=1, limit=10, jitter=1.0) for failures in range(1, 7)]
    assert waits == [1, 2, 4, 8, 10, 10]
