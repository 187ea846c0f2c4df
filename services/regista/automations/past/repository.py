"""The SQL of explanations: what an automation was when an event happened, and what was decided then."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from regista.automations.past.explain import Recorded
from regista.kit.db import Transaction
from regista_events import codec, full_name

_SAVES = [full_name(f"automation.{each}") for each in ("created", "updated", "enabled", "disabled", "deleted")]


class Standing(NamedTuple):
    """Which revision was in force, and whether it was enabled."""

    revision: int
    enabled: bool


async def automation(transaction: Transaction, organization: int, number: int) -> asyncpg.Record | None:
    """Return what access asks about an automation, deleted or not, with ``name, aggregate_id, revision, deleted_at``."""
    return await transaction.connection.fetchrow(
        """
        SELECT id, name, aggregate_id, entity_id, scope_kind, scope_id, revision, enabled, deleted_at
        FROM automation WHERE organization_id = $1 AND id = $2
        """,
        organization,
        number,
    )


async def standing(transaction: Transaction, aggregate: int, moment: datetime) -> Standing | None:
    """Return how an automation stood at a moment, from its own events; before the first one, as it was made."""
    body: bytes | None = await transaction.connection.fetchval(
        """
        SELECT coalesce(
            (SELECT body FROM event WHERE aggregate_id = $1 AND type = ANY($3::text[]) AND time <= $2
             ORDER BY sequence DESC LIMIT 1),
            (SELECT body FROM event WHERE aggregate_id = $1 AND type = ANY($3::text[]) ORDER BY sequence LIMIT 1))
        """,
        aggregate,
        moment,
        _SAVES,
    )
    if body is None:
        return None
    told: Any = codec.decode(body).data
    return Standing(told.automation.revision, told.automation.enabled)


async def recorded(transaction: Transaction, pairs: Sequence[tuple[UUID, int]]) -> dict[tuple[UUID, int], Recorded]:
    """Return what was decided for these (event, automation), replays aside."""
    rows = await transaction.connection.fetch(
        """
        SELECT event_id, automation_id, revision, verdict, reason, "values" ->> 'error' AS error, decided_at
        FROM decision JOIN unnest($1::uuid[], $2::bigint[]) w (event_id, automation_id) USING (event_id, automation_id)
        WHERE replay_id IS NULL
        """,
        [event for event, _ in pairs],
        [automation for _, automation in pairs],
    )
    return {(row["event_id"], row["automation_id"]): Recorded(*tuple(row)[2:]) for row in rows}
