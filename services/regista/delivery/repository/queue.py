"""SQL of a lane's owner: which lanes it has, what they have to send, what became of it."""

from typing import Any
from uuid import UUID

import asyncpg

Connection = asyncpg.Connection

# The tables are empty when a fresh installation prepares these statements, and a plan made then would walk over whole
# tables for as long as the connection lives.
# Nor may a lane's long queue be sorted to find its first rows: the indexes have it in order.
BY_INDEX = """
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
SET enable_bitmapscan = off; SET enable_sort = off
"""
BY_INDEX_HERE = """
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true), set_config('idle_in_transaction_session_timeout', '2s', true)
"""

_LANES = """
SELECT l.id, l.shard, l.kind, l.concurrency, l.throttle_count, l.throttle_seconds, l.state = 'active', l.failures,
       EXISTS (SELECT FROM delivery_due q WHERE q.lane_id = l.id AND q.due_at <= now())
FROM lane l WHERE l.shard = ANY($1::smallint[]) AND l.state <> 'removed'
"""

_COLUMNS = """
q.delivery_id, q.position, d.organization_id, q.lane_id, d.event_id, d.attempts + 1, coalesce(d.payload, e.body),
d.replay_id IS NOT NULL, d.holes, d.traceparent, q.made, q.manual
"""
_JOINED = """
JOIN delivery d ON d.lane_id = q.lane_id AND d.position = q.position
LEFT JOIN event e ON e.id = d.event_id AND d.payload IS NULL
"""
_READ = f"""
SELECT {_COLUMNS}, true
FROM unnest($1::bigint[]) AS wanted (lane_id) CROSS JOIN LATERAL (
    SELECT * FROM delivery_due q
    WHERE q.lane_id = wanted.lane_id AND q.due_at <= now() AND q.position <> ALL ($3::bigint[])
    ORDER BY q.due_at, q.position LIMIT $2
) q {_JOINED} ORDER BY q.due_at, q.position
"""  # noqa: S608 - put together from constants
_READ_FIFO = f"""
SELECT {_COLUMNS}, q.due_at <= now()
FROM unnest($1::bigint[]) AS wanted (lane_id) CROSS JOIN LATERAL (
    SELECT * FROM delivery_due q
    WHERE q.lane_id = wanted.lane_id AND q.position <> ALL ($3::bigint[]) AND (
        SELECT h.due_at FROM delivery_due h
        WHERE h.lane_id = wanted.lane_id AND h.position <> ALL ($3::bigint[]) ORDER BY h.position LIMIT 1
    ) <= now()
    ORDER BY q.position LIMIT $2
) q {_JOINED} ORDER BY q.position
"""  # noqa: S608 - put together from constants

# Who was declared dead finds no row in `dispatcher`; who is alive keeps it from being deleted until the commit.
_ALIVE = "alive AS MATERIALIZED (SELECT id FROM dispatcher WHERE id = $1 FOR KEY SHARE)"
_OURS = "JOIN lane_shard s ON s.id = g.shard AND s.owner = alive.id AND s.epoch = g.epoch"
_RECORD_SUCCEEDED = f"""
WITH {_ALIVE}, given AS MATERIALIZED (
    SELECT g.* FROM alive CROSS JOIN unnest($2::bigint[], $3::bigint[], $4::uuid[], $5::smallint[], $6::bigint[],
                                            $7::smallint[], $8::float8[], $9::real[], $10::smallint[], $11::text[],
                                            $12::bytea[], $13::boolean[])
    AS g (lane_id, position, delivery_id, shard, epoch, number, ago, seconds, status, headers, body, truncated)
    {_OURS}
), tried AS (
    INSERT INTO attempt (delivery_id, number, manual, started_at, seconds, status, truncated, headers, body)
    SELECT delivery_id, number, false, clock_timestamp() - make_interval(secs => ago), seconds, status, truncated,
           headers, body
    FROM given ON CONFLICT DO NOTHING
), moved AS (
    UPDATE delivery d SET state = 'succeeded', attempts = g.number, finished_at = clock_timestamp()
    FROM given g WHERE d.lane_id = g.lane_id AND d.position = g.position
), done AS (
    DELETE FROM delivery_due q USING given g WHERE q.lane_id = g.lane_id AND q.position = g.position
)
SELECT position FROM given
"""  # noqa: S608 - put together from constants
# A delivery that was canceled meanwhile stays so, unless it has arrived. A redelivery that failed leaves everything as
# it was: the state, and the schedule that it interrupted. One that was asked for while an attempt of the schedule was
# under way is made after it, unless that arrived. An outcome that comes again, since the commit was not acknowledged,
# moves no schedule a second time. (Whether it is new is asked so that a hash answers: BY_INDEX forbids all joins by one.)
_RECORD = f"""
WITH {_ALIVE}, given AS MATERIALIZED (
    SELECT g.* FROM alive CROSS JOIN unnest($2::bigint[], $3::bigint[], $4::uuid[], $5::smallint[], $6::bigint[],
                                            $7::smallint[], $8::float8[], $9::real[], $10::smallint[], $11::text[],
                                            $12::bytea[], $13::boolean[], $14::text[], $15::boolean[], $16::text[],
                                            $17::float8[], $18::smallint[])
    AS g (lane_id, position, delivery_id, shard, epoch, number, ago, seconds, status, headers, body, truncated, error,
          manual, fate, delay, made)
    {_OURS}
), tried AS (
    INSERT INTO attempt (delivery_id, number, manual, started_at, seconds, status, error, truncated, headers, body)
    SELECT delivery_id, number, manual, clock_timestamp() - make_interval(secs => ago), seconds, status, error,
           truncated, headers, body
    FROM given ON CONFLICT DO NOTHING RETURNING delivery_id
), moved AS (
    UPDATE delivery d SET
        attempts = g.number,
        state = CASE WHEN g.fate = 'succeeded' OR (g.fate = 'dead' AND d.state = 'pending') THEN g.fate ELSE d.state END,
        finished_at = CASE WHEN g.fate = 'succeeded' OR (g.fate = 'dead' AND d.state = 'pending')
                           THEN clock_timestamp() ELSE d.finished_at END
    FROM given g WHERE d.lane_id = g.lane_id AND d.position = g.position
    RETURNING d.lane_id, d.position, d.state, d.automation_id, d.id, g.fate
), died AS (
    INSERT INTO delivery_dead (lane_id, position)
    SELECT lane_id, position FROM moved WHERE fate = 'dead' AND state = 'dead' ON CONFLICT DO NOTHING
), revived AS (
    DELETE FROM delivery_dead x USING given g
    WHERE g.fate = 'succeeded' AND x.lane_id = g.lane_id AND x.position = g.position
), done AS (
    DELETE FROM delivery_due q USING given g
    WHERE (g.delivery_id IN (SELECT delivery_id FROM tried)) IS TRUE AND q.lane_id = g.lane_id AND q.position = g.position
      AND (g.fate = 'succeeded' OR (g.fate = 'dead' AND NOT q.manual)
           OR (g.fate = 'unchanged' AND q.resume_at IS NULL))
), later AS (
    UPDATE delivery_due q SET
        due_at = CASE WHEN g.fate = 'unchanged' THEN q.resume_at
                      WHEN q.manual THEN q.due_at
                      ELSE clock_timestamp() + make_interval(secs => g.delay) END,
        made = CASE WHEN g.fate = 'unchanged' THEN q.made ELSE g.made END,
        manual = q.manual AND g.fate <> 'unchanged',
        resume_at = CASE WHEN q.manual AND g.fate = 'pending'
                         THEN clock_timestamp() + make_interval(secs => g.delay) END
    FROM given g
    WHERE (g.delivery_id IN (SELECT delivery_id FROM tried)) IS TRUE AND q.lane_id = g.lane_id AND q.position = g.position
      AND (g.fate = 'pending' OR (g.fate = 'dead' AND q.manual)
           OR (g.fate = 'unchanged' AND q.resume_at IS NOT NULL))
)
SELECT m.position, m.automation_id, m.fate = 'dead' AND m.state = 'dead', t.delivery_id IS NOT NULL
FROM moved m LEFT JOIN tried t ON t.delivery_id = m.id
"""  # noqa: S608 - put together from constants

_LOCK_STREAKS = """
SELECT id, failures, failing_since, failing, state, disabled_reason, clock_timestamp() FROM lane
WHERE id = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""
_WRITE_STREAK = """
UPDATE lane SET failures = $2, failing_since = $3, failing = $4,
                state = CASE WHEN state = 'active' AND $5::text IS NOT NULL THEN 'disabled' ELSE state END,
                disabled_reason = coalesce(disabled_reason, $5)
WHERE id = $1
"""


async def lanes(connection: Connection, shards: list[int]) -> list[Any]:
    """Return ``id, shard, kind, concurrency, throttle limit, throttle seconds, active, failures, due`` of each lane.

    ``due`` tells whether the database has anything to send, held or not.
    """
    return await connection.fetch(_LANES, shards)


async def read(connection: Connection, wanted: list[int], limit: int, held: list[int], *, fifo: bool) -> list[Any]:
    """Return up to ``limit`` rows of each lane that are not held: the columns of `Claimed`, ``made, manual, due``.

    Of others than strict FIFO lanes those that are due, longest first. Of strict FIFO lanes the oldest, ``due`` or
    not, but nothing while the very oldest is not.
    """
    return await connection.fetch(_READ_FIFO if fifo else _READ, wanted, limit, held)


async def record_succeeded(connection: Connection, dispatcher: UUID, columns: tuple[list[Any], ...]) -> list[Any]:
    """Record successes of lanes without a streak; return the positions that were still the dispatcher's."""
    return await connection.fetch(_RECORD_SUCCEEDED, dispatcher, *columns)


async def record(connection: Connection, dispatcher: UUID, columns: tuple[list[Any], ...]) -> list[Any]:
    """Record outcomes of any kind; return ``position, automation_id, exhausted, new`` of those still ours.

    ``new`` is false for what was recorded already by a transaction whose commit was not acknowledged.
    """
    return await connection.fetch(_RECORD, dispatcher, *columns)


async def lock_streaks(connection: Connection, wanted: list[int]) -> list[Any]:
    """Lock lanes; return ``id, failures, failing_since, failing, state, disabled_reason, now``."""
    await connection.fetch(BY_INDEX_HERE)
    return await connection.fetch(_LOCK_STREAKS, wanted)


async def write_streaks(connection: Connection, rows: list[tuple[Any, ...]]) -> None:
    """Write ``id, failures, failing_since, failing, disabled`` of locked lanes."""
    await connection.executemany(_WRITE_STREAK, rows)
