"""The SQL of the projection, its chains and its checkpoints."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from regista.audit.entry import Entry
from regista.kit.db import Transaction

_LOCK = "SELECT shard, position, hash FROM audit_chain WHERE shard = ANY($1::smallint[]) ORDER BY shard FOR UPDATE"
# By time as well, so that each id is looked up in the one partition that can hold it.
_PRESENT = """
SELECT present.event_id
FROM unnest($1::uuid[], $2::timestamptz[]) AS given (event_id, time)
CROSS JOIN LATERAL (SELECT event_id FROM audit WHERE event_id = given.event_id AND time = given.time) AS present
"""
_PRESENT_ANYWHERE = "SELECT event_id FROM audit WHERE event_id = ANY($1::uuid[])"

_PLACE = (
    ("organization_id", "bigint"),
    ("shard", "smallint"),
    ("position", "bigint"),
    ("format", "smallint"),
    ("actor_name", "text"),
    ("actor_email", "text"),
    ("hash", "bytea"),
    ("body", "bytea"),
    ("context", "bytea"),
)
_KINDS = {
    "event_id": "uuid", "time": "timestamptz", "response_code": "integer", "causation_id": "uuid", "delivery_id": "uuid",
    "correlation_id": "uuid", "entity_asset": "bigint", "project_asset": "bigint", "artifact_asset": "bigint",
    "artifact_sequence_asset": "bigint", "user_asset": "bigint", "automation_id": "bigint", "before": "json",
    "after": "json",
}  # fmt: skip
_COLUMNS = (*((name, _KINDS.get(name, "text")) for name in Entry._fields), *_PLACE)
_NAMES = ", ".join(name for name, _ in _COLUMNS)
# json travels as text: the driver encodes an array of it more slowly, and the server checks it either way.
_SENT = ", ".join(f"${number}::{'text' if kind == 'json' else kind}[]" for number, (_, kind) in enumerate(_COLUMNS, 1))
_SELECTED = ", ".join(f"{name}::json" if kind == "json" else name for name, kind in _COLUMNS)
_HEADS = len(_COLUMNS) + 1
_RECORD = f"""
WITH moved AS (
    UPDATE audit_chain SET position = head.position, hash = head.hash
    FROM unnest(${_HEADS}::smallint[], ${_HEADS + 1}::bigint[], ${_HEADS + 2}::bytea[]) AS head (shard, position, hash)
    WHERE audit_chain.shard = head.shard
)
INSERT INTO audit ({_NAMES})
SELECT {_SELECTED} FROM unnest({_SENT}) AS given ({_NAMES})
"""  # noqa: S608 - names of columns, no input
_CHECKPOINT = """
INSERT INTO audit_checkpoint (shard, position, hash, signed_at, public_key, signature) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
"""
_READ = ", ".join(f"{name}::text AS {name}" if _KINDS.get(name) == "json" else name for name in Entry._fields)
_CHAINED = f"""
SELECT {_READ}, organization_id, position, format, hash, body, context
FROM audit
WHERE shard = $1 AND position <= $4 AND (position, event_id) > ($2, $3)
ORDER BY position, event_id LIMIT $5
"""  # noqa: S608 - names of columns, no input


class Month(NamedTuple):
    """A month in UTC."""

    year: int
    month: int


class Head(NamedTuple):
    """The end of a chain: the last position, 0 for none, and the hash of its row."""

    position: int
    hash: bytes


class Actor(NamedTuple):
    """Who an actor's id stood for when the row was made."""

    name: str
    email: str | None


class Checkpoint(NamedTuple):
    """A chain's head at some moment, signed; see `regista.audit.checkpoint`."""

    shard: int
    position: int
    hash: bytes
    signed_at: datetime
    public_key: bytes
    signature: bytes


async def make_partition(transaction: Transaction, month: Month, end: Month) -> None:
    """Make the partition of ``month``, up to the first of ``end``, if there is none."""
    name = f"audit_{month.year:04d}_{month.month:02d}"
    connection = transaction.connection
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('regista.audit.partitions', 0))")
    if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", name):
        return
    # Attached, not created in place: that takes a lock which readers and writers of the table do not wait for.
    await connection.execute(f"CREATE TABLE {name} (LIKE audit INCLUDING DEFAULTS INCLUDING STORAGE)")
    since, until = (f"{each.year:04d}-{each.month:02d}-01 00:00:00+00" for each in (month, end))
    await connection.execute(f"ALTER TABLE audit ATTACH PARTITION {name} FOR VALUES FROM ('{since}') TO ('{until}')")


async def lock_chains(transaction: Transaction, shards: Iterable[int]) -> dict[int, Head]:
    """Lock the chains in the order of their shards and return their heads."""
    rows = await transaction.connection.fetch(_LOCK, sorted(set(shards)))
    return {row["shard"]: Head(row["position"], row["hash"]) for row in rows}


async def heads(transaction: Transaction) -> dict[int, Head]:
    """Return the heads of all chains."""
    rows = await transaction.connection.fetch("SELECT shard, position, hash FROM audit_chain ORDER BY shard")
    return {row["shard"]: Head(row["position"], row["hash"]) for row in rows}


async def present(
    transaction: Transaction, timed: Sequence[tuple[UUID, datetime]], untimed: Sequence[UUID]
) -> set[UUID]:
    """Return those of the ids that have a row already. Call under the locks of their chains."""
    found: set[UUID] = set()
    if timed:
        ids, times = zip(*timed, strict=True)
        found |= {row["event_id"] for row in await transaction.connection.fetch(_PRESENT, ids, times)}
    if untimed:
        found |= {row["event_id"] for row in await transaction.connection.fetch(_PRESENT_ANYWHERE, untimed)}
    return found


async def record(transaction: Transaction, rows: Sequence[tuple[Any, ...]], heads: dict[int, Head]) -> None:
    """Insert the rows, each an `Entry` followed by the columns of its place, and move the heads of the chains."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    moved = sorted(heads.items())
    await transaction.connection.execute(
        _RECORD,
        *columns,
        [shard for shard, _ in moved],
        [head.position for _, head in moved],
        [head.hash for _, head in moved],
    )


async def add_checkpoint(transaction: Transaction, checkpoint: Checkpoint) -> None:
    """Store a signed checkpoint."""
    await transaction.connection.execute(_CHECKPOINT, *checkpoint)


async def checkpoints(transaction: Transaction, shard: int) -> list[Checkpoint]:
    """Return the checkpoints of a chain, oldest first."""
    rows = await transaction.connection.fetch(
        "SELECT shard, position, hash, signed_at, public_key, signature FROM audit_checkpoint WHERE shard = $1 ORDER BY position",
        shard,
    )
    return [Checkpoint(*row) for row in rows]


async def chained(
    transaction: Transaction, shard: int, after: tuple[int, UUID], end: int, limit: int
) -> list[asyncpg.Record]:
    """Return up to ``limit`` rows of a chain behind ``after``, up to position ``end``, in its order."""
    return await transaction.connection.fetch(_CHAINED, shard, *after, end, limit)


async def organizations(transaction: Transaction, names: Sequence[str]) -> dict[str, int]:
    """Return the ids of the organizations with these names."""
    rows = await transaction.connection.fetch("SELECT id, name FROM organization WHERE name = ANY($1::text[])", names)
    return {row["name"]: row["id"] for row in rows}


async def lone_organization(transaction: Transaction) -> int | None:
    """Return the organization of an installation that has just one."""
    rows = await transaction.connection.fetch("SELECT id FROM organization LIMIT 2")
    return rows[0]["id"] if len(rows) == 1 else None


async def actors(transaction: Transaction, ids: Sequence[int]) -> dict[int, Actor]:
    """Return who these accounts are."""
    rows = await transaction.connection.fetch("SELECT id, name, email FROM account WHERE id = ANY($1::bigint[])", ids)
    return {row["id"]: Actor(row["name"], row["email"]) for row in rows}
