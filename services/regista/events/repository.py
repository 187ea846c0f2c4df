"""All SQL that reads the log."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from regista.events.filters import EventFilter, first_id, last_id
from regista.events.selection import Selection, Stretch
from regista.events.vector import Vector
from regista.kit.db import Transaction
from regista.kit.shards import SHARDS

WINDOW = 20_000
"""Rows that one page looks at, most. A rare condition gives short pages with a cursor, never a slow answer."""

_FITS = """
    ($5::text IS NULL OR starts_with(subject, $5)) AND ($6::text IS NULL OR actor = $6)
    AND ($7::text IS NULL OR subject = $7 OR starts_with(subject, $7 || '/'))
    AND ($8::timestamptz IS NULL OR time >= $8) AND ($9::timestamptz IS NULL OR time < $9)
"""
_ALL = f"""
SELECT position, {_FITS} AS fits FROM event
WHERE organization_id = $1 AND position > $2 AND position < $3 ORDER BY position DESC LIMIT $10
"""  # noqa: S608 - put together from constants
_OF_TYPES = f"""
SELECT found.position, found.fits
FROM unnest($11::text[]) AS wanted (type)
CROSS JOIN LATERAL (
    SELECT position, {_FITS} AS fits FROM event
    WHERE organization_id = $1 AND type = wanted.type AND position > $2 AND position < $3
    ORDER BY position DESC LIMIT $10
) AS found
ORDER BY found.position DESC LIMIT $10
"""  # noqa: S608 - put together from constants
_OF_CHAIN = f"""
SELECT position, {_FITS} AND ($11::text[] IS NULL OR type = ANY($11)) AS fits FROM event
WHERE (correlation_id = $12 OR id = $12) AND organization_id = $1 AND position > $2 AND position < $3
ORDER BY position DESC LIMIT $10
"""  # noqa: S608 - put together from constants
_SHOWN = """
    e.position, e.id, e.type, e.subject, e.time, e.actor, e.causation_id, e.correlation_id, a.name AS actor_name
"""
_ACTOR = "LEFT JOIN account a ON a.id = CASE WHEN e.actor ~ '^[0-9]{1,18}$' THEN e.actor::bigint END"
_LIST = f"""
WITH seen AS MATERIALIZED ({{seen}}),
     edge AS (SELECT count(*) AS examined, min(position) AS position FROM seen),
     found AS (SELECT position FROM seen WHERE fits ORDER BY position DESC LIMIT $4)
SELECT edge.examined, edge.position AS edge, shown.*
FROM edge LEFT JOIN (
    SELECT {_SHOWN}, e.body FROM found JOIN event e ON e.organization_id = $1 AND e.position = found.position {_ACTOR}
) AS shown ON true
ORDER BY shown.position DESC
"""  # noqa: S608 - put together from constants
_LIST_ALL = _LIST.replace("{seen}", _ALL)
_LIST_OF_TYPES = _LIST.replace("{seen}", _OF_TYPES)
_LIST_OF_CHAIN = _LIST.replace("{seen}", _OF_CHAIN)
# Ids begin with the time they were made at, so the primary key tells which positions a time can have.
_BOUNDS = """
SELECT (SELECT position FROM event WHERE id < $1 ORDER BY id DESC LIMIT 1) AS since,
       (SELECT position FROM event WHERE id > $2 ORDER BY id LIMIT 1) AS until
"""
_ONE = f"SELECT {_SHOWN}, e.body FROM event e {_ACTOR} WHERE e.id = $1 AND e.organization_id = $2"  # noqa: S608
_CAUSES = f"""
WITH RECURSIVE chain (id, causation_id, depth) AS (
    SELECT id, causation_id, 0 FROM event WHERE id = $1 AND organization_id = $2
    UNION ALL
    SELECT e.id, e.causation_id, chain.depth + 1 FROM chain JOIN event e ON e.id = chain.causation_id
    WHERE chain.depth < $3 AND e.organization_id = $2
)
SELECT {_SHOWN}, chain.depth FROM chain JOIN event e ON e.id = chain.id {_ACTOR} WHERE chain.depth > 0
ORDER BY chain.depth DESC
"""  # noqa: S608 - put together from constants
_EFFECTS = f"""
WITH RECURSIVE chain (id, depth) AS (
    SELECT id, 0 FROM event WHERE id = $1 AND organization_id = $2
    UNION ALL
    SELECT e.id, chain.depth + 1 FROM chain JOIN event e ON e.causation_id = chain.id
    WHERE chain.depth < $3 AND e.organization_id = $2
)
SELECT {_SHOWN}, found.depth
FROM (SELECT id, depth FROM chain WHERE depth > 0 LIMIT $4) AS found JOIN event e ON e.id = found.id {_ACTOR}
ORDER BY e.position
"""  # noqa: S608 - put together from constants
_NEXT = """
SELECT next.shard, next.position, e.id, e.organization_id, e.type, e.subject, e.time, octet_length(e.body) AS size
FROM unnest($1::smallint[], $2::bigint[]) AS seen (shard, position)
CROSS JOIN LATERAL (
    SELECT shard, position, event_id FROM published
    WHERE shard = seen.shard AND position > seen.position ORDER BY position LIMIT $3
) AS next
LEFT JOIN event e ON e.id = next.event_id
ORDER BY next.shard, next.position
"""
# $2 and $3 bound the positions, $4 what is looked at; what does not fit is counted and not fetched.
_CHOSEN = {
    "all": """
    SELECT position FROM event WHERE organization_id = $1 AND position > $2 AND position <= $3
    ORDER BY position LIMIT $4
    """,
    "types": """
    SELECT found.position FROM unnest($9::text[]) AS wanted (type) CROSS JOIN LATERAL (
        SELECT position FROM event
        WHERE organization_id = $1 AND type = wanted.type AND position > $2 AND position <= $3
        ORDER BY position LIMIT $4
    ) AS found ORDER BY found.position LIMIT $4
    """,
    "ids": """
    SELECT position FROM event
    WHERE id = ANY($9::uuid[]) AND organization_id = $1 AND position > $2 AND position <= $3
    ORDER BY position LIMIT $4
    """,
}
_FORWARDS = {
    kind: f"""
    WITH seen AS MATERIALIZED ({chosen}),
         edge AS (SELECT count(*) AS examined, max(position) AS position FROM seen)
    SELECT edge.examined, edge.position AS edge, found.*
    FROM edge LEFT JOIN (
        SELECT e.position, e.id, e.body FROM seen JOIN event e
        ON e.organization_id = $1 AND e.position = seen.position
        WHERE ($5::text IS NULL OR starts_with(e.subject, $5))
          AND ($6::timestamptz IS NULL OR e.time >= $6) AND ($7::timestamptz IS NULL OR e.time < $7)
          AND ($8::text[] IS NULL OR split_part(e.subject, '/', 1) = ANY($8))
    ) AS found ON true
    ORDER BY found.position
    """  # noqa: S608 - put together from constants
    for kind, chosen in _CHOSEN.items()
}

_LAST = 2**63 - 1


async def bounds(transaction: Transaction, asked: EventFilter) -> tuple[int, int]:
    """Return positions between which all events of the filter's time range are."""
    if asked.since is None and asked.until is None:
        return 0, _LAST
    row = await transaction.connection.fetchrow(_BOUNDS, first_id(asked.since), last_id(asked.until))
    assert row is not None  # noqa: S101 - a SELECT without FROM
    return row["since"] or 0, row["until"] or _LAST


async def list_events(
    transaction: Transaction, organization: int, asked: EventFilter, between: tuple[int, int], limit: int
) -> tuple[list[asyncpg.Record], int | None]:
    """Return up to ``limit`` events, newest first, with positions strictly between the two.

    Also returns the position down to which rows were examined, None when there are no more.
    """
    window = WINDOW if asked.narrows else limit
    arguments: list[object] = [
        organization, *between, limit, asked.subject, asked.actor, asked.entity, asked.since, asked.until, window,
    ]  # fmt: skip
    if asked.correlation is not None:
        statement = _LIST_OF_CHAIN
        arguments += [asked.types, asked.correlation]
    elif asked.types is not None:
        statement = _LIST_OF_TYPES
        # Each type is read separately: together they look at as many rows as one would.
        arguments[-1] = window = max(limit, window // len(asked.types))
        arguments.append(asked.types)
    else:
        statement = _LIST_ALL
    rows = await transaction.connection.fetch(statement, *arguments)
    edge = rows[0]["edge"] if rows[0]["examined"] == window else None
    return [row for row in rows if row["id"] is not None], edge


async def one_event(transaction: Transaction, organization: int, event: UUID) -> asyncpg.Record | None:
    """Return an event with its body."""
    return await transaction.connection.fetchrow(_ONE, event, organization)


async def causes(transaction: Transaction, organization: int, event: UUID, depth: int) -> list[asyncpg.Record]:
    """Return what led to an event, the first cause first."""
    return await transaction.connection.fetch(_CAUSES, event, organization, depth)


async def effects(
    transaction: Transaction, organization: int, event: UUID, depth: int, limit: int
) -> list[asyncpg.Record]:
    """Return what an event brought about, and what that did, in the order of the log; ``depth`` counts from 1."""
    return await transaction.connection.fetch(_EFFECTS, event, organization, depth, limit)


async def published_until(transaction: Transaction) -> Vector:
    """Return how far each shard is published."""
    rows = await transaction.connection.fetch("SELECT id, position FROM shard ORDER BY id")
    return tuple(row["position"] for row in rows)


async def published_after(transaction: Transaction, vector: Vector, limit: int) -> list[asyncpg.Record]:
    """Return what was published behind the vector, up to ``limit`` a shard, by shard and position, without bodies."""
    return await transaction.connection.fetch(_NEXT, list(range(SHARDS)), list(vector), limit)


async def bodies(transaction: Transaction, ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """Return the bodies of events."""
    rows = await transaction.connection.fetch("SELECT id, body FROM event WHERE id = ANY($1::uuid[])", list(ids))
    return {row["id"]: row["body"] for row in rows}


async def last_position(transaction: Transaction, organization: int) -> int:
    """Return the position of the newest event, 0 where there is none."""
    found: int | None = await transaction.connection.fetchval(
        "SELECT max(position) FROM event WHERE organization_id = $1", organization
    )
    return found or 0


async def extent(transaction: Transaction, organization: int, events: Sequence[UUID]) -> tuple[int, int]:
    """Return a position before the first of these events and that of the last; both are 0 where there is none."""
    row = await transaction.connection.fetchrow(
        """
        SELECT min(position) - 1 AS after, max(position) AS last FROM event
        WHERE id = ANY($1::uuid[]) AND organization_id = $2
        """,
        list(events),
        organization,
    )
    assert row is not None  # noqa: S101 - an aggregate without groups
    return row["after"] or 0, row["last"] or 0


async def forwards(
    transaction: Transaction, organization: int, selection: Selection, left: Stretch, limit: int
) -> tuple[list[asyncpg.Record], int | None]:
    """Return ``position, id, body`` of what fits among the next ``limit`` events of a stretch.

    Also returns the position up to which it was looked at, None for all of the stretch.
    """
    arguments: list[object] = [
        organization, *left, limit, selection.subject, selection.since, selection.until,
        None if selection.entities is None else list(selection.entities),
    ]  # fmt: skip
    kind = "all"
    if selection.events is not None:
        kind = "ids"
        arguments.append(list(selection.events))
    elif selection.types is not None:
        kind = "types"
        arguments.append(list(selection.types))
    rows = await transaction.connection.fetch(_FORWARDS[kind], *arguments)
    edge = rows[0]["edge"] if rows[0]["examined"] == limit else None
    return [row for row in rows if row["id"] is not None], edge


async def entity_names(transaction: Transaction, organization: int, entities: Sequence[int]) -> list[str]:
    """Return the names of these entities of the organization."""
    rows = await transaction.connection.fetch(
        "SELECT name FROM entity WHERE organization_id = $1 AND id = ANY($2::bigint[]) ORDER BY name",
        organization,
        list(entities),
    )
    return [row["name"] for row in rows]
