"""Registries and their members: found, made, changed."""

from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg

from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.registry.registry import Registry

COLUMNS = """
       r.id, r.aggregate_id, r.organization_id, r.entity_id, e.name AS entity, r.project_id,
       p.aggregate_id AS project_aggregate_id, r.name, p.description, p.visibility, r.accepts_all, r.artifact_types,
       r.created_at, r.updated_at
"""
FROM = "registry r JOIN project p ON p.id = r.project_id JOIN entity e ON e.id = r.entity_id"
_SELECT = f"SELECT {COLUMNS} FROM {FROM} "  # noqa: S608 - constants of this package
_BY_NAME = _SELECT + "WHERE r.organization_id = $1 AND r.name = $2"
_BY_PROJECTS = _SELECT + "WHERE r.organization_id = $1 AND r.project_id = ANY($2::bigint[])"
_ADD = """
INSERT INTO registry (aggregate_id, organization_id, entity_id, project_id, name, accepts_all, artifact_types, created_at,
                      updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) RETURNING id
"""
_UPDATE = """
UPDATE registry SET name = $2, accepts_all = $3, artifact_types = $4, updated_at = $5 WHERE id = $1
"""
_MEMBERS = """
SELECT m.account_id, m.entity_id, coalesce(a.name, e.name) AS name, coalesce(a.kind, 'team') AS kind, a.email, m.role
FROM project_member m LEFT JOIN account a ON a.id = m.account_id LEFT JOIN entity e ON e.id = m.entity_id
WHERE m.project_id = $1
ORDER BY m.entity_id IS NOT NULL, coalesce(m.account_id, m.entity_id)
"""
_ROLE = """
SELECT role FROM project_member
WHERE project_id = $1 AND account_id IS NOT DISTINCT FROM $2::bigint AND entity_id IS NOT DISTINCT FROM $3::bigint
"""
_SET_MEMBER = """
INSERT INTO project_member (organization_id, project_id, account_id, entity_id, role, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (project_id, account_id, entity_id) DO UPDATE SET role = excluded.role
"""
_REMOVE_MEMBER = """
DELETE FROM project_member
WHERE project_id = $1 AND account_id IS NOT DISTINCT FROM $2::bigint AND entity_id IS NOT DISTINCT FROM $3::bigint
"""


def _registry(row: asyncpg.Record | None) -> Registry | None:
    return Registry(**row) if row is not None else None


async def by_name(transaction: Transaction, organization_id: int, name: str) -> Registry | None:
    """Return a registry of the organization."""
    return _registry(await transaction.connection.fetchrow(_BY_NAME, organization_id, name))


async def by_projects(transaction: Transaction, organization_id: int, projects: Iterable[int]) -> dict[int, Registry]:
    """Return the registries that these projects are, by the project's id."""
    rows = await transaction.connection.fetch(_BY_PROJECTS, organization_id, sorted(set(projects)))
    return {row["project_id"]: Registry(**row) for row in rows}


async def hold(transaction: Transaction, project: int) -> tuple[str, bool, list[str]] | None:
    """Return ``name, accepts_all, artifact_types`` of the registry that a project is, which stay so until the end."""
    row = await transaction.connection.fetchrow(
        "SELECT name, accepts_all, artifact_types FROM registry WHERE project_id = $1 FOR SHARE", project
    )
    return tuple(row) if row is not None else None


async def lock_rows(transaction: Transaction, registry: int) -> None:
    """Wait for those who `hold` the registry, and let nobody hold it before the end."""
    await transaction.connection.execute("SELECT FROM registry WHERE id = $1 FOR NO KEY UPDATE", registry)


async def used_types(transaction: Transaction, project: int) -> list[str]:
    """Return the types of artifacts that a project's collections hold, in their order."""
    rows = await transaction.connection.fetch(
        "SELECT DISTINCT type FROM collection WHERE project_id = $1 ORDER BY type", project
    )
    return [row["type"] for row in rows]


async def add(
    transaction: Transaction,
    made: Aggregate,
    entity: int,
    project: int,
    name: str,
    *,
    all_types: bool,
    types: list[str],
) -> int:
    """Insert a registry; return its id. Raises the driver's `UniqueViolationError` for a name that is taken."""
    number: int | None = await transaction.connection.fetchval(
        _ADD, made.id, made.organization_id, entity, project, name, all_types, types, made.now
    )
    assert number is not None  # noqa: S101 - INSERT … RETURNING of one row
    return number


async def update(transaction: Transaction, registry: Registry) -> None:
    """Write what may change of a registry's own row. Raises the driver's `UniqueViolationError` for a taken name."""
    await transaction.connection.execute(
        _UPDATE, registry.id, registry.name, registry.accepts_all, registry.artifact_types, registry.updated_at
    )


async def delete(transaction: Transaction, registry: int) -> None:
    """Delete a registry's row; its collections are gone before, its project goes after."""
    await transaction.connection.execute("DELETE FROM registry WHERE id = $1", registry)


async def collection_aggregates(transaction: Transaction, project: int) -> list[int]:
    """Return the aggregates of a project's collections."""
    rows = await transaction.connection.fetch("SELECT aggregate_id FROM collection WHERE project_id = $1", project)
    return [row["aggregate_id"] for row in rows]


async def members(transaction: Transaction, project: int) -> Sequence[asyncpg.Record]:
    """Return who has a role in a registry: ``account_id`` or ``entity_id``, ``name, kind, email, role``."""
    return await transaction.connection.fetch(_MEMBERS, project)


async def role(transaction: Transaction, project: int, account: int | None, entity: int | None) -> str | None:
    """Return the role that was given to an account or a team."""
    return await transaction.connection.fetchval(_ROLE, project, account, entity)


async def set_member(
    transaction: Transaction, registry: Registry, account: int | None, entity: int | None, role: str | None, now: Any
) -> None:
    """Give an account or a team the role, None to take it away."""
    if role is None:
        await transaction.connection.execute(_REMOVE_MEMBER, registry.project_id, account, entity)
    else:
        await transaction.connection.execute(
            _SET_MEMBER, registry.organization_id, registry.project_id, account, entity, role, now
        )
