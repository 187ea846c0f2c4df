"""Commands on secrets. None commits: the boundary does. None returns a value."""

from collections.abc import Collection, Iterable

import asyncpg

from regista.access.actions import Action
from regista.access.service import owner_of
from regista.access.verdict import Actor, authorize, reach, shared
from regista.automations.errors import SecretExistsError, SecretInUseError, UnknownSecretError
from regista.automations.secrets import repository
from regista.kit import aggregate
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError
from regista.kit.outbox import Draft, append
from regista.kit.vault import Vault
from regista_events import (
    SecretCreated,
    SecretCreatedData,
    SecretDeleted,
    SecretDeletedData,
    SecretRotated,
    SecretRotatedData,
    SecretSnapshot,
)

_PURPOSE = "named secret"


async def create(
    transaction: Transaction, actor: Actor, vault: Vault, entity: str | None, name: str, value: str
) -> asyncpg.Record:
    """Store a secret of ``entity`` (None: the caller's own team) and return it without its value.

    Raises SecretExistsError, and `NotFoundError` for an entity that is not there.
    """
    owner = await owner_of(transaction, actor, entity)
    authorize(actor, Action.INTEGRATION_WRITE, shared(f"team {owner['name']}", actor.organization_id, owner))
    made = await aggregate.create(transaction, actor.organization_id)
    secret = await repository.insert(transaction, made, owner["id"], name, _seal(vault, actor.organization_id, value))
    if secret is None:
        raise SecretExistsError(f"{owner['name']} has a secret {name!r} already; rotate that one", field="name")
    row = await _read(transaction, actor, secret)
    await append(transaction, [Draft(SecretCreated, made, _subject(row), SecretCreatedData(secret=_snapshot(row)))])
    transaction.wake(repository.CHANNEL)
    return row


async def rotate(transaction: Transaction, actor: Actor, vault: Vault, secret: int, value: str) -> asyncpg.Record:
    """Give the secret another value, for whatever is sent from now on."""
    locked = await _lock(transaction, actor, secret)
    await repository.rotate(transaction, locked, secret, _seal(vault, actor.organization_id, value))
    row = await _read(transaction, actor, secret)
    await append(transaction, [Draft(SecretRotated, locked, _subject(row), SecretRotatedData(secret=_snapshot(row)))])
    transaction.wake(repository.CHANNEL)
    return row


async def delete(transaction: Transaction, actor: Actor, secret: int) -> None:
    """Delete a secret. Raises SecretInUseError while an integration or an automation's payload refers to it.

    What was rendered by an earlier revision and is still to be sent fails until there is a secret of the name again.
    """
    locked = await _lock(transaction, actor, secret)
    await repository.lock_alone(transaction, secret)
    row = await _read(transaction, actor, secret)
    integrations, automations = await repository.users(transaction, secret)
    if integrations or automations:
        raise SecretInUseError(
            f"secret {row['name']!r} is used by {', '.join([*integrations, *automations])}; change or delete these first",
            integrations=integrations,
            automations=automations,
        )
    await repository.delete(transaction, secret)
    transaction.wake(repository.CHANNEL)
    await append(transaction, [Draft(SecretDeleted, locked, _subject(row), SecretDeletedData(secret=_snapshot(row)))])


async def page_of(transaction: Transaction, actor: Actor, after: int, limit: int) -> list[asyncpg.Record]:
    """Return up to ``limit`` secrets behind id ``after`` of the actor's teams, without their values."""
    entities, _ = reach(actor, Action.INTEGRATION_READ)
    return await repository.page_of(transaction, actor.organization_id, entities, after, limit)


async def require(
    transaction: Transaction, entity: int, names: Collection[str], *, field: str = "headers"
) -> list[int]:
    """Return the ids of an entity's secrets, which stay until the transaction ends. Raises UnknownSecretError."""
    if not names:
        return []
    found = await repository.named(transaction, entity, names)
    missing = sorted(set(names) - found.keys())
    if missing:
        raise UnknownSecretError(
            f"there is no secret {missing[0]!r} in this team; make it first", field=field, missing=missing
        )
    return list(found.values())


async def values_named(transaction: Transaction, vault: Vault, entity: int, names: Collection[str]) -> dict[str, str]:
    """Return the values of an entity's secrets by name, without those that are not there. Raises SealBrokenError."""
    return _opened(vault, await repository.of_entity(transaction, entity, names))


async def values_used(transaction: Transaction, vault: Vault, integration: int) -> dict[str, str]:
    """Return the values of the secrets that an integration refers to, by name. Raises SealBrokenError."""
    return _opened(vault, await repository.used(transaction, integration))


def _opened(vault: Vault, rows: Iterable[asyncpg.Record]) -> dict[str, str]:
    return {
        row["name"]: vault.open(row["sealed"], organization_id=row["organization_id"], purpose=_PURPOSE).decode()
        for row in rows
    }


def _seal(vault: Vault, organization: int, value: str) -> bytes:
    return vault.seal(value.encode(), organization_id=organization, purpose=_PURPOSE)


async def _lock(transaction: Transaction, actor: Actor, secret: int) -> aggregate.Aggregate:
    found = await _read(transaction, actor, secret)
    locked = await aggregate.lock_one(transaction, found["aggregate_id"])
    row = await _read(transaction, actor, secret)
    entity = {"id": row["entity_id"], "kind": row["entity_kind"]}
    authorize(actor, Action.INTEGRATION_WRITE, shared(f"secret {secret}", row["organization_id"], entity))
    return locked


async def _read(transaction: Transaction, actor: Actor, secret: int) -> asyncpg.Record:
    row = await repository.one(transaction, actor.organization_id, secret)
    if row is None:
        raise NotFoundError(f"secret {secret} does not exist, or you may not see it")
    return row


def _snapshot(row: asyncpg.Record) -> SecretSnapshot:
    return SecretSnapshot(id=row["id"], entity=row["entity"], name=row["name"])


def _subject(row: asyncpg.Record) -> str:
    return f"{row['entity']}/secrets/{row['name']}"
