"""Lists of automations: each holds what its reader could read one by one."""

from collections import defaultdict
from collections.abc import Sequence

import asyncpg

from regista.access.actions import Action
from regista.access.verdict import Actor, sight
from regista.automations import listing_repository as repository
from regista.automations.listing_repository import Question
from regista.kit.db import Transaction

__all__ = ["Question", "of_projects", "projects_of_registries", "search"]


async def search(transaction: Transaction, actor: Actor, asked: Question) -> list[asyncpg.Record]:
    """Return automations that the actor may see, in the order of ids unless told, each with ``keys``: its cursor.

    Filters and orders know id, name, description, enabled, scope, created_at and updated_at; filters know the events that
    it waits for, and the integration that an action sends to (integration_path with its team) as well. Raises what
    `compile_condition` and `compile_order` raise.
    """
    seen = sight(actor, Action.AUTOMATION_READ)
    return await repository.search(transaction, actor.organization_id, seen, asked)


async def of_projects(
    transaction: Transaction, actor: Actor, projects: Sequence[int]
) -> dict[int, list[asyncpg.Record]]:
    """Return the automations in projects that the actor may see, by project: one statement."""
    seen = sight(actor, Action.AUTOMATION_READ)
    found: defaultdict[int, list[asyncpg.Record]] = defaultdict(list)
    for row in await repository.of_projects(transaction, actor.organization_id, seen, projects):
        found[row["project_id"]].append(row)
    return found


async def projects_of_registries(
    transaction: Transaction, organization: int, registries: Sequence[int]
) -> dict[int, int]:
    """Return the project that holds each registry's collections."""
    return await repository.projects_of_registries(transaction, organization, registries)
