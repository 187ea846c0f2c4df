"""What must be done so that the server has what the files declare. Pure.

Nothing is deleted unless that is asked for, and then only below the scopes that are named: what the files of one team
do not declare may well be another's, or made by the W&B client.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from regista.cli.automations.declared import FIELDS, Declared, Identity, canonical
from regista.tracking.names import REGISTRY_PREFIX

AUTHOR = "author"
"""What changes where an automation is only saved again."""
Shown = Mapping[str, Any]
"""An automation as the server shows it."""


class Change(NamedTuple):
    """A field that is to be different."""

    before: Any
    after: Any


class Creation(NamedTuple):
    """An automation that is only in a file."""

    declared: Declared


class Alteration(NamedTuple):
    """An automation that is to be different; ``changes`` by field."""

    declared: Declared
    id: int
    changes: Mapping[str, Change]


class Deletion(NamedTuple):
    """An automation that no file declares."""

    id: int
    scope: str
    name: str


Step = Creation | Alteration | Deletion


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they are done, and how many automations are as they should be."""

    steps: Sequence[Step] = field(default_factory=list[Step])
    unchanged: Sequence[Declared] = field(default_factory=list[Declared])


def compare(
    declared: Iterable[Declared],
    existing: Mapping[Identity, Shown],
    others: Iterable[Shown] = (),
    prune: Sequence[str] | None = None,
) -> Plan:
    """Return the plan. ``existing`` is what the server has of what is declared, ``others`` what else it has.

    ``prune`` are the scopes within which the others are deleted.
    """
    steps: list[Step] = []
    unchanged: list[Declared] = []
    for one in declared:
        shown = existing.get(one.identity)
        if shown is None:
            steps.append(Creation(one))
        elif changes := _changes(one, shown):
            steps.append(Alteration(one, shown["id"], changes))
        else:
            unchanged.append(one)
    if prune is not None:
        steps += [
            Deletion(each["id"], each["scope"], each["name"])
            for each in others
            if any(lies_in(each["scope"], scope) for scope in prune)
        ]
    return Plan(sorted(steps, key=lambda step: _ORDER.index(type(step))), unchanged)


_ORDER: list[type[Step]] = [Creation, Alteration, Deletion]


def lies_in(scope: str, around: str) -> bool:
    """Return whether a scope is ``around`` or lies in it, as far as their names tell.

    An entity holds its projects and their collections, a registry is a project whose name says so. ``around`` must be a
    scope; which entity a registry belongs to is not told by its name.
    """
    kind, *names = around.split("/")
    inner, *parts = scope.split("/")
    if kind == "org" or scope == around:
        return True
    if kind == "registry":
        return inner in {"project", "collection"} and parts[1:2] == [REGISTRY_PREFIX + names[0]]
    wider = ("entity", "project", "collection")
    return inner in wider and kind in wider and wider.index(kind) < wider.index(inner) and parts[: len(names)] == names


def _changes(declared: Declared, shown: Shown) -> dict[str, Change]:
    changes = {
        name: Change(shown[name], declared.fields[name])
        for name in FIELDS
        if canonical(shown[name]) != canonical(declared.fields[name])
    }
    if not changes and shown.get("author_access") is False:
        # It is skipped until somebody saves it who may: its text is as it should be, what it does is not.
        changes[AUTHOR] = Change(f"{shown['author']}, who may not save it any more", "whoever applies this")
    return changes
