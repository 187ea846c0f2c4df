"""What all ways of sending read."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from regista.kit.db import Transaction


class Integrations:
    """The integrations of one kind as they are read: with their owner, their lane, and what ``table`` keeps of each.

    ``columns`` are those of the table, as ``n``.
    """

    def __init__(self, table: str, columns: str) -> None:
        shown = f"""
        SELECT i.id, i.kind, i.aggregate_id, i.organization_id, o.name AS organization, i.entity_id, e.name AS entity,
               e.kind AS entity_kind, i.name, i.lane_id, i.created_at, i.deleted_at, {columns},
               l.state, l.disabled_reason, l.failing, l.concurrency, l.throttle_count, l.throttle_seconds
        FROM integration i
        JOIN {table} n ON n.integration_id = i.id
        JOIN entity e ON e.id = i.entity_id
        JOIN organization o ON o.id = i.organization_id
        JOIN lane l ON l.id = i.lane_id
        """  # noqa: S608 - put together from constants
        self._one = f"{shown} WHERE i.organization_id = $1 AND i.id = $2 AND i.deleted_at IS NULL"
        self._by_ids = f"{shown} WHERE i.organization_id = $1 AND i.id = ANY($2::bigint[])"
        self._by_lane = f"{shown} WHERE i.lane_id = $1"
        self._page = f"""{shown}
        WHERE i.organization_id = $1 AND i.deleted_at IS NULL AND i.id > $2
          AND ($3::bigint[] IS NULL OR i.entity_id = ANY($3) OR ($5 AND e.kind = 'organization'))
        ORDER BY i.id LIMIT $4
        """

    async def one(self, transaction: Transaction, organization: int, integration: int) -> asyncpg.Record | None:
        """Return one that is not deleted, with the state of its lane."""
        return await transaction.connection.fetchrow(self._one, organization, integration)

    async def by_ids(
        self, transaction: Transaction, organization: int, integrations: Sequence[int]
    ) -> list[asyncpg.Record]:
        """Return these, deleted or not."""
        return await transaction.connection.fetch(self._by_ids, organization, list(integrations))

    async def by_lane(self, transaction: Transaction, lane: int) -> asyncpg.Record | None:
        """Return the one of a lane, deleted or not."""
        return await transaction.connection.fetchrow(self._by_lane, lane)

    async def page_of(
        self,
        transaction: Transaction,
        organization: int,
        entities: Sequence[int] | None,
        after: int,
        limit: int,
        *,
        general: bool,
    ) -> list[asyncpg.Record]:
        """Return up to ``limit`` behind id ``after``, of these entities (None: of all).

        ``general`` adds those of the organization's own entity.
        """
        wanted = None if entities is None else list(entities)
        return await transaction.connection.fetch(self._page, organization, after, wanted, limit, general)


async def event_bodies(transaction: Transaction, events: Sequence[UUID]) -> dict[UUID, bytes]:
    """Return the bytes of events of the log, by id."""
    rows = await transaction.connection.fetch("SELECT id, body FROM event WHERE id = ANY($1::uuid[])", list(events))
    return {row["id"]: row["body"] for row in rows}


async def aggregate_id(transaction: Transaction, organization: int, kind: str, integration: int) -> int | None:
    """Return the aggregate of an integration that is not deleted; it never changes, so no lock is needed to read it."""
    found: int | None = await transaction.connection.fetchval(
        """
        SELECT aggregate_id FROM integration
        WHERE organization_id = $1 AND id = $2 AND kind = $3 AND deleted_at IS NULL
        """,
        organization,
        integration,
        kind,
    )
    return found
