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
    """Delete an execution that cannot be carried out; its decision says why: skipped, reason ``failed``.

    Actions of other kinds that still wait are carried out nevertheless (`Decided.acts`), and the ledger tells of them. An
    event that limits hold back is not held any more when nothing of it waits.
    """
    await done(transaction, [row])
    if row.automation_id is not None and row.replay_id is None:
        await _let_go(transaction, row.event_id, row.automation_id)
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


async def _let_go(transaction: Transaction, event: UUID, automation: int) -> None:
    # Locked by a statement of its own, so that the next one sees what others have done about the event until then.
    await transaction.connection.execute(
        "SELECT FROM automation_limit WHERE automation_id = $1 FOR NO KEY UPDATE", automation
    )
    await transaction.connection.execute(
        """
        UPDATE automation_limit SET held_event = NULL, held_time = NULL, held_until = NULL
        WHERE automation_id = $1 AND held_event = $2 AND NOT EXISTS (
            SELECT FROM execution_due WHERE event_id = $2 AND automation_id = $1 AND replay_id IS NULL
        )
        """,
        automation,
        event,
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
