"""The SQL of lists of automations, each with its revision in force."""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from regista.access.verdict import Sight
from regista.kit.db import Transaction
from regista.kit.db.conditions import (
    EVERYTHING,
    Column,
    Condition,
    Order,
    Parameters,
    columns,
    compile_condition,
    compile_order,
)

# Who may see what an automation's scope stands for: the nearest word on it, null where only its entity's roles count.
VISIBILITY = """
CASE a.scope_kind
    WHEN 'registry' THEN (
        SELECT p.visibility FROM registry r JOIN project p ON p.id = r.project_id WHERE r.id = a.scope_id
    )
    WHEN 'project' THEN (SELECT p.visibility FROM project p WHERE p.id = a.scope_id)
    WHEN 'collection' THEN (
        SELECT coalesce(c.visibility, p.visibility) FROM collection c
        JOIN project p ON p.id = c.project_id WHERE c.id = a.scope_id
    )
END
"""
# The project that the scope is or lies in, null for wider ones.
PROJECT = """
CASE a.scope_kind
    WHEN 'project' THEN a.scope_id
    WHEN 'registry' THEN (SELECT r.project_id FROM registry r WHERE r.id = a.scope_id)
    WHEN 'collection' THEN (SELECT c.project_id FROM collection c WHERE c.id = a.scope_id)
END
"""
# The scope as people write it by today's names; as it was saved where what it stood for was deleted.
_SCOPE = """
coalesce(CASE a.scope_kind
    WHEN 'entity' THEN (SELECT 'entity/' || own.name FROM entity own WHERE own.id = a.scope_id)
    WHEN 'project' THEN (
        SELECT 'project/' || own.name || '/' || p.name FROM project p JOIN entity own ON own.id = p.entity_id
        WHERE p.id = a.scope_id
    )
    WHEN 'registry' THEN (SELECT 'registry/' || g.name FROM registry g WHERE g.id = a.scope_id)
    WHEN 'collection' THEN (
        SELECT 'collection/' || own.name || '/' || p.name || '/' || c.name
        FROM collection c JOIN project p ON p.id = c.project_id JOIN entity own ON own.id = p.entity_id
        WHERE c.id = a.scope_id
    )
END, r.scope)
"""
_COLUMNS = f"""
a.id, a.aggregate_id, a.organization_id, a.entity_id, a.revision, a.enabled, a.created_at, a.updated_at,
a.deleted_at, e.name AS entity, r.name, r.description, {_SCOPE} AS scope, r.scope_kind, r.scope_id, r.events, r.condition,
r."trigger", r.actions, r.integration_ids, r.limits, r.author
"""
_FROM = """
FROM automation a
JOIN automation_revision r ON r.automation_id = a.id AND r.revision = a.revision
LEFT JOIN entity e ON e.id = a.entity_id
"""
_IN_FORCE = "WHERE a.organization_id = $1 AND a.deleted_at IS NULL"
SHOWN = f"SELECT {_COLUMNS} {_FROM} {_IN_FORCE}"
_EVER = f"SELECT {_COLUMNS} {_FROM} WHERE a.organization_id = $1 AND a.id = $2"
# What `sight` says, as `decide` would say it of one: $2 to $6 are its fields.
SEEN = f"""
($6::bigint IS NULL OR a.entity_id = $6) AND (
    $2 OR ($3 AND (a.entity_id IS NULL OR {VISIBILITY} = 'organization'))
    OR (a.entity_id = ANY($4::bigint[]) AND {VISIBILITY} IS DISTINCT FROM 'private')
    OR {PROJECT} = ANY($5::bigint[])
)
"""
_OF_PROJECTS = f"""
SELECT * FROM (SELECT {_COLUMNS}, {PROJECT} AS project_id {_FROM} {_IN_FORCE} AND {SEEN}) shown
WHERE project_id = ANY($7::bigint[]) ORDER BY id
"""  # noqa: S608 - built of constants
_SENDS = """
EXISTS (SELECT FROM integration i JOIN entity o ON o.id = i.entity_id
        WHERE i.id = ANY(r.integration_ids) AND {test})
"""
_FIELDS = columns(
    {
        "id": Column("a.id", "integer"),
        "name": Column("r.name"),
        "description": Column("r.description"),
        "enabled": Column("a.enabled", "boolean"),
        "scope": Column(_SCOPE),
        "created_at": Column("a.created_at", "time"),
        "updated_at": Column("a.updated_at", "time"),
        "events": Column("EXISTS (SELECT FROM unnest(r.events) AS type WHERE {test})", "many", "type"),
        "integration": Column(_SENDS, "many", "i.name"),
        "integration_path": Column(_SENDS, "many", "o.name || '/' || i.name"),
    }
)


class Question(NamedTuple):
    """Which automations, in which order, and how many.

    ``cursor`` are the ``keys`` of the row that the answer begins behind. ``entity`` limits to what belongs to one
    entity; ``whole`` adds what belongs to the organization as a whole.
    """

    limit: int
    condition: Condition = EVERYTHING
    orders: Sequence[Order] = ()
    cursor: Sequence[str | None] | None = None
    entity: int | None = None
    whole: bool = False


async def search(transaction: Transaction, organization: int, seen: Sight, asked: Question) -> list[asyncpg.Record]:
    """Return automations, each with ``keys``."""
    parameters = Parameters(organization, *seen, asked.entity, asked.whole)
    where = compile_condition(asked.condition, _FIELDS, parameters)
    sorting = compile_order(asked.orders, _FIELDS, parameters, "a.id")
    behind = sorting.after(asked.cursor, parameters) if asked.cursor is not None else "true"
    statement = f"""
        SELECT {_COLUMNS}, {sorting.keys} AS keys {_FROM} {_IN_FORCE} AND {SEEN}
          AND ($7::bigint IS NULL OR a.entity_id = $7 OR ($8 AND a.entity_id IS NULL))
          AND {where} AND {behind}
        ORDER BY {sorting.by} LIMIT {parameters.add(asked.limit)}
    """
    return await transaction.connection.fetch(statement, *parameters.values)


async def ever(transaction: Transaction, organization: int, automation: int) -> asyncpg.Record | None:
    """Return an automation with its last revision, deleted or not."""
    return await transaction.connection.fetchrow(_EVER, organization, automation)


async def of_projects(
    transaction: Transaction, organization: int, seen: Sight, projects: Sequence[int]
) -> list[asyncpg.Record]:
    """Return the automations of projects, of registries that these hold and of collections in them: ``project_id``."""
    return await transaction.connection.fetch(_OF_PROJECTS, organization, *seen, list(projects))


async def projects_of_registries(
    transaction: Transaction, organization: int, registries: Sequence[int]
) -> dict[int, int]:
    """Return the projects of registries, by registry."""
    rows = await transaction.connection.fetch(
        "SELECT id, project_id FROM registry WHERE organization_id = $1 AND id = ANY($2::bigint[])",
        organization,
        list(registries),
    )
    return {row["id"]: row["project_id"] for row in rows}
