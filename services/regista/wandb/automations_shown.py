"""Automations as the client is shown them: one scope, one event with its filter, one action.

Ours may say more. Of several event types or actions the first is shown, a registry as its project, the whole
organization as its own entity. What the client has no word for (an event type of ours alone), or whose scope was
deleted, is left out of its lists.
"""

import asyncio
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
from regista.wandb.exchange import Exchange
from regista.wandb.loading import Loader, places, projects

Scope = Project | Collection | Place
ACTIONS = {"webhook": "GENERIC_WEBHOOK", "slack": "NOTIFICATION", NO_OP: "NO_OP"}
"""The client's name of an action, by its kind."""


@dataclass(frozen=True, slots=True)
class Act:
    """An action: ``settings`` as they were written, ``integration`` its number."""

    kind: str
    settings: Mapping[str, Any]
    integration: int | None


@dataclass(frozen=True, slots=True)
class Trigger:
    """An automation, as the client calls it."""

    row: asyncpg.Record
    event: Shown
    scope: Scope


async def _registry_projects(transaction: Transaction, actor: Actor, registries: list[int]) -> dict[int, Project]:
    numbers = await listing.projects_of_registries(transaction, actor.organization_id, registries)
    found = await tracking.projects_by_ids(transaction, actor.organization_id, numbers.values())
    return {registry: found[project] for registry, project in numbers.items() if project in found}


_registries: Loader[int, Project] = Loader(_registry_projects)
_collections: Loader[int, Collection] = Loader(lambda tx, who, ids: collections.by_ids(tx, who.organization_id, ids))
of_projects: Loader[int, Sequence[asyncpg.Record]] = Loader(listing.of_projects)
"""The automations in a project, in its collections and on its registry."""


async def shown_triggers(exchange: Exchange, rows: Sequence[asyncpg.Record]) -> list[Trigger | None]:
    """Return each automation as the client reads it, None for one that it has no words for: five statements at most."""
    return list(await asyncio.gather(*(_shown(exchange, row) for row in rows)))


def shown_event(row: asyncpg.Record) -> Shown | None:
    """Return the event and filter of an automation."""
    return shown(row["events"], row["condition"], row["trigger"])


def shown_action(row: asyncpg.Record) -> Act:
    """Return the first action of an automation."""
    ((kind, settings),) = row["actions"][0].items()
    return Act(kind, settings, row["integration_ids"][0])


async def scope_shown(exchange: Exchange, row: asyncpg.Record) -> Scope | None:
    """Return what the scope of an automation stands for, None when it was deleted."""
    kind, number = row["scope_kind"], row["scope_id"]
    match kind:
        case "project":
            return await projects.get(exchange, number)
        case "registry":
            return await _registries.get(exchange, number)
        case "collection":
            return await _collections.get(exchange, number)
        case "entity":
            return await places.get(exchange, number)
        case _:
            return await exchange.find(lambda tx: directory.organization_place(tx, exchange.actor))


async def _shown(exchange: Exchange, row: asyncpg.Record) -> Trigger | None:
    event = shown_event(row)
    if event is None or shown_action(row).kind not in ACTIONS:
        return None
    scope = await scope_shown(exchange, row)
    return None if scope is None else Trigger(row, event, scope)
