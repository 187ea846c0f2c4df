"""A lane's failures in a row, and what is announced of them. Pure, edge-triggered."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from regista.delivery.contract import News

FAILING_AFTER: Final = 4
"""Failures in a row that are announced."""
DISABLED_AFTER: Final = timedelta(hours=120)
"""Time of nothing but failures after which the lane is disabled."""


class Streak(NamedTuple):
    """``failures`` in a row, the first of them at ``since``; whether that was announced (``failing``).

    ``disabled`` is the reason why nothing is sent, None for an active lane.
    """

    failures: int
    since: datetime | None
    failing: bool
    disabled: str | None


class Result(NamedTuple):
    """One attempt, as far as a streak goes."""

    failed: bool
    gone: bool


class Turn(NamedTuple):
    """News that the attempt at ``place`` brought, with the streak as it is told."""

    news: News
    place: int
    failures: int
    since: datetime | None
    reason: str | None = None


def advance(streak: Streak, results: Iterable[Result], now: datetime) -> tuple[Streak, list[Turn]]:
    """Return the streak after the attempts, in their order, all of which ended about ``now``; and what to announce."""
    failures, since, failing, disabled = streak
    turns: list[Turn] = []
    for place, result in enumerate(results):
        if not result.failed:
            if failing:
                turns.append(Turn(News.RECOVERED, place, failures, since))
            failures, since, failing = 0, None, False
            continue
        failures += 1
        since = since or now
        if not failing and failures >= FAILING_AFTER:
            failing = True
            turns.append(Turn(News.FAILING, place, failures, since))
        reason = "gone" if result.gone else "failing" if now - since >= DISABLED_AFTER else None
        if disabled is None and reason is not None:
            disabled = reason
            turns.append(Turn(News.DISABLED, place, failures, since, reason))
    return Streak(failures, since, failing, disabled), turns
