"""Explanations as people ask for them: of an automation, as it was when the event happened, or of a draft."""

from typing import Any, NamedTuple
from uuid import UUID

from regista.access.actions import Action
from regista.access.verdict import Actor, authorize
from regista.automations import past_repository, repository
from regista.automations.draft import draft
from regista.automations.explain import Circumstances, Explanation, Recorded, explain
from regista.automations.seen import Seen
from regista.automations.service import Wanted, resource_of
from regista.events import repository as log
from regista.events.readers import authorize_event
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError, NotFoundError
from regista_events import Event, UnknownEvent, codec


class Answer(NamedTuple):
    """An explanation, of which revision it speaks, and what was recorded; both None for a draft."""

    explanation: Explanation
    revision: int | None
    recorded: Recorded | None


async def explain_past(transaction: Transaction, actor: Actor, automation: int, event: UUID) -> Answer:
    """Explain what an automation, deleted or not, made of an event, or would have.

    The revision is that of the decision; where none was made, the one in force when the event happened. Raises
    `NotFoundError` and `AccessDeniedError` for an automation or event that the actor may not read.
    """
    row = await past_repository.automation(transaction, actor.organization_id, automation)
    if row is None:
        raise NotFoundError(f"automation {automation} does not exist, or you may not see it")
    scope = row["scope_kind"], row["scope_id"], row["entity_id"]
    resource = await resource_of(transaction, actor.organization_id, f"automation {automation}", *scope)
    authorize(actor, Action.AUTOMATION_READ, resource)
    happened = await event_of(transaction, actor, event)
    key = (event, automation)
    recorded = (await past_repository.recorded(transaction, [key])).get(key)
    stood = await past_repository.standing(transaction, row["aggregate_id"], happened.time)
    enabled = row["enabled"] if stood is None else stood.enabled
    revision: int = recorded.revision if recorded is not None else stood.revision if stood is not None else 1
    definition = await repository.definition(transaction, actor.organization_id, automation, revision)
    assert definition is not None  # noqa: S101 - revisions are kept for ever
    circumstances = Circumstances(row["deleted_at"], None, recorded)
    told = explain(definition._replace(enabled=enabled), Seen(happened), circumstances)
    return Answer(told, revision, recorded)


async def explain_draft(transaction: Transaction, actor: Actor, wanted: Wanted, event: UUID) -> Answer:
    """Explain what an automation that is not saved would make of an event; raises what saving it would."""
    definition = (await draft(transaction, actor, wanted)).definition
    happened = await event_of(transaction, actor, event)
    return Answer(explain(definition, Seen(happened), Circumstances(author=True)), None, None)


async def event_of(transaction: Transaction, actor: Actor, event: UUID) -> Event[Any]:
    """Return an event that the actor may read.

    Raises `NotFoundError`, `AccessDeniedError`, and `InvalidError` for one of a type that this version does not know.
    """
    row = await log.one_event(transaction, actor.organization_id, event)
    if row is None:
        raise NotFoundError(f"event {event} does not exist, or you may not see it")
    await authorize_event(transaction, actor, event, row["subject"])
    found = codec.decode(row["body"])
    if isinstance(found, UnknownEvent):
        raise InvalidError(f"event {event} is of type {found.type}, which this version does not know", field="event")
    return found
