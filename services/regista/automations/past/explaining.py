"""Explanations as people ask for them: of an automation, as it was when the event happened, or of a draft."""

from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from regista.access.actions import Action
from regista.access.verdict import Actor, Resource, authorize, decide
from regista.automations import repository
from regista.automations.language.seen import Seen
from regista.automations.matching import Definition, scope_keys
from regista.automations.past import repository as past_repository
from regista.automations.past.draft import draft
from regista.automations.past.explain import Circumstances, Explanation, Recorded, explain
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
    `NotFoundError` and `AccessDeniedError` for an automation that the actor may not read, and for an event that it may
    not read either, unless it may save the automation and the event lies in the scope.
    """
    row = await past_repository.automation(transaction, actor.organization_id, automation)
    if row is None:
        raise NotFoundError(f"automation {automation} does not exist, or you may not see it")
    scope = row["scope_kind"], row["scope_id"], row["entity_id"]
    resource = await resource_of(transaction, actor.organization_id, f"automation {automation}", *scope)
    authorize(actor, Action.AUTOMATION_READ, resource)
    logged = await _logged(transaction, actor, event)
    happened = _known(logged)
    key = (event, automation)
    recorded = (await past_repository.recorded(transaction, [key])).get(key)
    stood = await past_repository.standing(transaction, row["aggregate_id"], happened.time)
    enabled = row["enabled"] if stood is None else stood.enabled
    revision: int = recorded.revision if recorded is not None else stood.revision if stood is not None else 1
    definition = await repository.definition(transaction, actor.organization_id, automation, revision)
    assert definition is not None  # noqa: S101 - revisions are kept for ever
    await _authorize(transaction, actor, resource, definition, logged, happened)
    circumstances = Circumstances(row["deleted_at"], None, recorded)
    told = explain(definition._replace(enabled=enabled), Seen(happened), circumstances)
    return Answer(told, revision, recorded)


async def explain_draft(transaction: Transaction, actor: Actor, wanted: Wanted, event: UUID) -> Answer:
    """Explain what an automation that is not saved would make of an event; raises what saving it would."""
    subject = await draft(transaction, actor, wanted)
    definition = subject.definition
    logged = await _logged(transaction, actor, event)
    happened = _known(logged)
    await _authorize(transaction, actor, subject.scope, definition, logged, happened)
    return Answer(explain(definition, Seen(happened), Circumstances(author=True)), None, None)


async def event_of(transaction: Transaction, actor: Actor, event: UUID) -> Event[Any]:
    """Return an event that the actor may read.

    Raises `NotFoundError`, `AccessDeniedError`, and `InvalidError` for one of a type that this version does not know.
    """
    row = await _logged(transaction, actor, event)
    await authorize_event(transaction, actor, event, row["subject"])
    return _known(row)


async def _authorize(
    transaction: Transaction,
    actor: Actor,
    scope: Resource,
    definition: Definition,
    logged: asyncpg.Record,
    event: Event[Any],
) -> None:
    """Return if the actor may see the event: whoever may save the automation sees what lies in its scope anyway.

    Raises `NotFoundError`, `AccessDeniedError`.
    """
    inside = not set(scope_keys(event)).isdisjoint(definition.met_by())
    if not (inside and decide(actor, Action.AUTOMATION_WRITE, scope).allowed):
        await authorize_event(transaction, actor, event.id, logged["subject"])


async def _logged(transaction: Transaction, actor: Actor, event: UUID) -> asyncpg.Record:
    row = await log.one_event(transaction, actor.organization_id, event)
    if row is None:
        raise NotFoundError(f"event {event} does not exist, or you may not see it")
    return row


def _known(row: asyncpg.Record) -> Event[Any]:
    found = codec.decode(row["body"])
    if isinstance(found, UnknownEvent):
        raise InvalidError(
            f"event {row['id']} is of type {found.type}, which this version does not know", field="event"
        )
    return found
