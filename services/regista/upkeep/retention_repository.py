"""The SQL of forgetting: what is older than its organization keeps it. Each statement takes a bounded number of rows."""

from typing import Any

from regista.kit.db import Transaction

# Whoever works on a row now keeps it until the next sweep.
_DECISIONS = """
DELETE FROM decision WHERE ctid = ANY(ARRAY(
    SELECT d.ctid FROM decision d JOIN organization o ON o.id = d.organization_id
    WHERE d.decided_at < now() - make_interval(days => $1)
      AND d.decided_at < now() - make_interval(days => o.retention_days) AND d.verdict <> 'deferred'
      AND NOT EXISTS (
          SELECT FROM execution x
          WHERE x.organization_id = d.organization_id AND x.position = d.position AND x.status = 'pending'
      )
    LIMIT $2 FOR UPDATE OF d SKIP LOCKED
))
"""
# A delivery goes behind its decision, which says what became of it.
_DELIVERIES = """
WITH old AS MATERIALIZED (
    SELECT v.id, v.lane_id, v.position FROM delivery v JOIN organization o ON o.id = v.organization_id
    WHERE v.created_at < now() - make_interval(days => $1)
      AND v.finished_at < now() - make_interval(days => o.retention_days) AND v.state <> 'pending'
      AND NOT EXISTS (SELECT FROM delivery_due q WHERE q.lane_id = v.lane_id AND q.position = v.position)
      AND NOT EXISTS (
          SELECT FROM decision d WHERE d.event_id = v.event_id AND d.automation_id = v.automation_id
                                   AND d.replay_id IS NOT DISTINCT FROM v.replay_id
      )
    LIMIT $2 FOR UPDATE OF v SKIP LOCKED
), attempts AS (
    DELETE FROM attempt WHERE delivery_id IN (SELECT id FROM old)
), dead AS (
    DELETE FROM delivery_dead k USING old WHERE k.lane_id = old.lane_id AND k.position = old.position
), gone AS (
    DELETE FROM delivery v USING old WHERE v.id = old.id RETURNING v.id
)
SELECT count(*) FROM gone
"""
_REPLAYS = """
DELETE FROM replay WHERE id IN (
    SELECT p.id FROM replay p JOIN organization o ON o.id = p.organization_id
    WHERE p.state <> 'running' AND p.finished_at < now() - make_interval(days => o.retention_days)
    LIMIT $1 FOR UPDATE OF p SKIP LOCKED
)
"""
# What limits have counted of an automation that is deleted, once nothing that they held back is left to be decided.
_LIMITS = """
DELETE FROM automation_limit WHERE automation_id IN (
    SELECT l.automation_id FROM automation_limit l JOIN automation a ON a.id = l.automation_id
    WHERE a.deleted_at IS NOT NULL AND l.held_event IS NULL
    LIMIT $1 FOR UPDATE OF l SKIP LOCKED
)
"""


async def shortest(transaction: Transaction) -> int:
    """Return the days that every organization keeps things for, at least."""
    days: int | None = await transaction.connection.fetchval("SELECT min(retention_days) FROM organization")
    return days or 0


async def forget_decisions(transaction: Transaction, days: int, limit: int) -> int:
    """Delete old decisions, but for those that have an execution to come; return how many."""
    done = await transaction.connection.execute(_DECISIONS, days, limit)
    return int(done.rpartition(" ")[2])


async def forget_deliveries(transaction: Transaction, days: int, limit: int) -> int:
    """Delete old deliveries that have ended, with their attempts; return how many."""
    number: Any = await transaction.connection.fetchval(_DELIVERIES, days, limit)
    return number


async def forget_replays(transaction: Transaction, limit: int) -> int:
    """Delete replays that ended long ago; return how many."""
    done = await transaction.connection.execute(_REPLAYS, limit)
    return int(done.rpartition(" ")[2])


async def forget_limits(transaction: Transaction, limit: int) -> int:
    """Delete what limits have counted of automations that are deleted; return of how many."""
    done = await transaction.connection.execute(_LIMITS, limit)
    return int(done.rpartition(" ")[2])
