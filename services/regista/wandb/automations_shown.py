"""Automations as the client is shown them: one scope, one event with its filter, one action.

Ours may say more. Of several event types or actions the first is shown, a registry as its project, the whole
organization as its own entity. What the client has no word for (an event type of ours alone), or whose scope was
deleted, is left out of its lists.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from regista.access import directory
from regista.access.directory import Place
from regista.access.verdict import Actor
from regista.automations import listing
from regista.automations.actions import NO_OP
from regista.kit.db import Transaction
from regista.registry.repository import collections
from regista.registry.subjects import Collection
from regista.tracking import repository as tracking
from regista.tracking.subjects import Project
from regista.wandb.automation_filters import Shown, shown
from regista.wandb.integrations import Sink, hidden, sinks_of
from regista.wandb.loading import Loader

Scope = Project | Collection | Place
SENDS = {"webhook", "slack"}
"""The kinds of actions that send to an integration."""


@dataclass(frozen=True, slots=True)
class Act:
    """An action: ``settings`` as they were written, and where it sends to."""

    kind: str
    settings: Mapping[str, Any]
    integration: Sink | None


@dataclass(frozen=True, slots=True)
class Trigger:
    """An automation, as the client calls it."""

    row: asyncpg.Record
    event: Shown
    scope: Scope
    action: Act


async def triggers_of(transaction: Transaction, actor: Actor, rows: Sequence[asyncpg.Record]) -> list[Trigger | None]:
    """Return each automation as the client reads it, None for one that it has no words for: six statements at most."""
    scopes = await _scopes(transaction, actor, {(row["scope_kind"], row["scope_id"]) for row in rows})
    numbers = {row["integration_ids"][0] for row in rows} - {None}
    sinks = await sinks_of(transaction, actor, sorted(numbers)) if numbers else {}
    return [_shown(row, scopes.get((row["scope_kind"], row["scope_id"])), sinks) for row in rows]


async def _of_projects(transaction: Transaction, actor: Actor, projects: list[int]) -> dict[int, list[Trigger | None]]:
    found = await listing.of_projects(transaction, actor, projects)
    triggers = await triggers_of(transaction, actor, [row for rows in found.values() for row in rows])
    following = iter(triggers)
    return {project: [next(following) for _ in rows] for project, rows in found.items()}


of_projects: Loader[int, list[Trigger | None]] = Loader(_of_projects)
"""The automations in a project, in its collections and on its registry."""


def _shown(row: asyncpg.Record, scope: Scope | None, sinks: Mapping[int, Sink]) -> Trigger | None:
    event = shown(row["events"], row["condition"], row["trigger"])
    ((kind, settings),) = row["actions"][0].items()
    if event is None or scope is None or kind not in {*SENDS, NO_OP}:
        return None
    number = row["integration_ids"][0]
    sink = None if number is None else sinks.get(number) or hidden(number, kind)
    return Trigger(row, event, scope, Act(kind, settings, sink))


async def _scopes(transaction: Transaction, actor: Actor, wanted: set[tuple[str, int]]) -> dict[tuple[str, int], Scope]:
    """Return what scopes stand for, by kind and number; what was deleted is left out."""
    organization = actor.organization_id
    asked: dict[str, list[int]] = {}
    for kind, number in sorted(wanted):
        asked.setdefault(kind, []).append(number)
    found: dict[tuple[str, int], Scope] = {}
    registries = asked.get("registry", [])
    held = await listing.projects_of_registries(transaction, organization, registries) if registries else {}
    if projects := [*asked.get("project", []), *held.values()]:
        by_id = await tracking.projects_by_ids(transaction, organization, projects)
        found |= {("project", number): project for number, project in by_id.items()}
        found |= {("registry", number): by_id[project] for number, project in held.items() if project in by_id}
    if numbers := asked.get("collection"):
        by_number = await collections.by_ids(transaction, organization, numbers)
        found |= {("collection", number): collection for number, collection in by_number.items()}
    if numbers := asked.get("entity"):
        places = await directory.places_by_ids(transaction, organization, numbers)
        found |= {("entity", number): place for number, place in places.items()}
    for number in asked.get("org", []):
        found["org", number] = await directory.organization_place(transaction, actor)
    return found
