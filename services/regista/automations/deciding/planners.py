"""Which planner decides for which actions. Pure."""

from collections.abc import Iterable
from typing import Final

from regista.automations.actions import NO_OP

PLANNER: Final = {"webhook": "webhook", "slack": "slack", NO_OP: "webhook"}
"""The planner of each kind of action. An action that does nothing is the webhooks planner's to decide about, so that an
automation has its decision whatever it does; what a planner carries out are the actions of its own kind."""


def kinds_of(planner: str) -> frozenset[str]:
    """Return the kinds of actions that a planner decides for."""
    return frozenset(kind for kind, whose in PLANNER.items() if whose == planner)


def planners(kinds: Iterable[str]) -> frozenset[str]:
    """Return the planners that decide for an automation with actions of these kinds; others are of later versions."""
    return frozenset(PLANNER[kind] for kind in kinds if kind in PLANNER)
