"""Aggregates: what an event's order is counted in.

A row of ``aggregate`` outlives its subject and numbers its events without gaps. A mutation's first statement locks its
aggregates in id order; only then is state read (a value read beside a lock in the same statement comes from the old
snapshot: a stale ``previous``, two winners). `outbox.append` writes the new sequence numbers back.

Observations (a download, a login, a denial) are each their own aggregate: they take a number, lock nothing and leave no
row here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError
from regista.kit.shards import shard_of

_LOCK = """
SELECT locked.id, locked.organization_id, locked.sequence, locked.shard, clock_timestamp() AS now
FROM (SELECT id, organization_id, sequence, shard FROM aggregate WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE) locked
"""
_CREATE = """
INSERT INTO aggregate (organization_id) VALUES ($1) RETURNING id, shard, clock_timestamp() AS now
"""
_OBSERVE = "SELECT nextval(pg_get_serial_sequence('aggregate', 'id')) AS id, clock_timestamp() AS now"


@dataclass(slots=True)
class Aggregate:
    """A locked aggregate: ``sequence`` of its last event, the ``shard`` it is published in, and the database's time.

    ``now`` was read after the lock was granted, so times within one aggregate never go backwards.
    """

    id: int
    organization_id: int
    sequence: int
    shard: int
    now: datetime


async def lock(transaction: Transaction, ids: Iterable[int]) -> dict[int, Aggregate]:
    """Lock the aggregates in id order, waiting for whoever holds them.

    Raises `NotFoundError` when one does not exist.
    """
    wanted = sorted(set(ids))
    rows = await transaction.connection.fetch(_LOCK, wanted)
    if len(rows) != len(wanted):
        missing = set(wanted) - {row["id"] for row in rows}
        raise NotFoundError(f"no such aggregate: {', '.join(map(str, sorted(missing)))}")
    return {
        row["id"]: Aggregate(row["id"], row["organization_id"], row["sequence"], row["shard"], row["now"])
        for row in rows
    }


async def lock_one(transaction: Transaction, aggregate_id: int) -> Aggregate:
    """Lock one aggregate; see `lock`."""
    return (await lock(transaction, (aggregate_id,)))[aggregate_id]


async def create(transaction: Transaction, organization_id: int) -> Aggregate:
    """Make the aggregate of something new; its first event has sequence 1."""
    row = await transaction.connection.fetchrow(_CREATE, organization_id)
    assert row is not None  # noqa: S101 - INSERT … RETURNING of one row
    return Aggregate(row["id"], organization_id, 0, row["shard"], row["now"])


async def observe(transaction: Transaction, organization_id: int) -> Aggregate:
    """Return an aggregate for one observation: never locked, never used again."""
    row = await transaction.connection.fetchrow(_OBSERVE)
    assert row is not None  # noqa: S101 - a SELECT without FROM
    return Aggregate(row["id"], organization_id, 0, shard_of(row["id"]), row["now"])
