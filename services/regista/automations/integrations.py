"""Integrations: what actions send to, by name. The slice that sends (webhooks, Slack) keeps the rest under the same id.

An automation that is saved takes a shared lock on the integrations it names; deleting one locks it alone and then
looks for users, so neither can slip past the other.
"""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction


class Found(NamedTuple):
    """An integration as an action finds it."""

    id: int
    entity_id: int
    entity: str
    entity_kind: str
    name: str
    kind: str


_NAMED = """
SELECT i.id, i.entity_id, e.name AS entity, e.kind AS entity_kind, i.name, i.kind
FROM integration i JOIN entity e ON e.id = i.entity_id
WHERE i.organization_id = $1 AND i.name = $2 AND i.deleted_at IS NULL
FOR SHARE OF i
"""


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


async def names(transaction: Transaction, ids: Sequence[int]) -> dict[int, asyncpg.Record]:
    """Return ``entity, name`` of integrations by id, deleted ones too."""
    rows = await transaction.connection.fetch(
        """
        SELECT i.id, e.name AS entity, i.name FROM integration i JOIN entity e ON e.id = i.entity_id
        WHERE i.id = ANY($1::bigint[])
        """,
        list(ids),
    )
    return {row["id"]: row for row in rows}
