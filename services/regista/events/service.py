"""Queries of the log, each with its authorization."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg

from regista.access import repository as access
from regista.access.actions import Action
from regista.access.service import organization_resource
from regista.access.verdict import Actor, Resource, authorize
from regista.events import repository
from regista.events.filters import EventFilter
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError

MAX_CHAIN = 100
"""Steps of causes and effects that are followed; a chain is cut at 16 hops, each of some events."""
MAX_EFFECTS = 500

Rows = Sequence[asyncpg.Record]


class Told(NamedTuple):
    """An event, what led to it (the first cause first), and what came of it."""

    event: asyncpg.Record
    causes: Rows
    effects: Rows


async def authorize_reading(transaction: Transaction, actor: Actor, entity: str | None) -> None:
    """Let the actor read the log: of one entity for its admins, of the organization for the organization's.

    Raises `NotFoundError` for an entity that is not there or not visible, `AccessDeniedError`.
    """
    resource = organization_resource(actor)
    if entity is not None:
        found = await access.entity_by_name(transaction, actor.organization_id, entity)
        if found is None:
            raise NotFoundError(f"team {entity} does not exist, or you may not see it")
        resource = Resource(f"team {entity}", actor.organization_id, found["id"])
    authorize(actor, Action.EVENT_READ, resource)


async def list_events(
    transaction: Transaction, actor: Actor, asked: EventFilter, before: int | None, limit: int
) -> tuple[Rows, int | None]:
    """Return up to ``limit`` events below position ``before``, newest first, and the position to go on below, if any.

    A page may be shorter than ``limit`` and still have a next one: the search for rare events is cut into pages.
    """
    await authorize_reading(transaction, actor, asked.entity)
    await transaction.plan_for_values()
    if asked.actor is not None:
        asked = asked._replace(actor=await access.actor_id(transaction, actor.organization_id, asked.actor))
    since, until = await repository.bounds(transaction, asked)
    between = (since, until if before is None else min(before, until))
    rows, edge = await repository.list_events(transaction, actor.organization_id, asked, between, limit + 1)
    if len(rows) > limit:
        return rows[:limit], rows[limit - 1]["position"]
    return rows, edge


async def one_event(transaction: Transaction, actor: Actor, event: UUID, entity: str | None) -> Told:
    """Return an event with its causes and effects; with ``entity`` only what is that entity's.

    Raises `NotFoundError` for one that is not there, `AccessDeniedError`.
    """
    await authorize_reading(transaction, actor, entity)
    found = await repository.one_event(transaction, actor.organization_id, event)
    if found is None or not _is_of(found, entity):
        raise NotFoundError(f"event {event} does not exist, or you may not see it")
    causes = await repository.causes(transaction, actor.organization_id, event, MAX_CHAIN)
    effects = await repository.effects(transaction, actor.organization_id, event, MAX_CHAIN, MAX_EFFECTS)
    return Told(found, [row for row in causes if _is_of(row, entity)], [row for row in effects if _is_of(row, entity)])


def _is_of(row: asyncpg.Record, entity: str | None) -> bool:
    return entity is None or row["subject"] == entity or row["subject"].startswith(f"{entity}/")
