"""The SQL that reads executions: the view of that name, cut into windows."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from regista.access.verdict import Sight
from regista.automations.listing_repository import PROJECT, SEEN, VISIBILITY
from regista.kit.db import Transaction

WINDOW = 5_000
"""Decisions that one page looks at, most. A rare condition gives short pages with a cursor, never a slow answer."""
LAST = 2**63 - 1

# Every automation that the reader may see, deleted ones too, with what access control asks about it.
_MINE = f"""
SELECT a.id, a.entity_id, {VISIBILITY} AS visibility, {PROJECT} AS project_id
FROM automation a WHERE a.organization_id = $1 AND {SEEN} AND ($7::bigint IS NULL OR a.id = $7)
"""  # noqa: S608 - built of constants
# What can be told of a decision without its executions, so that these are made up for few.
_FITS = """
automation_id IN (SELECT id FROM mine)
AND ($8::text IS NULL OR CASE $8 WHEN 'skipped' THEN verdict IN ('skipped', 'fire')
                                 WHEN 'pending' THEN verdict IN ('deferred', 'fire') ELSE verdict = 'fire' END)
AND ($9::text IS NULL OR reason = $9 OR verdict = 'fire')
AND ($10::uuid IS NULL OR replay_id = $10)
AND ($11::timestamptz IS NULL OR decided_at >= $11) AND ($12::timestamptz IS NULL OR decided_at < $12)
"""
_LOOKED = f"""
SELECT position, {_FITS} AS fits FROM decision
WHERE {{source}} AND organization_id = $1 AND verdict <> 'unmet' AND position >= $14 AND position <= $15
ORDER BY position DESC LIMIT $17
"""  # noqa: S608 - built of constants
_ERROR = """
coalesce(x.error, CASE WHEN x.status = 'failed' THEN (
    SELECT t.error FROM attempt t WHERE t.delivery_id = x.delivery_id ORDER BY t.number DESC LIMIT 1
) END)
"""
_SHOWN = f"""
x.position, x.action_index, x.automation_id, x.automation, x.revision, x.event_id, x.replay_id, x.kind, x.status, x.reason,
{_ERROR} AS error, x.delivery_id, x.decided_at, e.type AS event_type, e.subject AS event_subject
"""
_LIST = f"""
WITH mine AS MATERIALIZED ({_MINE}),
     looked AS MATERIALIZED ({_LOOKED}),
     edge AS (SELECT count(*) AS examined, min(position) AS position FROM looked),
     found AS MATERIALIZED (
         SELECT x.* FROM looked CROSS JOIN LATERAL (
             SELECT * FROM execution x WHERE x.organization_id = $1 AND x.position = looked.position
         ) x
         WHERE looked.fits AND ($8::text IS NULL OR x.status = $8) AND ($9::text IS NULL OR x.reason = $9)
           AND ($13::text IS NULL OR x.kind = $13) AND (x.position < $15 OR x.action_index > $16)
         ORDER BY x.position DESC, x.action_index LIMIT $18
     )
SELECT edge.examined, edge.position AS edge, shown.*
FROM edge LEFT JOIN (
    SELECT {_SHOWN}, mine.entity_id, mine.visibility, mine.project_id
    FROM found x JOIN mine ON mine.id = x.automation_id LEFT JOIN event e ON e.id = x.event_id
) AS shown ON true
ORDER BY shown.position DESC, shown.action_index
"""  # noqa: S608 - built of constants
_SOURCES = {
    "all": _LIST.replace("{source}", "true"),
    "automation": _LIST.replace("{source}", "automation_id = $7"),
    "event": _LIST.replace("{source}", "event_id = $19"),
}
_ONE = f"""
SELECT {_SHOWN}, a.entity_id, {VISIBILITY} AS visibility, {PROJECT} AS project_id, e.body, d.payload, d.holes
FROM execution x JOIN automation a ON a.id = x.automation_id LEFT JOIN event e ON e.id = x.event_id
LEFT JOIN delivery d ON d.id = x.delivery_id
WHERE x.organization_id = $1 AND x.position = $2 AND x.action_index = $3
"""  # noqa: S608 - built of constants
# The first position decided at a time or later, by halving: positions rise with time, but for transactions side by side.
_POSITION = """
WITH RECURSIVE search (low, high) AS (
    SELECT 0::bigint, coalesce(max(position), 0) + 1 FROM decision WHERE organization_id = $1 AND verdict <> 'unmet'
    UNION ALL
    SELECT CASE WHEN found.decided_at < $2 THEN found.position + 1 ELSE low END,
           CASE WHEN found.decided_at < $2 THEN high ELSE middle END
    FROM (SELECT low, high, (low + high) / 2 AS middle FROM search WHERE low < high) halved
    LEFT JOIN LATERAL (
        SELECT position, decided_at FROM decision
        WHERE organization_id = $1 AND verdict <> 'unmet' AND position >= middle ORDER BY position LIMIT 1
    ) found ON true
)
SELECT low FROM search WHERE low >= high
"""


class Filters(NamedTuple):
    """Conditions that must all hold; None is no condition. ``since`` and ``until`` are about the decision."""

    automation: int | None = None
    status: str | None = None
    reason: str | None = None
    replay: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    kind: str | None = None
    event: UUID | None = None

    @property
    def narrows(self) -> bool:
        """Whether there is a condition beyond the automation, so that decisions are read that are not shown."""
        return any(each is not None for each in self[1:])


class Place(NamedTuple):
    """Where a page begins: behind this execution, the newest first."""

    position: int = LAST
    action_index: int = -1


async def page(
    transaction: Transaction, organization: int, seen: Sight, asked: Filters, behind: Place, limit: int
) -> tuple[list[asyncpg.Record], int | None]:
    """Return up to ``limit`` executions, newest first, and the position down to which decisions were looked at.

    That is None where there are no more.
    """
    since = until = None
    if asked.since is not None:
        since = await _position(transaction, organization, asked.since, transactions_before=True)
    if asked.until is not None:
        until = await _position(transaction, organization, asked.until, transactions_before=False)
    window = WINDOW if asked.narrows or not seen.everything else limit + 1
    arguments: list[Any] = [
        organization, *seen, *asked[:-1], since or 0, min(behind.position, LAST if until is None else until),
        behind.action_index if until is None or behind.position <= until else -1, window, limit,
    ]  # fmt: skip
    source = "automation" if asked.automation is not None else "all"
    if asked.event is not None:
        source = "event"
        arguments.append(asked.event)
    rows = await transaction.connection.fetch(_SOURCES[source], *arguments)
    edge = rows[0]["edge"] if rows[0]["examined"] == window else None
    return [row for row in rows if row["position"] is not None], edge


async def one(transaction: Transaction, organization: int, place: Place) -> asyncpg.Record | None:
    """Return an execution, with the event's ``body`` and the delivery's ``payload`` and ``holes``."""
    return await transaction.connection.fetchrow(_ONE, organization, *place)


async def _position(
    transaction: Transaction, organization: int, moment: datetime, *, transactions_before: bool
) -> int | None:
    """Return a position that bounds what was decided from, or until, a moment: a minute is left on either side."""
    shift = "- interval '1 minute'" if transactions_before else "+ interval '1 minute'"
    statement = _POSITION.replace("$2", f"($2::timestamptz {shift})")
    return await transaction.connection.fetchval(statement, organization, moment)
