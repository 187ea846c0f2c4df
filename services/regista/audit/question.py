"""What a reader asks of the audit, and which index answers it: pure."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple

from regista.audit.entry import MALFORMED
from regista_events.catalog import short_names
from regista_events.envelope import short_name

_KNOWN = frozenset((*short_names(), MALFORMED))


class Question(NamedTuple):
    """Conditions that must all hold; None is no condition.

    ``actor`` is an id, ``resource`` a prefix, ``text`` a part of what a row says, in any case. ``since`` is included,
    ``until`` is not. ``collection`` is an id; ``version`` (`v3`) is what a row is about, or what an alias was taken from.
    """

    actor: str | None = None
    actions: Sequence[str] | None = None
    resource: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    collection: int | None = None
    version: str | None = None


class Way(Enum):
    """The index that rows are read by; the other conditions are looked at row by row."""

    TIME = auto()
    ACTOR = auto()
    ACTIONS = auto()
    COLLECTION = auto()
    RESOURCES = auto()
    """By prefix, then sorted: for few rows alone."""


def exact_action(given: str) -> str | None:
    """Return the one action that is meant, None where it is the beginning of several (`alias.`)."""
    action = short_name(given)
    return action if action in _KNOWN else None


def way(question: Question, *, few_resources: bool) -> Way:
    """Return how to read: by the condition that leaves the fewest rows as a rule."""
    if question.collection is not None:
        return Way.COLLECTION
    if few_resources:
        return Way.RESOURCES
    if question.actor is not None:
        return Way.ACTOR
    return Way.TIME if question.actions is None else Way.ACTIONS


def narrows(question: Question, chosen: Way) -> bool:
    """Return whether rows are read that are not shown."""
    answered = {Way.ACTOR: "actor", Way.ACTIONS: "actions", Way.COLLECTION: "collection"}.get(chosen)
    left = {"actor", "actions", "collection", "resource", "text", "version"} - {answered}
    # A prefix is read whole, since its rows come in another order.
    return chosen is Way.RESOURCES or any(getattr(question, name) is not None for name in left if name)
