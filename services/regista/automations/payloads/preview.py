"""What templates would make of an event, before anybody saves them: nothing is sent and nothing is stored."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from regista.access.actions import Action
from regista.access.service import organization_resource
from regista.access.verdict import Actor, authorize, reach, sight
from regista.automations.language.conditions import Condition, Truth, check_condition
from regista.automations.language.seen import Seen
from regista.automations.past.explaining import event_of
from regista.automations.payloads.authors import name_authors
from regista.automations.payloads.frozen import Frozen, masked
from regista.automations.payloads.templates import Message, Template, check_payload
from regista.kit import clock, ids
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError
from regista_events import Event, sample


class Sketch(NamedTuple):
    """What is asked about: ``settings`` of an action (``payload``, ``title``, ``text``), a condition, on an event type.

    ``event`` is one of the log, None for a sample of the type; ``automation`` is the name that templates may say.
    """

    event_type: str
    settings: Mapping[str, Any]
    where: str | None
    event: UUID | None
    automation: str


class Preview(NamedTuple):
    """What it came to: ``payload`` with ``***`` for secrets, the message, the expressions in either that had no value.

    ``secrets`` are the names that would have to be there, ``error`` why nothing would be sent, ``truth`` what the
    condition says, None where there is none.
    """

    event: Event[Any]
    payload: Any
    message: Message
    missing: list[str]
    secrets: list[str]
    error: str | None
    truth: Truth | None


async def preview(transaction: Transaction, actor: Actor, sketch: Sketch, public_url: str) -> Preview:
    """Return what the templates and the condition make of the event.

    For whoever may write automations anywhere, and may read the event. Raises what a save raises for templates and
    conditions, `NotFoundError`, `AccessDeniedError`, and `InvalidError` for an event of another type.
    """
    entities, general = reach(actor, Action.AUTOMATION_WRITE)
    if not (entities is None or entities or general or sight(actor, Action.AUTOMATION_WRITE).projects):
        authorize(actor, Action.AUTOMATION_WRITE, organization_resource(actor))
    references = check_payload(sketch.settings, [sketch.event_type])
    condition = check_condition(sketch.where, [sketch.event_type])
    if sketch.event is None:
        event = sample(
            sketch.event_type, actor.organization, event_id=ids.uuid7(), time=clock.now(), public_url=public_url
        )
    else:
        event = await event_of(transaction, actor, sketch.event)
        if event.short_type != sketch.event_type:
            raise InvalidError(f"event {event.id} is {event.short_type}, not {sketch.event_type}", field="event")
    seen = Seen(event)
    await name_authors(transaction, [seen])
    truth = None if condition is None else Condition(condition).judge(seen)
    return _rendered(sketch, seen, sorted({each.name for each in references}), truth)


def _rendered(sketch: Sketch, seen: Seen, secrets: list[str], truth: Truth | None) -> Preview:
    template = Template(sketch.settings)
    frozen = template.payload(sketch.automation, seen) if "payload" in sketch.settings else Frozen(b"")
    message = template.message(sketch.automation, seen)
    return Preview(
        seen.event,
        json.loads(masked(frozen.body, frozen.holes)) if frozen.body else None,
        message,
        list(dict.fromkeys(frozen.missing + message.missing)),
        secrets,
        frozen.error or message.error,
        truth,
    )
