"""What becomes of an event that an automation is concerned with. Pure."""

from typing import Any, Literal, NamedTuple

from regista.automations.matching import Definition
from regista.automations.waiting import reason
from regista_events import MAX_HOPS, Event


class Verdict(NamedTuple):
    """Fire, or skipped and why: ``disabled``, ``loop``, or what `waiting` says."""

    outcome: Literal["fire", "skipped"]
    reason: str | None = None


FIRE = Verdict("fire")


def judge(definition: Definition, event: Event[Any]) -> Verdict:
    """Return the verdict on an event that the definition is a candidate for."""
    if not definition.enabled:
        return Verdict("skipped", "disabled")
    if event.hops >= MAX_HOPS:
        return Verdict("skipped", "loop")
    if definition.waits_for:
        return Verdict("skipped", reason(definition.waits_for))
    return FIRE
