"""Whose events somebody may read who looks at the log as a whole."""

from typing import NamedTuple

from regista.access.actions import Action
from regista.access.service import organization_resource
from regista.access.verdict import Actor, authorize, reach
from regista.events import repository
from regista.kit.db import Transaction


class Readable(NamedTuple):
    """Events of these entities, by name; None for all of the organization."""

    entities: tuple[str, ...] | None

    def includes(self, subject: str) -> bool:
        """Return whether an event about this subject may be read."""
        return self.entities is None or subject.partition("/")[0] in self.entities


async def readable(transaction: Transaction, actor: Actor) -> Readable:
    """Return what of the log the actor may read. Raises `AccessDeniedError` where that is nothing."""
    entities, general = reach(actor, Action.EVENT_READ)
    if general or entities is None:
        return Readable(None)
    names = await repository.entity_names(transaction, actor.organization_id, entities)
    if not names:
        authorize(actor, Action.EVENT_READ, organization_resource(actor))
    return Readable(tuple(names))
