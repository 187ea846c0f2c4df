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


async def people_by_email(transaction: Transaction, organization_id: int, email: str) -> list[asyncpg.Record]:
    """Return the accounts of the organization with this e-mail address, in whatever case, the oldest first."""
    return await transaction.connection.fetch(
        _PERSON + "WHERE a.organization_id = $1 AND lower(a.email) = lower($2) ORDER BY a.id", organization_id, email
    )


async def search_people(transaction: Transaction, organization_id: int, text: str, limit: int) -> list[asyncpg.Record]:
    """Return up to ``limit`` accounts whose name or e-mail address begins or ends so; those that are just that first."""
    return await transaction.connection.fetch(
        _PERSON
        + """
        WHERE a.organization_id = $1 AND a.deactivated_at IS NULL
              AND (starts_with(lower(a.name), lower($2)) OR starts_with(lower(a.email), lower($2))
                   OR right(lower(a.name), length($2)) = lower($2) OR right(lower(a.email), length($2)) = lower($2))
        ORDER BY (a.name = $2) DESC, (lower(a.email) IS NOT DISTINCT FROM lower($2)) DESC, a.id LIMIT $3
        """,
        organization_id,
        text,
        limit,
    )


async def team_members(transaction: Transaction, organization_id: int, teams: Sequence[int]) -> list[asyncpg.Record]:
    """Return who is in these teams, ``team_id, team_role`` with each account, the oldest account first."""
    return await transaction.connection.fetch(
        f"""
        SELECT person.*, tm.entity_id AS team_id, tm.role AS team_role
        FROM team_member tm JOIN ({_PERSON}) person ON person.id = tm.account_id
        WHERE tm.organization_id = $1 AND tm.entity_id = ANY($2::bigint[]) ORDER BY tm.entity_id, person.id
        """,  # noqa: S608 - a constant of this module
        organization_id,
        teams,
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
