"""All SQL of secrets."""

from collections.abc import Iterable, Sequence

import asyncpg

from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction

CHANNEL = "regista_secrets"
"""Wakes whoever holds values: a secret was rotated."""

_SHOWN = """
SELECT s.id, s.aggregate_id, s.organization_id, s.entity_id, e.name AS entity, e.kind AS entity_kind, s.name,
       s.created_at, s.updated_at
FROM secret s JOIN entity e ON e.id = s.entity_id
WHERE s.organization_id = $1
"""


async def insert(transaction: Transaction, aggregate: Aggregate, entity: int, name: str, sealed: bytes) -> int | None:
    """Insert a secret; return its id, None where the entity has one of that name."""
    made: int | None = await transaction.connection.fetchval(
        """
        INSERT INTO secret (aggregate_id, organization_id, entity_id, name, sealed, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (entity_id, name) DO NOTHING RETURNING id
        """,
        aggregate.id,
        aggregate.organization_id,
        entity,
        name,
        sealed,
        aggregate.now,
    )
    return made


async def one(transaction: Transaction, organization: int, secret: int) -> asyncpg.Record | None:
    """Return a secret without its value."""
    return await transaction.connection.fetchrow(_SHOWN + " AND s.id = $2", organization, secret)


async def page_of(
    transaction: Transaction, organization: int, entities: Sequence[int] | None, after: int, limit: int
) -> list[asyncpg.Record]:
    """Return up to ``limit`` secrets behind id ``after``, of these entities (None: of all), without their values."""
    return await transaction.connection.fetch(
        _SHOWN + " AND s.id > $2 AND ($3::bigint[] IS NULL OR s.entity_id = ANY($3)) ORDER BY s.id LIMIT $4",
        organization,
        after,
        None if entities is None else list(entities),
        limit,
    )


async def rotate(transaction: Transaction, aggregate: Aggregate, secret: int, sealed: bytes) -> None:
    """Overwrite the value."""
    await transaction.connection.execute(
        "UPDATE secret SET sealed = $2, updated_at = $3 WHERE id = $1", secret, sealed, aggregate.now
    )


async def lock_alone(transaction: Transaction, secret: int) -> None:
    """Wait for the saves that refer to the secret, and let no other begin."""
    await transaction.connection.execute("SELECT FROM secret WHERE id = $1 FOR UPDATE", secret)


async def users(transaction: Transaction, secret: int) -> tuple[list[str], list[str]]:
    """Return the names of the integrations, and those of the automations, that refer to the secret."""
    integrations = await transaction.connection.fetch(
        """
        SELECT i.name FROM secret_use u JOIN integration i ON i.id = u.integration_id
        WHERE u.secret_id = $1 AND i.deleted_at IS NULL ORDER BY i.name
        """,
        secret,
    )
    automations = await transaction.connection.fetch(
        """
        SELECT a.name FROM automation_secret u JOIN automation a ON a.id = u.automation_id
        WHERE u.secret_id = $1 AND a.deleted_at IS NULL ORDER BY a.name
        """,
        secret,
    )
    return [row["name"] for row in integrations], [row["name"] for row in automations]


async def delete(transaction: Transaction, secret: int) -> None:
    """Delete a secret and the traces of its uses."""
    await transaction.connection.execute("DELETE FROM secret_use WHERE secret_id = $1", secret)
    await transaction.connection.execute("DELETE FROM automation_secret WHERE secret_id = $1", secret)
    await transaction.connection.execute("DELETE FROM secret WHERE id = $1", secret)


async def named(transaction: Transaction, entity: int, names: Iterable[str]) -> dict[str, int]:
    """Return the ids of an entity's secrets by name, and keep them from being deleted."""
    rows = await transaction.connection.fetch(
        "SELECT id, name FROM secret WHERE entity_id = $1 AND name = ANY($2::text[]) ORDER BY id FOR SHARE",
        entity,
        sorted(names),
    )
    return {row["name"]: row["id"] for row in rows}


async def use(transaction: Transaction, organization: int, integration: int, secrets: Iterable[int]) -> None:
    """Record what an integration refers to, instead of what it did."""
    await _refer(transaction, "secret_use", "integration_id", (organization, integration), secrets)


async def used(transaction: Transaction, integration: int) -> list[asyncpg.Record]:
    """Return ``organization_id, name, sealed`` of the secrets that an integration refers to."""
    return await transaction.connection.fetch(
        """
        SELECT s.organization_id, s.name, s.sealed FROM secret_use u JOIN secret s ON s.id = u.secret_id
        WHERE u.integration_id = $1
        """,
        integration,
    )


async def use_in_payloads(transaction: Transaction, organization: int, automation: int, secrets: Iterable[int]) -> None:
    """Record what the payloads of an automation's revision refer to, instead of what those before did."""
    await _refer(transaction, "automation_secret", "automation_id", (organization, automation), secrets)


async def of_entity(transaction: Transaction, entity: int, names: Iterable[str]) -> list[asyncpg.Record]:
    """Return ``organization_id, name, sealed`` of those of an entity's secrets that have one of these names."""
    return await transaction.connection.fetch(
        "SELECT organization_id, name, sealed FROM secret WHERE entity_id = $1 AND name = ANY($2::text[])",
        entity,
        sorted(names),
    )


async def _refer(
    transaction: Transaction, table: str, column: str, user: tuple[int, int], secrets: Iterable[int]
) -> None:
    """Record in a table of uses what ``user``, an id of an organization, refers to from now on."""
    organization, number = user
    await transaction.connection.execute(f"DELETE FROM {table} WHERE {column} = $1", number)  # noqa: S608 - constants
    await transaction.connection.execute(
        f"INSERT INTO {table} (secret_id, {column}, organization_id) SELECT unnest($1::bigint[]), $2, $3",
        sorted(secrets),
        number,
        organization,
    )
