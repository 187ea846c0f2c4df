"""Integrations: what actions send to, by name. The slice that sends (webhooks, Slack) keeps the rest under the same id.

An automation that is saved takes a shared lock on the integrations it names; deleting one locks it alone and then
looks for users, so neither can slip past the other.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from regista.access.actions import Action
from regista.access.verdict import Actor, Resource, decide, shared
from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction


class Found(NamedTuple):
    """An integration as an action finds it: ``kind`` is webhook or slack."""

    id: int
    organization_id: int
    entity_id: int
    entity: str
    entity_kind: str
    name: str
    kind: str
    created_at: datetime


_FOUND = """
SELECT i.id, i.organization_id, i.entity_id, e.name AS entity, e.kind AS entity_kind, i.name, i.kind, i.created_at
FROM integration i JOIN entity e ON e.id = i.entity_id
WHERE i.organization_id = $1
"""
_NAMED = _FOUND + " AND i.name = $2 AND i.deleted_at IS NULL FOR SHARE OF i"
_BY_IDS = _FOUND + " AND i.id = ANY($2::bigint[]) AND i.deleted_at IS NULL"
_OF_ENTITY = _FOUND + " AND i.entity_id = $2 AND i.deleted_at IS NULL AND i.id > $3 ORDER BY i.id LIMIT $4"


def resource_of(found: Found) -> Resource:
    """Return an integration as access control sees it: everybody may use those of the organization's own entity."""
    entity = {"id": found.entity_id, "kind": found.entity_kind}
    return shared(f"integration {found.entity}/{found.name}", found.organization_id, entity)


async def by_ids(transaction: Transaction, actor: Actor, ids: Sequence[int]) -> dict[int, Found]:
    """Return the integrations that the actor may see, by id."""
    rows = [Found(*row) for row in await transaction.connection.fetch(_BY_IDS, actor.organization_id, list(ids))]
    return {each.id: each for each in rows if decide(actor, Action.INTEGRATION_READ, resource_of(each)).allowed}


async def owners(transaction: Transaction, ids: Sequence[int]) -> dict[int, int]:
    """Return the entities that own these integrations, by the integrations' ids."""
    rows = await transaction.connection.fetch("SELECT id, entity_id FROM integration WHERE id = ANY($1::bigint[])", ids)
    return {row["id"]: row["entity_id"] for row in rows}


async def of_entity(transaction: Transaction, actor: Actor, entity: int, after: int, limit: int) -> list[Found]:
    """Return up to ``limit`` integrations of an entity behind id ``after``; none where the actor may not see them."""
    rows = await transaction.connection.fetch(_OF_ENTITY, actor.organization_id, entity, after, limit)
    found = [Found(*row) for row in rows]
    # All are one entity's, so what is decided for one is decided for all.
    return [each for each in found if decide(actor, Action.INTEGRATION_READ, resource_of(each)).allowed]


async def find(transaction: Transaction, organization: int, name: str) -> list[Found]:
    """Return the organization's integrations of this name, in whichever entity, and keep them from being deleted."""
    return [Found(*row) for row in await transaction.connection.fetch(_NAMED, organization, name)]


async def insert(
    transaction: Transaction, aggregate: Aggregate, *, entity: int, kind: str, name: str, lane: int
) -> int | None:
    """Insert an integration; return its id, None where the entity has one of that name."""
    return await transaction.connection.fetchval(
        """
        INSERT INTO integration (aggregate_id, organization_id, entity_id, kind, name, lane_id, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (entity_id, name) WHERE deleted_at IS NULL DO NOTHING
        RETURNING id
        """,
        aggregate.id,
        aggregate.organization_id,
        entity,
        kind,
        name,
        lane,
        aggregate.now,
    )


async def users(transaction: Transaction, integration: int) -> list[str]:
    """Return the names of the automations whose revision in force uses the integration.

    Call after `lock_alone`: the answer then stays true until the transaction ends.
    """
    rows = await transaction.connection.fetch(
        """
        SELECT r.name FROM automation a
        JOIN automation_revision r ON r.automation_id = a.id AND r.revision = a.revision
        WHERE r.integration_ids @> ARRAY[$1::bigint] AND a.deleted_at IS NULL ORDER BY r.name
        """,
        integration,
    )
    return [row["name"] for row in rows]


async def lock_alone(transaction: Transaction, integration: int) -> None:
    """Wait for the saves that name the integration, and let no other begin."""
    await transaction.connection.execute("SELECT FROM integration WHERE id = $1 FOR UPDATE", integration)


async def delete(transaction: Transaction, aggregate: Aggregate, integration: int) -> None:
    """Take the integration out of use; its name is free again."""
    await transaction.connection.execute(
        "UPDATE integration SET deleted_at = $2 WHERE id = $1", integration, aggregate.now
    )
