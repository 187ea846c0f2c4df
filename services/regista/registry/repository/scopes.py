"""What scopes name."""

from collections.abc import Sequence

import asyncpg

from regista.kit.db import Transaction

_FIND = {
    "entity": "SELECT id, id AS entity_id FROM entity WHERE organization_id = $1 AND name = $2",
    "project": """
        SELECT p.id, p.entity_id FROM project p JOIN entity e ON e.id = p.entity_id
        WHERE e.organization_id = $1 AND e.name = $2 AND p.name = $3
    """,
    "registry": "SELECT id, entity_id FROM registry WHERE organization_id = $1 AND name = $2",
    "collection": """
        SELECT c.id, c.entity_id
        FROM collection c JOIN project p ON p.id = c.project_id JOIN entity e ON e.id = p.entity_id
        WHERE e.organization_id = $1 AND e.name = $2 AND p.name = $3 AND c.name = $4
    """,
}
_NAME = {
    "entity": "SELECT 'entity/' || name FROM entity WHERE organization_id = $1 AND id = $2",
    "project": """
        SELECT 'project/' || e.name || '/' || p.name FROM project p JOIN entity e ON e.id = p.entity_id
        WHERE p.organization_id = $1 AND p.id = $2
    """,
    "registry": "SELECT 'registry/' || name FROM registry WHERE organization_id = $1 AND id = $2",
    "collection": """
        SELECT 'collection/' || e.name || '/' || p.name || '/' || c.name
        FROM collection c JOIN project p ON p.id = c.project_id JOIN entity e ON e.id = p.entity_id
        WHERE c.organization_id = $1 AND c.id = $2
    """,
}


async def find(
    transaction: Transaction, organization_id: int, kind: str, names: Sequence[str]
) -> asyncpg.Record | None:
    """Return ``id, entity_id`` of what a scope of this kind names."""
    return await transaction.connection.fetchrow(_FIND[kind], organization_id, *names)


async def name(transaction: Transaction, organization_id: int, kind: str, subject: int) -> str | None:
    """Return the scope of the thing with this id, as people write it."""
    return await transaction.connection.fetchval(_NAME[kind], organization_id, subject)
