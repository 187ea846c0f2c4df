"""SQL for people: finding deliveries and their attempts, asking for another attempt, canceling."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from regista.kit.db import Transaction


class Filters(NamedTuple):
    """Which deliveries are meant; None: any. ``since`` is when they were planned."""

    state: str | None = None
    lane_id: int | None = None
    automation_id: int | None = None
    event_id: UUID | None = None
    since: datetime | None = None


_SHOWN = """
d.position, d.id, d.lane_id, l.name AS endpoint, l.kind, l.entity_id, d.event_id,
(SELECT e.type FROM event e WHERE e.id = d.event_id) AS event_type, d.automation_id, d.action_index, d.revision,
d.replay_id, d.state, d.attempts, d.created_at, d.finished_at,
(SELECT q.due_at FROM delivery_due q WHERE q.lane_id = d.lane_id AND q.position = d.position) AS next_attempt_at
"""
_LANES = """
SELECT * FROM lane
WHERE organization_id = $1 AND coalesce(entity_id, 0) = ANY($2::bigint[]) AND ($3::bigint IS NULL OR id = $3)
"""
_MATCH = """
d.position < $4 AND ($5::text IS NULL OR d.state = $5) AND ($6::bigint IS NULL OR d.automation_id = $6)
AND ($7::uuid IS NULL OR d.event_id = $7) AND ($8::timestamptz IS NULL OR d.created_at >= $8)
"""
# The plan is made before the filters are known, and would rather sort a lane's whole past than walk down its index.
_IN_ORDER = """
SELECT set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true),
       set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
"""


def _listing(source: str, order: str = "d.position") -> str:
    # From each lane its newest: one walk down (lane_id, position) per lane, however long the ledger is.
    return f"""
    SELECT {_SHOWN} FROM ({_LANES}) l CROSS JOIN LATERAL (
        {source} AND {_MATCH} ORDER BY {order} DESC LIMIT $9
    ) d ORDER BY d.position DESC LIMIT $9
    """  # noqa: S608 - put together from constants


def _through(table: str) -> str:
    # OFFSET 0 keeps the short table the one that is walked; the ledger is looked up row by row.
    return _listing(
        f"""
        SELECT d.* FROM {table} x CROSS JOIN LATERAL (
            SELECT * FROM delivery d WHERE d.lane_id = x.lane_id AND d.position = x.position OFFSET 0
        ) d WHERE x.lane_id = l.id AND x.position < $4
        """,  # noqa: S608 - put together from constants
        "x.position",
    )


_LISTS = {"dead": _through("delivery_dead"), "pending": _through("delivery_due")}
_LIST = _listing("SELECT d.* FROM delivery d WHERE d.lane_id = l.id")
# An event has few deliveries, and its id leads the ledger's key.
_LIST_OF_EVENT = f"""
SELECT {_SHOWN} FROM delivery d JOIN ({_LANES}) l ON l.id = d.lane_id
WHERE {_MATCH} AND d.event_id = $7 ORDER BY d.position DESC LIMIT $9
"""  # noqa: S608 - put together from constants
_ONE = f"SELECT {_SHOWN} FROM delivery d JOIN lane l ON l.id = d.lane_id WHERE d.organization_id = $1 AND d.id = $2"  # noqa: S608 - put together from constants

# What is waiting for its next attempt gets one now, and goes on waiting where it was if that fails.
_REDELIVER = """
INSERT INTO delivery_due (lane_id, position, delivery_id, due_at, manual)
SELECT d.lane_id, d.position, d.id, now(), true
FROM delivery d JOIN lane l ON l.id = d.lane_id AND l.state <> 'removed'
WHERE d.id = ANY($1::uuid[]) ORDER BY d.lane_id, d.position
ON CONFLICT (lane_id, position) DO UPDATE SET
    due_at = now(), manual = true,
    resume_at = CASE WHEN delivery_due.manual THEN delivery_due.resume_at ELSE delivery_due.due_at END
RETURNING delivery_id
"""
_CANCEL = """
WITH ended AS (
    UPDATE delivery SET state = 'canceled', finished_at = clock_timestamp() WHERE id = $1 AND state = 'pending'
    RETURNING lane_id, position
), undue AS (
    DELETE FROM delivery_due q USING ended e WHERE q.lane_id = e.lane_id AND q.position = e.position
)
SELECT count(*) FROM ended
"""


async def entities(transaction: Transaction, organization: int) -> list[int | None]:
    """Return the entities that have lanes; None stands for the organization as a whole."""
    rows = await transaction.connection.fetch(
        "SELECT DISTINCT entity_id FROM lane WHERE organization_id = $1", organization
    )
    return [row[0] for row in rows]


async def page(
    transaction: Transaction,
    organization: int,
    visible: Sequence[int | None],
    filters: Filters,
    before: int,
    limit: int,
) -> list[Any]:
    """Return up to ``limit`` deliveries of lanes of ``visible`` entities, newest first, below position ``before``."""
    await transaction.connection.fetch(_IN_ORDER)
    statement = _LIST_OF_EVENT if filters.event_id is not None else _LISTS.get(filters.state or "", _LIST)
    return await transaction.connection.fetch(
        statement,
        organization,
        [entity or 0 for entity in visible],
        filters.lane_id,
        before,
        filters.state,
        filters.automation_id,
        filters.event_id,
        filters.since,
        limit,
    )


async def one(transaction: Transaction, organization: int, delivery: UUID, *, lock: bool = False) -> Any:
    """Return a delivery as `page` does, None if there is none; ``lock`` keeps it as it is until the commit."""
    statement = f"{_ONE} FOR NO KEY UPDATE OF d" if lock else _ONE
    return await transaction.connection.fetchrow(statement, organization, delivery)


async def attempts(transaction: Transaction, delivery: UUID, after: int, limit: int) -> list[Any]:
    """Return up to ``limit`` attempts behind number ``after``."""
    return await transaction.connection.fetch(
        """
        SELECT number, manual, started_at, seconds, status, error, truncated, headers, body
        FROM attempt WHERE delivery_id = $1 AND number > $2 ORDER BY number LIMIT $3
        """,
        delivery,
        after,
        limit,
    )


async def redeliver(transaction: Transaction, deliveries: Sequence[UUID]) -> int:
    """Make one attempt due at once for each of the deliveries; return of how many lanes are still there."""
    return len(await transaction.connection.fetch(_REDELIVER, deliveries))


async def cancel(transaction: Transaction, delivery: UUID) -> bool:
    """End a pending delivery; return whether it was one."""
    return bool(await transaction.connection.fetchval(_CANCEL, delivery))
