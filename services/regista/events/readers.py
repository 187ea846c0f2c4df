"""Whose events somebody may read: one of them, or those of the log as a whole."""

from uuid import UUID

from regista.access import repository as access
from regista.access.actions import Action
from regista.access.service import organization_resource
from regista.access.verdict import Actor, Resource, authorize, reach
from regista.events import repository
from regista.kit.db import Transaction


async def readable_entities(transaction: Transaction, actor: Actor) -> tuple[str, ...] | None:
    """Return the names of the entities whose events the actor may read, None for all of the organization."""
    entities, general = reach(actor, Action.EVENT_READ)
    if general or entities is None:
        return None
    return tuple(await repository.entity_names(transaction, actor.organization_id, entities))


async def authorize_event(transaction: Transaction, actor: Actor, event: UUID, subject: str) -> None:
    """Return if the actor may read an event about this subject: its entity's admins, and the organization's.

    Raises `NotFoundError` where it may not know of it, `AccessDeniedError`.
    """
    resource = organization_resource(actor)
    entity = await access.entity_by_name(transaction, actor.organization_id, subject.partition("/")[0])
    if entity is not None and reach(actor, Action.EVENT_READ).general is False:
        resource = Resource(f"event {event}", actor.organization_id, entity["id"])
    authorize(actor, Action.EVENT_READ, resource)
