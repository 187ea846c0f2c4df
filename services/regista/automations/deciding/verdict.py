"""What becomes of an event that an automation is concerned with. Pure."""

from typing import Literal, NamedTuple

from regista.automations.language.seen import Seen
from regista.automations.matching import Definition
from regista_events import MAX_HOPS

Outcome = Literal["fire", "skipped", "unmet", "deferred"]


class Verdict(NamedTuple):
    """``fire``; ``skipped`` and why; ``unmet``, the condition does not hold; ``deferred`` until a limit lets it through.

    Reasons: ``disabled``, ``loop``, ``condition_error`` (``error`` says which), ``author`` (who saved it may not any
    more), ``unreadable`` (``error`` says what another version has saved), ``cooldown``, ``rate``, ``coalesced``.
    """

    outcome: Outcome
    reason: str | None = None
    error: str | None = None


FIRE = Verdict("fire")
UNMET = Verdict("unmet")


def judge(definition: Definition, seen: Seen) -> Verdict:
    """Return the verdict on an event that the definition is a candidate for, its limits aside."""
    if definition.condition is not None:
        truth = definition.condition.judge(seen)
        if truth.error is not None:
            return Verdict("skipped", "condition_error", truth.error)
        if not truth.holds:
            return UNMET
    if not definition.enabled:
        return Verdict("skipped", "disabled")
    if is_loop(definition.id, seen):
        return Verdict("skipped", "loop")
    if definition.unreadable is not None:
        return Verdict("skipped", "unreadable", definition.unreadable)
    return FIRE


def is_loop(automation: int, seen: Seen) -> bool:
    """Return whether the chain of causes is too long, or the automation's own action has led here."""
    event = seen.event
    return event.hops >= MAX_HOPS or (event.automations is not None and str(automation) in event.automations.split(","))
