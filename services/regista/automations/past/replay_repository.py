"""The SQL of replays: what was asked for, how far it has come, and what it leaves for the planners."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from regista.access.verdict import Reach, Sight
from regista.automations.deciding.verdict import Verdict
from regista.automations.listing_repository import SEEN
from regista.events.selection import Selection, Stretch
from regista.kit.db import Transaction

LAST: Final = (datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
"""A place behind all replays: the moment at which one was asked for, and its id."""
WAITING = 1000
"""Executions of one replay that wait for a planner, about: a replay that is canceled ends soon, and others get through."""

_SHOWN = """
SELECT p.id, p.automation_id, p.revision, p.integration_id, p.selection, p.began, p.position, p.until, p.examined,
       p.fired, p.skipped, p.state, p.error, p.requested_by, p.created_at, p.finished_at
FROM replay p
"""
_PAGE = f"""
{_SHOWN}
LEFT JOIN automation a ON a.id = p.automation_id
LEFT JOIN integration i ON i.id = p.integration_id LEFT JOIN entity n ON n.id = i.entity_id
WHERE p.organization_id = $1 AND (p.created_at, p.id) < ($7, $8)
  AND ($9::bigint IS NULL OR p.automation_id = $9) AND ($10::bigint IS NULL OR p.integration_id = $10)
  AND ($14::uuid IS NULL OR p.id = $14)
  AND CASE WHEN p.automation_id IS NOT NULL THEN {SEEN}
           ELSE $11::bigint[] IS NULL OR i.entity_id = ANY($11) OR ($12 AND n.kind = 'organization') END
ORDER BY p.created_at DESC, p.id DESC LIMIT $13
"""
# One holder at a time, and the one that has waited longest; those with enough waiting for a planner stand back.
_NEXT = """
SELECT p.id, p.organization_id, p.automation_id, p.integration_id, p.selection, p.position, p.until FROM replay p
WHERE p.state = 'running'
  AND (SELECT count(*) FROM (SELECT FROM execution_due d WHERE d.replay_id = p.id LIMIT $1) waiting) < $1
ORDER BY p.turn_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
"""
_DECIDE = """
INSERT INTO decision (organization_id, event_id, automation_id, replay_id, revision, verdict, reason, "values")
SELECT $1, e, $2, $3, $4, v, r, CASE WHEN x IS NOT NULL THEN jsonb_build_object('error', x) END
FROM unnest($5::uuid[], $6::text[], $7::text[], $8::text[]) AS d (e, v, r, x)
ON CONFLICT DO NOTHING
"""
_LEAVE = """
INSERT INTO execution_due (kind, organization_id, event_id, automation_id, integration_id, replay_id, due_at)
SELECT k, $1, e, $2, $3, $4, now() FROM unnest($5::uuid[]) WITH ORDINALITY AS events (e, place), unnest($6::text[]) AS k
ORDER BY place
ON CONFLICT DO NOTHING
"""
# Waits for the planner that holds some of it: what that one plans is sent.
_DROP = """
WITH dropped AS (DELETE FROM execution_due WHERE {whose} RETURNING event_id, automation_id, replay_id)
UPDATE decision d SET verdict = 'skipped', reason = $2 FROM dropped
WHERE d.event_id = dropped.event_id AND d.automation_id = dropped.automation_id AND d.replay_id = dropped.replay_id
"""
_ADVANCE = """
UPDATE replay SET position = $2, examined = examined + $3, fired = fired + $4, skipped = skipped + $5,
    turn_at = clock_timestamp(), state = CASE WHEN $2 >= until THEN 'finished' ELSE state END,
    finished_at = CASE WHEN $2 >= until THEN clock_timestamp() END
WHERE id = $1
"""


class NewReplay(NamedTuple):
    """What is asked for: events, and either an automation (with its revision in force) or an integration to act on them."""

    id: UUID
    organization_id: int
    automation_id: int | None
    revision: int | None
    integration_id: int | None
    selection: Selection
    stretch: Stretch
    requested_by: str
    requested_by_id: int


class Running(NamedTuple):
    """A replay that is held by this transaction, and what is left of it."""

    id: UUID
    organization_id: int
    automation_id: int | None
    integration_id: int | None
    selection: Selection
    left: Stretch


class Target(NamedTuple):
    """An integration that events are sent to again."""

    id: int
    kind: str


async def insert(transaction: Transaction, new: NewReplay) -> None:
    """Store a replay; one without events is finished at once."""
    await transaction.connection.execute(
        """
        INSERT INTO replay (id, organization_id, automation_id, revision, integration_id, selection, began, position, until,
                            requested_by, requested_by_id, state, finished_at)
        VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7::bigint, $7::bigint, $8::bigint, $9, $10,
                CASE WHEN $7::bigint >= $8::bigint THEN 'finished' ELSE 'running' END,
                CASE WHEN $7::bigint >= $8::bigint THEN now() END)
        """,
        *new[:5],
        new.selection.model_dump_json(exclude_none=True),
        *new.stretch,
        new.requested_by,
        new.requested_by_id,
    )


async def one(transaction: Transaction, organization: int, replay: UUID) -> asyncpg.Record | None:
    """Return a replay, whoever may see it."""
    return await transaction.connection.fetchrow(
        _SHOWN + " WHERE p.organization_id = $1 AND p.id = $2", organization, replay
    )


async def page(
    transaction: Transaction,
    organization: int,
    seen: tuple[Sight, Reach],
    of: tuple[int | None, int | None] = (None, None),
    before: tuple[datetime, UUID] = LAST,
    limit: int = 1,
    *,
    only: UUID | None = None,
) -> list[asyncpg.Record]:
    """Return replays of automations and integrations that are seen, newest first, below ``before``; ``only`` one.

    ``of`` an automation, of an integration, or of any; those that are deleted are seen as they were.
    """
    sight, reach = seen
    return await transaction.connection.fetch(
        _PAGE,
        organization,
        sight.everything,
        sight.organization,
        sight.entities,
        sight.projects,
        sight.only,
        *before,
        *of,
        reach.entities,
        reach.general,
        limit,
        only,
    )


async def take(transaction: Transaction) -> Running | None:
    """Hold the replay whose turn it is, None where all that run are held or have enough on the way."""
    row = await transaction.connection.fetchrow(_NEXT, WAITING)
    if row is None:
        return None
    selection = Selection.model_validate(row["selection"])
    left = Stretch(row["position"], row["until"])
    return Running(row["id"], row["organization_id"], row["automation_id"], row["integration_id"], selection, left)


async def advance(transaction: Transaction, replay: UUID, position: int, counts: tuple[int, int, int]) -> None:
    """Say how far a replay has come, with what was ``examined, fired, skipped`` on the way; its end finishes it."""
    await transaction.connection.execute(_ADVANCE, replay, position, *counts)


async def end(transaction: Transaction, replay: UUID, state: str, error: str | None = None) -> bool:
    """End a replay that runs, ``canceled`` or ``failed``; return whether it did run."""
    done = await transaction.connection.execute(
        "UPDATE replay SET state = $2, error = $3, finished_at = clock_timestamp() WHERE id = $1 AND state = 'running'",
        replay,
        state,
        error,
    )
    return done == "UPDATE 1"


async def cancel(transaction: Transaction, replay: UUID) -> bool:
    """End a replay that runs, or that has left something to the planners; return whether it was one."""
    # First, so that the statement behind it sees what whoever held the row has left.
    await transaction.connection.execute("SELECT FROM replay WHERE id = $1 FOR UPDATE", replay)
    done = await transaction.connection.execute(
        """
        UPDATE replay SET state = 'canceled', finished_at = clock_timestamp()
        WHERE id = $1 AND (state = 'running' OR state = 'finished' AND EXISTS (
            SELECT FROM execution_due WHERE replay_id = $1
        ))
        """,
        replay,
    )
    return done == "UPDATE 1"


async def drop_waiting(transaction: Transaction, replay: UUID) -> None:
    """Take back what no planner has taken yet: those events are skipped, ``canceled``."""
    await transaction.connection.execute(_DROP.format(whose="replay_id = $1"), replay, "canceled")


async def hold_waiting(transaction: Transaction, automation: int) -> None:
    """Wait for planners that have taken something of replays to the automation: they want its limits next."""
    await transaction.connection.execute(
        "SELECT FROM execution_due WHERE automation_id = $1 AND replay_id IS NOT NULL FOR UPDATE", automation
    )


async def stop(transaction: Transaction, automation: int, reason: str) -> None:
    """End the replays to an automation that acts no more, and skip what no planner has taken yet for this reason."""
    await transaction.connection.execute(
        "UPDATE replay SET state = 'canceled', finished_at = clock_timestamp() WHERE automation_id = $1 AND state = 'running'",
        automation,
    )
    whose = "automation_id = $1 AND replay_id IS NOT NULL"
    await transaction.connection.execute(_DROP.format(whose=whose), automation, reason)


async def decide(
    transaction: Transaction, running: Running, revision: int, verdicts: Sequence[tuple[UUID, Verdict]]
) -> None:
    """Record what was decided about these events."""
    await transaction.connection.execute(
        _DECIDE,
        running.organization_id,
        running.automation_id,
        running.id,
        revision,
        [event for event, _ in verdicts],
        [verdict.outcome for _, verdict in verdicts],
        [verdict.reason for _, verdict in verdicts],
        [verdict.error for _, verdict in verdicts],
    )


async def leave(transaction: Transaction, running: Running, events: Sequence[UUID], kinds: Sequence[str]) -> None:
    """Leave these events to the planners of the kinds."""
    await transaction.connection.execute(
        _LEAVE,
        running.organization_id,
        running.automation_id,
        running.integration_id,
        running.id,
        list(events),
        list(kinds),
    )


async def target(transaction: Transaction, organization: int, integration: int) -> Target | None:
    """Return an integration that is not deleted."""
    row = await transaction.connection.fetchrow(
        "SELECT id, kind FROM integration WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL",
        organization,
        integration,
    )
    return None if row is None else Target(*row)
