"""The SQL of whoever asks the audit."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from regista.audit.question import Question, Way, narrows
from regista.kit.db import Transaction

WINDOW = 3_000
"""Rows that one page looks at, most. A rare condition gives short pages with a cursor, never a slow answer."""
FEW_ROWS = 10_000
"""Rows about resources with one prefix that are read and sorted whole; more are looked for newest first."""

FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)

_FITS = """
    ($7::text IS NULL OR actor_user_id = $7) AND ($8::text[] IS NULL OR action = ANY($8))
    AND ($9::text IS NULL OR starts_with(resource, $9)) AND ($10::bigint IS NULL OR artifact_sequence_asset = $10)
    AND ($11::text IS NULL OR artifact_version = $11 OR before ->> 'version' = $11)
    AND ($12::text IS NULL OR position(lower($12) IN lower(concat_ws(' ',
        action, resource, actor_name, actor_email, user_email, before::text, after::text))) > 0)
"""
_RANGE = "organization_id = $1 AND time >= $5 AND time <= $2 AND (time, event_id) < ($2, $3)"
_NEWEST = "ORDER BY time DESC, event_id DESC LIMIT $6"
_BY = f"SELECT time, event_id, {_FITS} AS fits FROM audit WHERE {_RANGE} {{also}} {_NEWEST}"  # noqa: S608 - put together from constants
_BY_ACTIONS = f"""
SELECT found.* FROM unnest($8::text[]) AS wanted (action)
CROSS JOIN LATERAL (
    SELECT time, event_id, {_FITS} AS fits FROM audit WHERE {_RANGE} AND action = wanted.action {_NEWEST}
) AS found {_NEWEST}
"""  # noqa: S608 - put together from constants
_SEEN = {
    Way.TIME: _BY.format(also=""),
    Way.ACTOR: _BY.format(also="AND actor_user_id = $7"),
    Way.ACTIONS: _BY_ACTIONS,
    Way.COLLECTION: _BY.format(also="AND artifact_sequence_asset = $10"),
    Way.RESOURCES: _BY.format(also="AND resource >= $9 AND resource < $9 || chr(1114111)"),
}
# A row may be 2 KB and its window thousands of them: what is looked at is reduced to its key before it is kept.
_PAGE = """
WITH seen AS MATERIALIZED ({seen}),
     found AS (SELECT time, event_id FROM seen WHERE fits ORDER BY time DESC, event_id DESC LIMIT $4),
     edge AS (SELECT (SELECT count(*) FROM seen) AS examined, last.time, last.event_id
              FROM (SELECT 1) AS once LEFT JOIN (SELECT time, event_id FROM seen ORDER BY time, event_id LIMIT 1) AS last
              ON true)
SELECT edge.examined, edge.time AS edge_time, edge.event_id AS edge_id, shown.*
FROM edge LEFT JOIN (
    SELECT audit.* FROM found CROSS JOIN LATERAL (
        SELECT event_id, time, action, resource, actor_user_id, actor_type, actor_name, actor_email, actor_ip, user_agent,
               cli_version, request_id, response_code, entity_asset, entity_name, project_asset, project_name,
               artifact_asset, artifact_digest, artifact_qualified_name, artifact_sequence_asset, artifact_version,
               user_asset, user_email, report_asset, report_name, automation_id, delivery_id, causation_id,
               correlation_id, before::text, after::text, shard, position, encode(hash, 'hex') AS hash
        FROM audit WHERE event_id = found.event_id AND time = found.time
    ) AS audit
) AS shown ON true
ORDER BY shown.time DESC, shown.event_id DESC
"""
_PAGES = {each: _PAGE.replace("{seen}", seen) for each, seen in _SEEN.items()}
_FEW = """
SELECT count(*) < $3 FROM (
    SELECT 1 FROM audit WHERE organization_id = $1 AND resource >= $2 AND resource < $2 || chr(1114111) LIMIT $3
) AS found
"""
# A loose index scan: one probe an action, however many rows it has.
_ACTIONS = """
WITH RECURSIVE found (action) AS (
    (SELECT action FROM audit WHERE organization_id = $1 AND action >= $2 AND action < $2 || chr(1114111)
     ORDER BY action LIMIT 1)
    UNION ALL
    SELECT (SELECT audit.action FROM audit WHERE organization_id = $1 AND audit.action > found.action
            AND audit.action < $2 || chr(1114111) ORDER BY audit.action LIMIT 1)
    FROM found WHERE found.action IS NOT NULL
)
SELECT action FROM found WHERE action IS NOT NULL
"""


class Place(NamedTuple):
    """A row's place in the order of time: what a page's cursor says."""

    time: datetime
    event_id: UUID


async def has_few(transaction: Transaction, organization: int, prefix: str) -> bool:
    """Return whether fewer than `FEW_ROWS` rows are about resources that begin so."""
    return bool(await transaction.connection.fetchval(_FEW, organization, prefix, FEW_ROWS))


async def actions_from(transaction: Transaction, organization: int, prefix: str) -> list[str]:
    """Return the actions that begin so and that there are rows of."""
    rows = await transaction.connection.fetch(_ACTIONS, organization, prefix)
    return [row["action"] for row in rows]


async def page(
    transaction: Transaction, organization: int, question: Question, chosen: Way, before: Place | None, limit: int
) -> tuple[Sequence[asyncpg.Record], Place | None]:
    """Return up to ``limit`` rows before a place, newest first, and the place down to which rows were examined, if any more."""
    window = limit
    if narrows(question, chosen):
        window = FEW_ROWS if chosen is Way.RESOURCES else WINDOW
    if chosen is Way.ACTIONS and question.actions:
        # Each action is read separately: together they look at as many rows as one would.
        window = max(limit, window // len(question.actions))
    place = before or Place(question.until or LAST, UUID(int=0))
    rows = await transaction.connection.fetch(
        _PAGES[chosen],
        organization,
        *place,
        limit,
        question.since or FIRST,
        window,
        question.actor,
        question.actions,
        question.resource,
        question.collection,
        question.version,
        question.text,
    )
    edge = Place(rows[0]["edge_time"], rows[0]["edge_id"]) if rows[0]["examined"] == window else None
    return [row for row in rows if row["event_id"] is not None], edge
