"""Protected aliases: those that only admins of a registry may set or remove, in all of its collections.

Who writes: admins of a registry, under its lock. Who reads: every move of an alias, in its own statement.
"""

from regista.access.verdict import Actor
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError
from regista.kit.outbox import Draft, append
from regista.registry.registries import find_registry, lock_registry
from regista.registry.repository import protection as repository
from regista_events import (
    ProtectedAliasAdded,
    ProtectedAliasAddedData,
    ProtectedAliasRemoved,
    ProtectedAliasRemovedData,
)


async def list_protected(transaction: Transaction, actor: Actor, registry: str) -> list[str]:
    """Return the protected aliases of a registry, by name."""
    found = await find_registry(transaction, actor, registry)
    return await repository.listed(transaction, found.project_id)


async def protect(transaction: Transaction, actor: Actor, registry: str, alias: str) -> None:
    """Protect an alias in a registry; nothing is emitted where it is protected already."""
    locked, found = await lock_registry(transaction, actor, registry)
    if await repository.add(transaction, found.organization_id, found.project_id, alias):
        data = ProtectedAliasAddedData(alias=alias, registry=found.snapshot())
        await append(transaction, [Draft(ProtectedAliasAdded, locked[found.aggregate_id], found.path, data)])


async def unprotect(transaction: Transaction, actor: Actor, registry: str, alias: str) -> None:
    """Protect an alias no longer. Raises `NotFoundError` for one that was not."""
    locked, found = await lock_registry(transaction, actor, registry)
    if not await repository.remove(transaction, found.project_id, alias):
        raise NotFoundError(f"the alias {alias!r} is not protected in registry {registry}")
    data = ProtectedAliasRemovedData(alias=alias, registry=found.snapshot())
    await append(transaction, [Draft(ProtectedAliasRemoved, locked[found.aggregate_id], found.path, data)])
