"""Replays as people ask for them: events of the past to one automation, or as they are to one endpoint.

Who asked, for what and when is the replay's own row, which stays as long as what it brought about; no event tells it,
since nothing but deliveries changes.
"""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from regista.access.actions import Action
from regista.access.verdict import Actor, Reach, Resource, Sight, authorize, reach, sight
from regista.automations import integrations, repository, service
from regista.automations.errors import NotRunningError
from regista.automations.past import replay_repository
from regista.automations.past.replay_repository import NewReplay
from regista.events.passage import stretch
from regista.events.readers import readable_entities
from regista.events.selection import Selection
from regista.kit import ids
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError, NotFoundError
from regista_events import full_name

CHANNEL = "regista_replays"
"""Wakes whoever drives replays."""


class Asked(NamedTuple):
    """Which replays a list is to have: of an automation, of a webhook, of any."""

    automation: int | None = None
    integration: int | None = None


async def to_automation(transaction: Transaction, actor: Actor, automation: int, wanted: Selection) -> asyncpg.Record:
    """Let an automation act on events of the past once more, by its revision in force; return the replay.

    Limits are not counted, and its age does not matter. ``types`` are its own where none are given. Raises
    `NotFoundError`, `AccessDeniedError`, and `InvalidError` for an automation that is disabled.
    """
    # Kept before it is read: whoever switches it off or deletes it meanwhile is to find this replay and end it.
    await repository.keep(transaction, actor.organization_id, automation)
    row = await service.writable(transaction, actor, automation)
    if not row["enabled"]:
        raise InvalidError(f"automation {automation} is disabled; enable it before events are replayed to it")
    selection = of_automation(row, wanted)
    return await _insert(transaction, actor, selection, automation=automation, revision=row["revision"])


def of_automation(row: asyncpg.Record, wanted: Selection) -> Selection:
    """Return the selection for an automation: by default of the types that it waits for."""
    if wanted.events is not None or wanted.types is not None:
        return wanted
    return wanted.model_copy(update={"types": tuple(sorted(full_name(each) for each in row["events"]))})


async def to_webhook(transaction: Transaction, actor: Actor, webhook: int, wanted: Selection) -> asyncpg.Record:
    """Send events of the past to an endpoint as they are; return the replay.

    Only those that the actor may read. Raises `NotFoundError` and `AccessDeniedError`.
    """
    selection = await of_webhook(transaction, actor, webhook, wanted)
    return await _insert(transaction, actor, selection, integration=webhook)


async def of_webhook(transaction: Transaction, actor: Actor, webhook: int, wanted: Selection) -> Selection:
    """Return the selection for an endpoint of an entity whose events the actor may read: those that it may."""
    authorize(actor, Action.EVENT_READ, await _redeliverable(transaction, actor, webhook))
    return wanted.model_copy(update={"entities": await readable_entities(transaction, actor)})


async def get(transaction: Transaction, actor: Actor, replay: UUID) -> asyncpg.Record:
    """Return a replay of something that the actor may see. Raises `NotFoundError`."""
    rows = await replay_repository.page(transaction, actor.organization_id, _seen(actor), only=replay)
    if not rows:
        raise NotFoundError(f"replay {replay} does not exist, or you may not see it")
    return rows[0]


async def page_of(
    transaction: Transaction, actor: Actor, asked: Asked, before: tuple[datetime, UUID], limit: int
) -> list[asyncpg.Record]:
    """Return up to ``limit`` replays that the actor may see, newest first."""
    return await replay_repository.page(transaction, actor.organization_id, _seen(actor), asked, before, limit)


async def cancel(transaction: Transaction, actor: Actor, replay: UUID) -> asyncpg.Record:
    """End a replay: what no planner has taken yet is not sent. Raises `NotRunningError` where nothing of it is left."""
    row = await get(transaction, actor, replay)
    await _authorize(transaction, actor, row)
    if not await replay_repository.cancel(transaction, replay):
        state: Any = row["state"]
        raise NotRunningError(f"replay {replay} is {state}; only one that runs can be canceled")
    await replay_repository.drop_waiting(transaction, replay)
    return await get(transaction, actor, replay)


def _seen(actor: Actor) -> tuple[Sight, Reach]:
    return sight(actor, Action.AUTOMATION_READ), reach(actor, Action.INTEGRATION_READ)


async def _authorize(transaction: Transaction, actor: Actor, row: asyncpg.Record) -> None:
    """Return if the actor may have asked for the replay itself. Raises what `to_automation` and `to_webhook` raise."""
    if row["automation_id"] is not None:
        await service.writable(transaction, actor, row["automation_id"])
    else:
        await _redeliverable(transaction, actor, row["integration_id"])


async def _redeliverable(transaction: Transaction, actor: Actor, webhook: int) -> Resource:
    found = (await integrations.by_ids(transaction, actor, [webhook])).get(webhook)
    if found is None or found.kind != "webhook":
        raise NotFoundError(f"webhook {webhook} does not exist, or you may not see it")
    authorize(actor, Action.DELIVERY_REDELIVER, integrations.resource_of(found))
    return integrations.resource_of(found)


async def _insert(
    transaction: Transaction,
    actor: Actor,
    selection: Selection,
    *,
    automation: int | None = None,
    revision: int | None = None,
    integration: int | None = None,
) -> asyncpg.Record:
    place = await stretch(transaction, actor.organization_id, selection)
    new = NewReplay(
        ids.uuid7(), actor.organization_id, automation, revision, integration, selection, place, actor.name, actor.id
    )
    await replay_repository.insert(transaction, new)
    transaction.wake(CHANNEL)
    row = await replay_repository.one(transaction, actor.organization_id, new.id)
    assert row is not None  # noqa: S101 - it was inserted by this transaction
    return row
