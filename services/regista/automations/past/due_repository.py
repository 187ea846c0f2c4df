"""The SQL of executions that no batch of the bus will bring: deferred ones and those of replays."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from regista.kit.db import Transaction

CHANNEL = "regista_due"
"""Wakes the planners' workers: something is due at once."""


class DueRow(NamedTuple):
    """An execution that is due. ``automation_id`` None sends the event as it is to the integration: a replay to it."""

    id: int
    organization_id: int
    event_id: UUID
    automation_id: int | None
    integration_id: int | None
    replay_id: UUID | None


async def claim(transaction: Transaction, planner: str, limit: int) -> list[DueRow]:
    """Lock up to ``limit`` executions of a planner that are due and that no other worker holds, the oldest first."""
    rows = await transaction.connection.fetch(
        """
        SELECT id, organization_id, event_id, automation_id, integration_id, replay_id FROM execution_due
        WHERE kind = $1 AND due_at <= now() ORDER BY due_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
        """,
        planner,
        limit,
    )
    return [DueRow(*row) for row in rows]


async def done(transaction: Transaction, rows: Sequence[DueRow]) -> None:
    """Delete executions that were claimed: what they led to is in the ledger."""
    await transaction.connection.execute(
        "DELETE FROM execution_due WHERE id = ANY($1::bigint[])", [row.id for row in rows]
    )


async def give_up(transaction: Transaction, row: DueRow, error: str) -> None:
    """Delete an execution that cannot be carried out; its decision says why: skipped, reason ``failed``."""
    await done(transaction, [row])
    await transaction.connection.execute(
        """
        UPDATE decision SET verdict = 'skipped', reason = 'failed', "values" = jsonb_build_object('error', $4::text)
        WHERE event_id = $1 AND automation_id = $2 AND replay_id IS NOT DISTINCT FROM $3
        """,
        row.event_id,
        row.automation_id,
        row.replay_id,
        error.replace("\0", "\N{REPLACEMENT CHARACTER}")[:2000],
    )


async def lanes(transaction: Transaction, integrations: Sequence[int]) -> dict[int, int]:
    """Return the lanes of integrations that are there, and keep those from being deleted."""
    rows = await transaction.connection.fetch(
        """
        SELECT id, lane_id FROM integration
        WHERE id = ANY($1::bigint[]) AND deleted_at IS NULL AND lane_id IS NOT NULL ORDER BY id FOR SHARE
        """,
        list(integrations),
    )
    return {row["id"]: row["lane_id"] for row in rows}
