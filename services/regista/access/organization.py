"""The organization's own settings. None of the commands commits: the boundary does."""

from typing import Any

import asyncpg

from regista.access import repository
from regista.access.actions import Action
from regista.access.service import organization_resource
from regista.access.verdict import Actor, authorize
from regista.kit import aggregate
from regista.kit.db import Transaction
from regista.kit.outbox import Draft, append
from regista_events import OrganizationSnapshot, OrganizationUpdated, OrganizationUpdatedData
from regista_events.transition import Change


async def get_organization(transaction: Transaction, actor: Actor) -> asyncpg.Record:
    """Return the actor's organization with its settings. Raises `AccessDeniedError` for all but its admins."""
    authorize(actor, Action.ORGANIZATION_ADMIN, organization_resource(actor))
    return await repository.organization(transaction, actor.organization_id)


async def set_retention(transaction: Transaction, actor: Actor, days: int) -> asyncpg.Record:
    """Keep decisions and deliveries for ``days``; return the organization. The same number again emits nothing.

    What is older is gone with the next sweep, for good. Raises `AccessDeniedError`.
    """
    found = await get_organization(transaction, actor)
    locked = await aggregate.lock_one(transaction, found["aggregate_id"])
    before = await repository.organization(transaction, actor.organization_id)
    if before["retention_days"] == days:
        return before
    await repository.set_retention(transaction, actor.organization_id, days)
    data = OrganizationUpdatedData(
        organization=OrganizationSnapshot(id=before["id"], name=before["name"]),
        changes={"retention_days": Change[Any](from_=before["retention_days"], to=days)},
    )
    await append(transaction, [Draft(OrganizationUpdated, locked, "organization", data)])
    return await repository.organization(transaction, actor.organization_id)
