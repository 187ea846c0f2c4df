"""SQL of dispatchers on who is alive and who owns which lane shard."""

from uuid import UUID

import asyncpg

Connection = asyncpg.Connection
Owned = tuple[int, UUID | None, int]
"""A shard, its owner, and the epoch of that."""

DEAD_AFTER = 4.0
"""Seconds of silence, by the database's clock, after which a dispatcher has lost its shards."""
GONE_AFTER = 2.25
"""The same for one whose connection has ended: longer than it may send after its last beat (`ownership.VALID`)."""

_BEAT = """
INSERT INTO dispatcher (id, beat_at, kinds, retiring, backend)
VALUES ($1, clock_timestamp(), $2, $3, pg_backend_pid())
ON CONFLICT (id)
DO UPDATE SET beat_at = excluded.beat_at, retiring = excluded.retiring, backend = excluded.backend
"""
# Recorders hold a share lock on their own row while they write: one that is writing now is left for the next round.
_BURY = """
WITH silent AS (
    SELECT id FROM dispatcher d
    WHERE beat_at < clock_timestamp() - make_interval(secs => $2)
      AND (beat_at < clock_timestamp() - make_interval(secs => $1)
           OR NOT EXISTS (SELECT FROM pg_stat_get_activity(d.backend)))
    ORDER BY id FOR UPDATE SKIP LOCKED
), dead AS (
    DELETE FROM dispatcher d USING silent s WHERE d.id = s.id RETURNING d.id
)
UPDATE lane_shard SET owner = NULL WHERE owner IN (SELECT id FROM dead)
"""
_CLAIM = """
UPDATE lane_shard SET owner = $1, epoch = epoch + 1
WHERE id IN (
    SELECT id FROM lane_shard WHERE id = ANY($2::smallint[]) AND owner IS NULL ORDER BY id LIMIT $3
    FOR UPDATE SKIP LOCKED
)
"""


async def beat(connection: Connection, dispatcher: UUID, kinds: list[str], *, retiring: bool) -> None:
    """Say that the dispatcher is alive and serves lanes of these kinds. One that was buried is a new one, without shards."""
    await connection.execute(_BEAT, dispatcher, kinds, retiring)


async def bury(connection: Connection) -> None:
    """Free the shards of those who have fallen silent."""
    await connection.execute(_BURY, DEAD_AFTER, GONE_AFTER)


async def claim(connection: Connection, dispatcher: UUID, shards: list[int], number: int) -> None:
    """Take up to ``number`` of those of the shards that are free."""
    await connection.execute(_CLAIM, dispatcher, shards, number)


async def release(connection: Connection, dispatcher: UUID, shards: list[int]) -> None:
    """Free shards of one's own."""
    await connection.execute(
        "UPDATE lane_shard SET owner = NULL WHERE owner = $1 AND id = ANY($2::smallint[])", dispatcher, shards
    )


async def leave(connection: Connection, dispatcher: UUID) -> None:
    """Free all shards and be forgotten."""
    await connection.execute(
        """
        WITH gone AS (DELETE FROM dispatcher WHERE id = $1)
        UPDATE lane_shard SET owner = NULL WHERE owner = $1
        """,
        dispatcher,
    )


async def living(connection: Connection) -> list[tuple[UUID, list[str]]]:
    """Return all dispatchers that are neither buried nor about to leave, with the kinds that they serve."""
    return [(row[0], row[1]) for row in await connection.fetch("SELECT id, kinds FROM dispatcher WHERE NOT retiring")]


async def shards(connection: Connection, wanted: list[int]) -> list[Owned]:
    """Return these shards."""
    rows = await connection.fetch("SELECT id, owner, epoch FROM lane_shard WHERE id = ANY($1::smallint[])", wanted)
    return [(row[0], row[1], row[2]) for row in rows]
