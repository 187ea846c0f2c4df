"""When to try again: pure functions of what has happened, with the randomness passed in.

A ``jitter`` parameter is a number in [0, 1), as ``random.random()`` returns it; 0.5 means the middle of the range.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

SCHEDULE: Final[tuple[float, ...]] = tuple(
    float(seconds) for seconds in (0, 5, 5 * 60, 30 * 60, *(hours * 3600 for hours in (2, 5, 10, 14, 20, 24)))
)
"""Seconds from the end of the attempt before to each of the ten attempts."""
SPREAD: Final = 0.2
"""A delay of the schedule is moved by up to this share of itself, either way."""
HINT_LIMIT: Final = 10 * 3600.0
"""Seconds up to which a Retry-After is believed."""
REST: Final = 60.0
"""Seconds of rest at least, after a timeout or a 429."""


def next_attempt(made: int, *, jitter: float, hint: float | None = None, strained: bool = False) -> float | None:
    """Return the seconds until the next attempt after ``made`` attempts, None if there is no further one.

    ``hint`` is the Retry-After of the last answer in seconds: the delay is never shorter than it, up to HINT_LIMIT.
    ``strained`` says that the last attempt timed out or was answered 429.
    """
    if made >= len(SCHEDULE):
        return None
    delay = SCHEDULE[made] * (1 - SPREAD + 2 * SPREAD * jitter)
    if hint is not None:
        delay = max(delay, min(hint, HINT_LIMIT))
    return max(delay, REST) if strained else delay


def retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for (RFC 9110, section 10.2.3), None if it cannot be read.

    Both forms are read: seconds, and a date, which is compared to ``now``; a date in the past means 0.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        # Longer numbers are beyond every limit, and int() of very long ones is slow or refused.
        return float(text) if len(text) < 10 else HINT_LIMIT  # noqa: PLR2004 - digits that stand for 31 years
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def exponential(failures: int, *, first: float, limit: float, jitter: float) -> float:
    """Return the seconds to wait before connecting again, after ``failures`` (at least 1) in a row.

    ``first`` doubles with every failure up to ``limit``; the wait is spread over the upper half of that, so that many
    who lost the same server do not return at once.
    """
    # The exponent is bounded because a float overflows long before anyone stops counting.
    ceiling = min(limit, first * 2.0 ** min(max(failures, 1) - 1, 64))
    return ceiling * (0.5 + jitter / 2)
