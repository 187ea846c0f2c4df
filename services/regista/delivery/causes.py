"""What a delivery is the cause of: whoever received it may say so, and the chain goes on through other programs.

The webhook-id is all that a receiver hands back, in ``Regista-Cause`` or ``tracestate``; event, correlation, depth and
automations are looked up here. Without either, a change that a receiver makes begins a chain of its own: nothing tells
it from one that its people make.
"""

from typing import Any
from uuid import UUID

from regista.delivery.repository import causes
from regista.kit.db import Cause, Database
from regista_events import Event, codec


async def find_cause(database: Database, organization: int, delivery: UUID) -> Cause | None:
    """Return the cause that a delivery of the organization is; None where there is no such delivery."""
    async with database.transaction() as transaction:
        row = await causes.of_delivery(transaction, organization, delivery)
    return None if row is None else caused_by(codec.decode(row["body"]), row["automation_id"])


def caused_by(event: Event[Any], automation: int | None) -> Cause:
    """Return the cause that an automation's action on the event is; of a replay to an endpoint, the event alone."""
    led = [int(each) for each in event.automations.split(",")] if event.automations else []
    if automation is not None and automation not in led:
        led.append(automation)
    return Cause(event.id, event.correlationid or event.id, event.hops, tuple(led))
