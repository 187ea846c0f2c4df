"""All SQL of access control."""

from collections.abc import Iterable
from typing import Any

import asyncpg

from regista.access.actions import Role, Scope
from regista.access.models import Account, Entity, Organization, TeamMember
from regista.access.verdict import Actor
from regista.kit.db import Transaction

KEYS_CHANNEL = "regista_keys"
"""Notified inside the transaction of whatever changes what a key may do; caches forget everything."""

_ACCOUNT_FIELDS = """
a.id, a.name, a.kind, a.email, a.organization_role, a.default_entity_id,
o.id AS organization_id, o.name AS organization,
ARRAY(SELECT m.entity_id FROM team_member m WHERE m.account_id = a.id ORDER BY m.entity_id) AS entities,
ARRAY(SELECT m.role FROM team_member m WHERE m.account_id = a.id ORDER BY m.entity_id) AS roles,
(SELECT json_agg(json_build_array(g.project_id, g.role)) FROM project_member g
 WHERE g.account_id = a.id
       OR g.entity_id IN (SELECT m.entity_id FROM team_member m WHERE m.account_id = a.id)) AS grants
"""
_ACTOR = f"""
SELECT k.id AS key_id, k.scope, k.entity_id AS only_entity_id, k.revoked_at, k.expires_at,
       k.expires_at IS NOT NULL AND k.expires_at <= now() AS expired, a.deactivated_at, {_ACCOUNT_FIELDS}
FROM api_key k JOIN account a ON a.id = k.account_id JOIN organization o ON o.id = a.organization_id
WHERE k.digest = $1
"""  # noqa: S608 - built of constants
ACTOR_FIELDS = f"NULL::bigint AS key_id, 'admin' AS scope, NULL::bigint AS only_entity_id, {_ACCOUNT_FIELDS}"
"""What `actor_of` takes of account ``a`` in organization ``o``, as it would be with an unlimited key."""
_ACCOUNT_ACTOR = f"""
SELECT {ACTOR_FIELDS} FROM account a JOIN organization o ON o.id = a.organization_id
WHERE a.organization_id = $1 AND a.name = $2
"""  # noqa: S608 - built of constants


async def key_row(transaction: Transaction, digest: bytes) -> asyncpg.Record | None:
    """Return the key with this digest, its account and teams, live or not."""
    return await transaction.connection.fetchrow(_ACTOR, digest)


async def actor_by_name(transaction: Transaction, organization: int, name: str) -> asyncpg.Record | None:
    """Return an account and its teams, as `actor_of` takes it."""
    return await transaction.connection.fetchrow(_ACCOUNT_ACTOR, organization, name)


def actor_of(row: asyncpg.Record) -> Actor:
    """Return the actor behind a live key's row."""
    grants: dict[int, Role] = {}
    for project, role in row["grants"] or ():
        grants[project] = max(grants.get(project, Role.NONE), Role.of(role))
    return Actor(
        id=row["id"],
        name=row["name"],
        kind=row["kind"],
        organization_id=row["organization_id"],
        organization=row["organization"],
        organization_admin=row["organization_role"] == "admin",
        default_entity_id=row["default_entity_id"],
        roles={entity: Role[role.upper()] for entity, role in zip(row["entities"], row["roles"], strict=True)},
        grants=grants,
        scope=Scope[row["scope"].upper()],
        only_entity_id=row["only_entity_id"],
        key_id=row["key_id"],
        email=row["email"],
    )


async def forget_keys(transaction: Transaction) -> None:
    """Make every process forget what it knows about keys, at the moment of the commit."""
    await transaction.connection.execute("SELECT pg_notify($1, 'forget')", KEYS_CHANNEL)


async def lock_bootstrap(transaction: Transaction) -> None:
    """Let one process at a time make the first organization."""
    await transaction.connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('regista.bootstrap', 0))")


async def organization_id(transaction: Transaction, name: str) -> int | None:
    """Return the organization's id by name."""
    return await transaction.connection.fetchval("SELECT id FROM organization WHERE name = $1", name)


async def organization(transaction: Transaction, number: int) -> asyncpg.Record:
    """Return an organization with its settings: ``id, aggregate_id, name, retention_days``."""
    row = await transaction.connection.fetchrow(
        "SELECT id, aggregate_id, name, retention_days FROM organization WHERE id = $1", number
    )
    assert row is not None  # noqa: S101 - organizations are never deleted
    return row


async def set_retention(transaction: Transaction, number: int, days: int) -> None:
    """Keep what was decided and sent for so many days."""
    await transaction.connection.execute("UPDATE organization SET retention_days = $2 WHERE id = $1", number, days)


async def any_organization(transaction: Transaction) -> bool:
    """Return whether the installation has been bootstrapped."""
    return bool(await transaction.connection.fetchval("SELECT EXISTS (SELECT FROM organization)"))


async def entity_by_name(transaction: Transaction, organization: int, name: str) -> asyncpg.Record | None:
    """Return ``id, name, kind`` of an entity of the organization."""
    return await transaction.connection.fetchrow(
        "SELECT id, name, kind FROM entity WHERE organization_id = $1 AND name = $2", organization, name
    )


async def entity_by_id(transaction: Transaction, organization: int, entity: int) -> asyncpg.Record | None:
    """Return ``id, name, kind`` of an entity of the organization."""
    return await transaction.connection.fetchrow(
        "SELECT id, name, kind FROM entity WHERE organization_id = $1 AND id = $2", organization, entity
    )


async def lock_name(transaction: Transaction, name: str) -> None:
    """Let one transaction at a time take the name: it is unique over two tables, which no index can hold."""
    await transaction.connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", name)


async def name_taken(transaction: Transaction, name: str) -> bool:
    """Return whether an entity or account anywhere has the name."""
    return bool(
        await transaction.connection.fetchval(
            "SELECT EXISTS (SELECT FROM entity WHERE name = $1) OR EXISTS (SELECT FROM account WHERE name = $1)", name
        )
    )


async def add(transaction: Transaction, *rows: Organization | Entity | Account | TeamMember | Any) -> None:
    """Insert rows and read back the numbers they were given."""
    transaction.session.add_all(rows)
    await transaction.flush()


async def list_accounts(
    transaction: Transaction, organization: int, kind: str, after: int, limit: int
) -> list[asyncpg.Record]:
    """Return up to ``limit`` accounts behind id ``after``, in id order, with the names of their teams."""
    return await transaction.connection.fetch(
        """
        SELECT a.id, a.name, a.email, a.organization_role, a.created_at, a.deactivated_at,
               ARRAY(SELECT e.name FROM team_member m JOIN entity e ON e.id = m.entity_id
                     WHERE m.account_id = a.id AND e.kind = 'team' ORDER BY e.name) AS teams
        FROM account a WHERE a.organization_id = $1 AND a.kind = $2 AND a.id > $3 ORDER BY a.id LIMIT $4
        """,
        organization,
        kind,
        after,
        limit,
    )


async def account_by_name(transaction: Transaction, organization: int, name: str) -> asyncpg.Record | None:
    """Return an account of the organization."""
    return await transaction.connection.fetchrow(
        "SELECT id, aggregate_id, name, kind, email, organization_role FROM account WHERE organization_id = $1 AND name = $2",
        organization,
        name,
    )


async def account_names(transaction: Transaction, accounts: Iterable[int]) -> dict[int, str]:
    """Return the names of these accounts, by id."""
    rows = await transaction.connection.fetch(
        "SELECT id, name FROM account WHERE id = ANY($1::bigint[])", list(accounts)
    )
    return {row["id"]: row["name"] for row in rows}


async def actor_id(transaction: Transaction, organization: int, given: str) -> str:
    """Return the actor as events have it, of an account's name or id; what is no account's name stays as it is."""
    account = None if given.isdecimal() else await account_by_name(transaction, organization, given)
    return given if account is None else str(account["id"])


async def list_teams(transaction: Transaction, organization: int, after: int, limit: int) -> list[asyncpg.Record]:
    """Return up to ``limit`` teams behind id ``after``, each with its members and their roles."""
    return await transaction.connection.fetch(
        """
        SELECT e.id, e.name, e.created_at,
               ARRAY(SELECT a.name FROM team_member m JOIN account a ON a.id = m.account_id
                     WHERE m.entity_id = e.id ORDER BY a.name) AS members,
               ARRAY(SELECT m.role FROM team_member m JOIN account a ON a.id = m.account_id
                     WHERE m.entity_id = e.id ORDER BY a.name) AS roles
        FROM entity e WHERE e.organization_id = $1 AND e.kind = 'team' AND e.id > $2 ORDER BY e.id LIMIT $3
        """,
        organization,
        after,
        limit,
    )


async def set_member(
    transaction: Transaction, organization: int, entity: int, account: int, role: str | None
) -> str | None:
    """Give the account the role in the team (None: take it away); return the role it had. Call under the account's lock."""
    before = await transaction.connection.fetchval(
        "SELECT role FROM team_member WHERE entity_id = $1 AND account_id = $2", entity, account
    )
    if role is None:
        await transaction.connection.execute(
            "DELETE FROM team_member WHERE entity_id = $1 AND account_id = $2", entity, account
        )
    else:
        await transaction.connection.execute(
            """
            INSERT INTO team_member (organization_id, entity_id, account_id, role) VALUES ($1, $2, $3, $4)
            ON CONFLICT (entity_id, account_id) DO UPDATE SET role = excluded.role
            """,
            organization,
            entity,
            account,
            role,
        )
    return before


async def list_keys(
    transaction: Transaction, organization: int, account: int | None, after: int, limit: int
) -> list[asyncpg.Record]:
    """Return up to ``limit`` keys behind id ``after``, of one account or of all."""
    return await transaction.connection.fetch(
        """
        SELECT k.id, k.prefix, k.name, k.scope, k.created_at, k.expires_at, k.revoked_at, a.name AS owner
        FROM api_key k JOIN account a ON a.id = k.account_id
        WHERE k.organization_id = $1 AND ($2::bigint IS NULL OR k.account_id = $2) AND k.id > $3 ORDER BY k.id LIMIT $4
        """,
        organization,
        account,
        after,
        limit,
    )


async def live_keys(transaction: Transaction, organization: int, account: int, limit: int) -> list[asyncpg.Record]:
    """Return up to ``limit`` keys of an account that are neither revoked nor expired, the oldest first."""
    return await transaction.connection.fetch(
        """
        SELECT k.id, k.prefix, k.name FROM api_key k
        WHERE k.organization_id = $1 AND k.account_id = $2 AND k.revoked_at IS NULL
              AND (k.expires_at IS NULL OR k.expires_at > now())
        ORDER BY k.id LIMIT $3
        """,
        organization,
        account,
        limit,
    )


async def key_by_id(transaction: Transaction, organization: int, key: int) -> asyncpg.Record | None:
    """Return a key and its owner."""
    return await transaction.connection.fetchrow(
        """
        SELECT k.id, k.aggregate_id, k.account_id, k.prefix, k.name, k.scope, k.expires_at, k.revoked_at, a.name AS owner
        FROM api_key k JOIN account a ON a.id = k.account_id WHERE k.organization_id = $1 AND k.id = $2
        """,
        organization,
        key,
    )


async def revoke_key(transaction: Transaction, key: int) -> bool:
    """Revoke the key; return False if it was revoked before."""
    done = await transaction.connection.execute(
        "UPDATE api_key SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL", key
    )
    return done == "UPDATE 1"


async def digest_exists(transaction: Transaction, digest: bytes) -> bool:
    """Return whether a key with the digest is known."""
    return bool(await transaction.connection.fetchval("SELECT EXISTS (SELECT FROM api_key WHERE digest = $1)", digest))


async def adopt_aggregate(transaction: Transaction, aggregate: int, organization: int) -> None:
    """Give the organization's own aggregate its number."""
    await transaction.connection.execute(
        "UPDATE aggregate SET organization_id = $2 WHERE id = $1", aggregate, organization
    )
