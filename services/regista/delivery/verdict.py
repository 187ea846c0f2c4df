"""What an outcome means for its delivery. Pure."""

from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple

from regista.delivery.contract import Outcome
from regista.kit import backoff


class Fate(StrEnum):
    """Where a delivery goes from an attempt."""

    SUCCEEDED = "succeeded"
    PENDING = "pending"
    """There is another attempt of the schedule."""
    DEAD = "dead"
    """The schedule is used up, or no repetition would help."""
    UNCHANGED = "unchanged"
    """A redelivery that somebody asked for failed: the delivery is what it was."""


class Verdict(NamedTuple):
    """``delay`` is the seconds until the next attempt of PENDING, otherwise None."""

    fate: Fate
    delay: float | None


_SUCCEEDED = Verdict(Fate.SUCCEEDED, None)
_UNCHANGED = Verdict(Fate.UNCHANGED, None)
_DEAD = Verdict(Fate.DEAD, None)


def judge(outcome: Outcome, made: int, *, manual: bool, jitter: float, now: datetime) -> Verdict:
    """Judge an attempt, the schedule's ``made``-th (this one counted), or one that was asked for (``manual``)."""
    if outcome.error is None:
        return _SUCCEEDED
    if manual:
        return _UNCHANGED
    if outcome.final:
        return _DEAD
    delay = backoff.next_attempt(
        made,
        jitter=jitter,
        hint=backoff.retry_after(outcome.retry_after, now),
        strained=outcome.error == "timeout" or outcome.status == HTTPStatus.TOO_MANY_REQUESTS,
    )
    return _DEAD if delay is None else Verdict(Fate.PENDING, delay)
