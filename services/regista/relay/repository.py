"""A relay's one connection: its locks, its reads and its deletes, so that losing it is losing the shards."""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg
import structlog

from regista.kit.bus.model import Record
from regista.kit.db import Database
from regista.kit.db.holding import FROZEN_SECONDS, STATEMENT_SECONDS, holding_connection
from regista.kit.shards import SHARDS
from regista.relay.outlet import Outlet
from regista.relay.share import Roster

logger = structlog.get_logger()

BATCH_ROWS = 500
BATCH_BYTES = 4 << 20
"""Limits of one batch: rows, and bytes of bodies beyond the first row. They bound memory, not correctness."""

PENDING_LIMIT = 10_000
"""How far pending rows are counted; beyond it the exact number matters to nobody and costs an index scan."""

_MEMBERS = SHARDS
"""Second half of the key of the lock that members share; shards are 0 to 15."""

# The best plan for a queue never changes, while its statistics (empty now, long a moment later) always do.
_PLANS = """
SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
SET jit = off
"""
_JOIN = "SELECT pg_advisory_lock_shared($1, $2)"
_ROSTER = """
SELECT objid::int AS key, count(*) AS holders FROM pg_locks
WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = $1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
GROUP BY objid
"""
_TAKE = "SELECT shard FROM unnest($2::int[]) AS shard WHERE pg_try_advisory_lock($1, shard)"
_GIVE = "SELECT pg_advisory_unlock($1, shard) FROM unnest($2::int[]) AS shard"

# No cursor (rows commit later than higher ids) and no SKIP LOCKED (it reorders): always the oldest rows there are. One
# batch over all shards is in the order of ids across them, one for each shard in the order of ids within it.
_PENDING = """
SELECT shard, id, event_id, aggregate_id, body, context
FROM (
    SELECT oldest.shard, oldest.id, oldest.event_id, logged.aggregate_id, logged.body, logged.context,
           sum(octet_length(logged.body)) OVER ({window} ORDER BY oldest.id) - octet_length(logged.body) AS before
    FROM (
        SELECT row.shard, row.id, row.event_id
        FROM unnest($1::smallint[]) AS held (shard)
        CROSS JOIN LATERAL (
            SELECT shard, id, event_id FROM {table} WHERE shard = held.shard ORDER BY id LIMIT $3
        ) AS row
        {limit}
    ) AS oldest
    JOIN {log} AS logged ON logged.id = oldest.event_id
) AS sized
WHERE before < $2
ORDER BY id
"""
# Positions go to rows that were really deleted: where two holders overlap, the second finds none and counts none.
_SETTLE = """
WITH gone AS (
    DELETE FROM {table} USING unnest($1::smallint[], $2::bigint[]) AS sent (shard, id)
    WHERE {table}.shard = sent.shard AND {table}.id = sent.id
    RETURNING {table}.shard, {table}.id, {table}.event_id
), counted AS (
    UPDATE shard SET position = position + fresh.count
    FROM (SELECT gone.shard, count(*) AS count FROM gone GROUP BY gone.shard) AS fresh
    WHERE shard.id = fresh.shard
    RETURNING shard.id, shard.position - fresh.count AS before
), placed AS (
    INSERT INTO published (shard, position, event_id)
    SELECT gone.shard, counted.before + row_number() OVER (PARTITION BY gone.shard ORDER BY gone.id), gone.event_id
    FROM gone JOIN counted ON counted.id = gone.shard
)
SELECT count(*) FROM gone
"""
# Rows of a log that nobody reads again.
_SETTLE_AND_FORGET = """
WITH gone AS (
    DELETE FROM {table} USING unnest($1::smallint[], $2::bigint[]) AS sent (shard, id)
    WHERE {table}.shard = sent.shard AND {table}.id = sent.id
    RETURNING {table}.event_id
), forgotten AS (
    DELETE FROM {log} USING gone WHERE {log}.id = gone.event_id
)
SELECT count(*) FROM gone
"""
_VACUUM = "VACUUM (SKIP_LOCKED, TRUNCATE FALSE, PARALLEL 0) {table}"
_LAG = """
SELECT (SELECT count(*) FROM (
            SELECT 1 FROM unnest($1::smallint[]) AS held (shard)
            CROSS JOIN LATERAL (SELECT 1 FROM {table} WHERE shard = held.shard LIMIT $2) AS row
            LIMIT $2
        ) AS waiting) AS pending,
       (SELECT extract(epoch FROM clock_timestamp() - min(logged.time))::float8
        FROM unnest($1::smallint[]) AS held (shard)
        CROSS JOIN LATERAL (SELECT event_id FROM {table} WHERE shard = held.shard ORDER BY id LIMIT 1) AS oldest
        JOIN {log} AS logged ON logged.id = oldest.event_id) AS age
"""


class Row(NamedTuple):
    """An outbox row by its id within the table, and what is published of it."""

    id: int
    record: Record


class Lag(NamedTuple):
    """Rows that wait (counted up to `PENDING_LIMIT`), and the age of the oldest in seconds, 0 when there is none."""

    pending: int
    seconds: float


class ShardSession:
    """The open connection of one relay on one outlet.

    Every method is one short statement that commits by itself, called by one task at a time. They raise what the driver
    raises, `TimeoutError` after 10 s; after any error the session is of no further use.
    """

    def __init__(self, connection: asyncpg.Connection, outlet: Outlet) -> None:
        self._connection = connection
        self._outlet = outlet
        names = {"table": outlet.table, "log": outlet.log}
        self._pending_of_all = _PENDING.format(window="", limit="ORDER BY row.id LIMIT $4", **names)
        self._pending_of_each = _PENDING.format(window="PARTITION BY oldest.shard", limit="", **names)
        self._settle = (_SETTLE if outlet.permanent else _SETTLE_AND_FORGET).format(**names)
        self._lag = _LAG.format(**names)
        self._vacuum = _VACUUM.format(table=outlet.table if outlet.permanent else f"{outlet.table}, {outlet.log}")

    @property
    def pid(self) -> int:
        """The server's process of this session."""
        return self._connection.get_server_pid()

    @property
    def lost(self) -> bool:
        """Whether the connection is known to be gone."""
        return self._connection.is_closed()

    async def roster(self) -> Roster:
        """Return who else relays this outlet."""
        rows = await self._fetch(_ROSTER, self._outlet.locks)
        holders = {row["key"]: row["holders"] for row in rows}
        return Roster(holders.pop(_MEMBERS, 0), frozenset(holders))

    async def take(self, shards: Iterable[int]) -> set[int]:
        """Lock what is free of ``shards``, without waiting; return what was locked. None may be held already."""
        return {row["shard"] for row in await self._fetch(_TAKE, self._outlet.locks, list(shards))}

    async def give(self, shards: Iterable[int]) -> None:
        """Unlock ``shards``, which this session holds."""
        await self._fetch(_GIVE, self._outlet.locks, list(shards))

    async def pending_of_all(self, shards: Iterable[int], limit: int = BATCH_ROWS) -> list[Row]:
        """Return the oldest rows of all ``shards`` together by id, at most ``limit`` and twice an even share of each."""
        wanted = list(shards)
        # Twice an even share of each shard is looked at: looking at the whole limit everywhere would cost more than
        # the smaller batches of a backlog that lies in one shard alone.
        depth = min(limit, -(-2 * limit // max(len(wanted), 1)))
        return _rows(await self._fetch(self._pending_of_all, wanted, BATCH_BYTES, depth, limit))

    async def pending_of_each(self, shards: Iterable[int], limit: int = BATCH_ROWS) -> dict[int, list[Row]]:
        """Return the oldest rows of each of ``shards``, ``limit`` a shard, by id; shards without any are left out."""
        found: dict[int, list[Row]] = {}
        for row in _rows(await self._fetch(self._pending_of_each, list(shards), BATCH_BYTES, limit)):
            found.setdefault(row.record.shard, []).append(row)
        return found

    async def settle(self, rows: Sequence[Row]) -> int:
        """Delete exactly these rows, and give them their positions where the log is permanent.

        Returns how many had not been deleted before.
        """
        # In the order of the key, so that two holders that overlap cannot deadlock on each other's rows.
        keys = sorted((row.record.shard, row.id) for row in rows)
        found = await self._fetch(self._settle, [shard for shard, _ in keys], [number for _, number in keys])
        return found[0]["count"]

    async def lag(self, shards: Iterable[int]) -> Lag:
        """Return how far ``shards`` are behind."""
        row = (await self._fetch(self._lag, list(shards), PENDING_LIMIT))[0]
        return Lag(row["pending"], max(0.0, row["age"] or 0.0))

    async def vacuum(self) -> None:
        """Remove the deleted rows' remains: each read walks over them, and autovacuum comes once a minute at most.

        Does nothing where another relay is at it or the role does not own the table.
        """
        try:
            await self._connection.execute(self._vacuum, timeout=STATEMENT_SECONDS)
        except (TimeoutError, asyncpg.QueryCanceledError):
            # It can wait: something (a dump, a long transaction) has let the remains grow beyond what is quick.
            logger.warning("relay_vacuum_slow", table=self._outlet.table, seconds=STATEMENT_SECONDS)

    async def _fetch(self, statement: str, *arguments: object) -> list[Any]:
        return await self._connection.fetch(statement, *arguments, timeout=STATEMENT_SECONDS)


@asynccontextmanager
async def open_session(
    database: Database, outlet: Outlet, when_lost: Callable[[], None], *, frozen_seconds: int = FROZEN_SECONDS
) -> AsyncGenerator[ShardSession]:
    """Connect and become a member; ``when_lost`` is called once when the connection has ended. Shards end with it."""
    async with holding_connection(database, when_lost, frozen_seconds=frozen_seconds, settings=_PLANS) as connection:
        await connection.fetch(_JOIN, outlet.locks, _MEMBERS, timeout=STATEMENT_SECONDS)
        yield ShardSession(connection, outlet)


def _rows(found: Iterable[Any]) -> list[Row]:
    return [
        Row(number, Record(event_id, str(aggregate_id).encode(), shard, body, context))
        for shard, number, event_id, aggregate_id, body, context in found
    ]
