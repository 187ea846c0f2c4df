"""What commands on webhooks and on channels have in common: each is an integration with a lane. None commits."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, NamedTuple

import asyncpg

from regista.access.actions import Action
from regista.access.service import owner_of
from regista.access.verdict import Actor, Resource, authorize, decide, reach, shared
from regista.automations import integrations
from regista.automations.repository import bump_catalogue
from regista.delivery import Throttle, create_lane, disable_lane, enable_lane, remove_lane
from regista.effects import repository
from regista.effects.names import check_name
from regista.effects.repository import Integrations
from regista.effects.snapshots import endpoint_snapshot, integration_snapshot
from regista.kit import aggregate
from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.kit.errors import ConflictError, NotFoundError
from regista.kit.outbox import Draft, append
from regista_events import (
    EndpointDisabled,
    EndpointDisabledData,
    EndpointEnabled,
    EndpointEnabledData,
    IntegrationDeleted,
    IntegrationDeletedData,
)


class Made(NamedTuple):
    """An integration that was just made: its aggregate, its id, and the entity that owns it."""

    aggregate: Aggregate
    id: int
    owner_id: int


class Endpoints(NamedTuple):
    """The integrations of one kind. ``noun`` is what people call one.

    ``channel`` wakes whoever sends to them. ``rows`` reads them, with what snapshots show; ``forget`` deletes the secrets
    of one. ``taken`` is raised for a name that the entity has already,
    ``used`` for one that automations use, whose names are ``details["automations"]``.
    """

    kind: Literal["webhook", "slack"]
    noun: str
    channel: str
    rows: Integrations
    forget: Callable[[Transaction, int], Awaitable[None]]
    taken: type[ConflictError]
    used: type[ConflictError]

    async def owner(self, transaction: Transaction, actor: Actor, entity: str | None) -> Any:
        """Return ``id, name, kind`` of the entity in which the actor may make one, as `make` does. Raises what it raises."""
        owner = await owner_of(transaction, actor, entity)
        authorize(actor, Action.INTEGRATION_WRITE, shared(f"team {owner['name']}", actor.organization_id, owner))
        return owner

    async def make(
        self,
        transaction: Transaction,
        actor: Actor,
        entity: str | None,
        name: str,
        *,
        concurrency: int,
        throttle: Throttle | None,
    ) -> Made:
        """Make an integration of ``entity`` (None: the caller's own team) and its lane.

        Raises ``taken``, `InvalidError` for a name that is none, `NotFoundError` for an entity that is not there, and what
        `authorize` raises.
        """
        owner = await self.owner(transaction, actor, entity)
        name = check_name(name, self.noun)
        made = await aggregate.create(transaction, actor.organization_id)
        lane = await create_lane(
            transaction,
            actor.organization_id,
            self.kind,
            name=name,
            entity_id=owner["id"],
            concurrency=concurrency,
            throttle=throttle,
        )
        number = await integrations.insert(transaction, made, entity=owner["id"], kind=self.kind, name=name, lane=lane)
        if number is None:
            raise self.taken(f"{owner['name']} has an integration {name!r} already; choose another name", field="name")
        return Made(made, number, owner["id"])

    async def lock(self, transaction: Transaction, actor: Actor, number: int) -> Aggregate:
        """Lock the aggregate of an integration. Raises `NotFoundError`."""
        found = await repository.aggregate_id(transaction, actor.organization_id, self.kind, number)
        if found is None:
            raise self._missing(number)
        return await aggregate.lock_one(transaction, found)

    async def read(self, transaction: Transaction, actor: Actor, number: int) -> asyncpg.Record:
        """Return an integration. Raises `NotFoundError`."""
        row = await self.rows.one(transaction, actor.organization_id, number)
        if row is None:
            raise self._missing(number)
        return row

    async def authorized(self, transaction: Transaction, actor: Actor, number: int, action: Action) -> asyncpg.Record:
        """Return an integration on which the actor may do this. Raises what `authorize` raises."""
        row = await self.read(transaction, actor, number)
        authorize(actor, action, self.resource_of(row))
        return row

    async def page_of(self, transaction: Transaction, actor: Actor, after: int, limit: int) -> list[asyncpg.Record]:
        """Return up to ``limit`` integrations behind id ``after`` that the actor may see."""
        entities, general = reach(actor, Action.INTEGRATION_READ)
        return await self.rows.page_of(transaction, actor.organization_id, entities, after, limit, general=general)

    async def seen(self, transaction: Transaction, actor: Actor, numbers: Sequence[int]) -> list[asyncpg.Record]:
        """Return those of the integrations that the actor may see; deleted ones too."""
        rows = await self.rows.by_ids(transaction, actor.organization_id, numbers)
        return [row for row in rows if decide(actor, Action.INTEGRATION_READ, self.resource_of(row)).allowed]

    async def delete(self, transaction: Transaction, actor: Actor, number: int) -> None:
        """Delete an integration with its secrets; what was waiting for it is canceled.

        Raises ``used`` while an automation's revision in force uses it.
        """
        locked = await self.lock(transaction, actor, number)
        await integrations.lock_alone(transaction, number)
        row = await self.authorized(transaction, actor, number, Action.INTEGRATION_WRITE)
        users = await integrations.users(transaction, number)
        if users:
            raise self.used(
                f"{self.noun} {row['name']!r} is used by {', '.join(users)}; change or delete these first",
                automations=users,
            )
        await integrations.delete(transaction, locked, number)
        await self.forget(transaction, number)
        await remove_lane(transaction, row["lane_id"])
        await bump_catalogue(transaction)
        transaction.wake(self.channel)
        data = IntegrationDeletedData(integration=integration_snapshot(row))
        await append(transaction, [Draft(IntegrationDeleted, locked, integration_subject(row), data)])

    async def enable(self, transaction: Transaction, actor: Actor, number: int) -> asyncpg.Record:
        """Send again, and what has been waiting."""
        locked = await self.lock(transaction, actor, number)
        row = await self.authorized(transaction, actor, number, Action.INTEGRATION_WRITE)
        return await self.enable_locked(transaction, actor, locked, row)

    async def enable_locked(
        self, transaction: Transaction, actor: Actor, locked: Aggregate, row: asyncpg.Record
    ) -> asyncpg.Record:
        """Send again to an integration that is locked and as it is in ``row``; return how it is then."""
        if not await enable_lane(transaction, row["lane_id"]):
            return row
        row = await self.read(transaction, actor, row["id"])
        data = EndpointEnabledData(endpoint=endpoint_snapshot(row))
        await append(transaction, [Draft(EndpointEnabled, locked, _endpoint_subject(row), data)])
        return row

    async def disable(self, transaction: Transaction, actor: Actor, number: int) -> asyncpg.Record:
        """Send nothing more; deliveries wait."""
        locked = await self.lock(transaction, actor, number)
        row = await self.authorized(transaction, actor, number, Action.INTEGRATION_WRITE)
        if not await disable_lane(transaction, row["lane_id"]):
            return row
        row = await self.read(transaction, actor, number)
        data = EndpointDisabledData(endpoint=endpoint_snapshot(row), reason="manual")
        await append(transaction, [Draft(EndpointDisabled, locked, _endpoint_subject(row), data)])
        return row

    def resource_of(self, row: asyncpg.Record) -> Resource:
        """Return an integration as access control sees it."""
        entity = {"id": row["entity_id"], "kind": row["entity_kind"]}
        return shared(f"{self.noun} {row['id']}", row["organization_id"], entity)

    def _missing(self, number: int) -> NotFoundError:
        return NotFoundError(f"{self.noun} {number} does not exist, or you may not see it")


def integration_subject(row: asyncpg.Record) -> str:
    """Return the subject of events about an integration."""
    return f"{row['entity']}/integrations/{row['name']}"


def _endpoint_subject(row: asyncpg.Record) -> str:
    return f"{row['entity']}/endpoints/{row['name']}"
