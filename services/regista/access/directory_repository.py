"""The SQL of the directory: accounts and entities as others show them."""

from collections.abc import Sequence

import asyncpg

from regista.kit.db import Transaction

# Teams in the order in which they were made; a person's own space is none.
_PERSON = """
SELECT a.id, a.organization_id, a.name, a.email, a.kind, a.organization_role = 'admin' AS admin, a.default_entity_id,
       d.name AS default_entity, a.created_at, a.deactivated_at,
       ARRAY(SELECT t.id FROM team_member m JOIN entity t ON t.id = m.entity_id
             WHERE m.account_id = a.id AND t.kind = 'team' ORDER BY t.id) AS team_ids,
       ARRAY(SELECT t.name FROM team_member m JOIN entity t ON t.id = m.entity_id
             WHERE m.account_id = a.id AND t.kind = 'team' ORDER BY t.id) AS team_names
FROM account a LEFT JOIN entity d ON d.id = a.default_entity_id
"""
_PLACE = "SELECT e.id, e.name, e.kind, e.organization_id FROM entity e "


async def people_by_ids(transaction: Transaction, organization_id: int, ids: Sequence[int]) -> list[asyncpg.Record]:
    """Return accounts of the organization."""
    return await transaction.connection.fetch(
        _PERSON + "WHERE a.organization_id = $1 AND a.id = ANY($2::bigint[])", organization_id, ids
    )


async def people_by_names(transaction: Transaction, organization_id: int, names: Sequence[str]) -> list[asyncpg.Record]:
    """Return accounts of the organization."""
    return await transaction.connection.fetch(
        _PERSON + "WHERE a.organization_id = $1 AND a.name = ANY($2::text[])", organization_id, names
    )


async def places_by_ids(transaction: Transaction, organization_id: int, ids: Sequence[int]) -> list[asyncpg.Record]:
    """Return entities of the organization."""
    return await transaction.connection.fetch(
        _PLACE + "WHERE e.organization_id = $1 AND e.id = ANY($2::bigint[])", organization_id, ids
    )


async def place_by_name(transaction: Transaction, organization_id: int, name: str) -> asyncpg.Record | None:
    """Return an entity of the organization."""
    return await transaction.connection.fetchrow(
        _PLACE + "WHERE e.organization_id = $1 AND e.name = $2", organization_id, name
    )


async def organization_place(transaction: Transaction, organization_id: int) -> asyncpg.Record | None:
    """Return the organization's own entity."""
    return await transaction.connection.fetchrow(
        _PLACE + "WHERE e.organization_id = $1 AND e.kind = 'organization'", organization_id
    )
