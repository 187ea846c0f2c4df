"""SQL on lanes as their endpoints configure them."""

import asyncpg

from regista.delivery.contract import Throttle
from regista.kit.db import Transaction

CHANNEL = "regista_delivery"
"""Wakes every dispatcher: a lane was changed, or somebody asked for a redelivery."""
RECALL = "regista_delivery_recall"
"""Wakes every dispatcher: a delivery was canceled, which may be waiting in its memory."""
_CANCEL = """
UPDATE delivery d SET state = 'canceled', finished_at = clock_timestamp()
FROM gone g WHERE d.lane_id = g.lane_id AND d.position = g.position AND d.state = 'pending'
"""


async def insert(
    transaction: Transaction,
    organization: int,
    kind: str,
    name: str,
    entity: int | None,
    concurrency: int,
    throttle: Throttle | None,
) -> int:
    """Insert a lane and return its id."""
    count, seconds = throttle or (None, None)
    made: int | None = await transaction.connection.fetchval(
        """
        INSERT INTO lane (organization_id, kind, name, entity_id, concurrency, throttle_count, throttle_seconds)
        VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id
        """,
        organization,
        kind,
        name,
        entity,
        concurrency,
        count,
        seconds,
    )
    assert made is not None  # noqa: S101 - INSERT … RETURNING of one row
    return made


async def configure(
    transaction: Transaction, lane: int, name: str, entity: int | None, concurrency: int, throttle: Throttle | None
) -> bool:
    """Overwrite what is configured; return whether there is such a lane."""
    count, seconds = throttle or (None, None)
    done = await transaction.connection.execute(
        """
        UPDATE lane SET name = $2, entity_id = $3, concurrency = $4, throttle_count = $5, throttle_seconds = $6
        WHERE id = $1 AND state <> 'removed'
        """,
        lane,
        name,
        entity,
        concurrency,
        count,
        seconds,
    )
    return done == "UPDATE 1"


async def lock(transaction: Transaction, lane: int) -> asyncpg.Record | None:
    """Lock a lane that is not removed and return ``id, organization_id, entity_id, name, state``."""
    return await transaction.connection.fetchrow(
        """
        SELECT id, organization_id, entity_id, name, state FROM lane
        WHERE id = $1 AND state <> 'removed' FOR NO KEY UPDATE
        """,
        lane,
    )


async def by_id(transaction: Transaction, lane: int) -> asyncpg.Record | None:
    """Return ``id, organization_id, entity_id, name, state`` of a lane, removed or not."""
    return await transaction.connection.fetchrow(
        "SELECT id, organization_id, entity_id, name, state FROM lane WHERE id = $1", lane
    )


async def enable(transaction: Transaction, lane: int) -> None:
    """Make the lane active with a clean record."""
    await transaction.connection.execute(
        """
        UPDATE lane SET state = 'active', disabled_reason = NULL, failures = 0, failing_since = NULL, failing = false
        WHERE id = $1
        """,
        lane,
    )


async def disable(transaction: Transaction, lane: int, reason: str) -> None:
    """Stop sending."""
    await transaction.connection.execute(
        "UPDATE lane SET state = 'disabled', disabled_reason = $2 WHERE id = $1", lane, reason
    )


async def remove(transaction: Transaction, lane: int) -> None:
    """Stop sending for ever and cancel what is pending; the ledger stays."""
    await transaction.connection.execute("UPDATE lane SET state = 'removed' WHERE id = $1", lane)
    await transaction.connection.execute(
        f"""
        WITH gone AS (DELETE FROM delivery_due WHERE lane_id = $1 RETURNING lane_id, position)
        {_CANCEL}
        """,  # noqa: S608 - put together from constants
        lane,
    )


async def cancel_strays(transaction: Transaction, limit: int) -> int:
    """Cancel up to ``limit`` deliveries that have come into lanes after their removal; return how many."""
    done = await transaction.connection.execute(
        f"""
        WITH stray AS MATERIALIZED (
            SELECT q.lane_id, q.position FROM lane l CROSS JOIN LATERAL (
                SELECT lane_id, position FROM delivery_due WHERE lane_id = l.id LIMIT $1 FOR UPDATE SKIP LOCKED
            ) q
            WHERE l.state = 'removed' LIMIT $1
        ), gone AS (
            DELETE FROM delivery_due q USING stray s WHERE q.lane_id = s.lane_id AND q.position = s.position
            RETURNING q.lane_id, q.position
        )
        {_CANCEL}
        """,  # noqa: S608 - put together from constants
        limit,
    )
    return int(done.rpartition(" ")[2])
