"""What delivery says of a lane, as an event of whatever the lane leads to."""

from typing import Any

import asyncpg

from regista.delivery import LaneNews, News
from regista.delivery.causes import caused_by
from regista.effects import repository
from regista.effects.snapshots import endpoint_snapshot
from regista.kit import aggregate
from regista.kit.db import SYSTEM, Origin, Transaction
from regista.kit.outbox import Draft, append
from regista_events import (
    DeliveryExhausted,
    DeliveryExhaustedData,
    EndpointDisabled,
    EndpointDisabledData,
    EndpointFailing,
    EndpointFailingData,
    EndpointRecovered,
    EndpointRecoveredData,
    Event,
    codec,
)


async def announce(transaction: Transaction, row: asyncpg.Record, news: LaneNews, public_url: str) -> None:
    """Append the event of the news to its aggregate, as a consequence of the event that was sent.

    ``row`` is the integration behind the lane, with ``aggregate_id, organization_id, organization`` and what a snapshot
    shows; nothing is told of one that is deleted, whose last event that was.
    """
    if row["deleted_at"] is not None:
        return
    locked = await aggregate.lock_one(transaction, row["aggregate_id"])
    body = (await repository.event_bodies(transaction, [news.event_id])).get(news.event_id)
    cause = codec.decode(body) if body is not None else None
    origin = Origin(
        SYSTEM,
        "system",
        row["organization_id"],
        row["organization"],
        cause=caused_by(cause, news.automation_id) if cause is not None else None,
        traceparent=cause.traceparent if cause is not None else None,
        public_url=public_url,
    )
    event, data = _told(row, news, "unknown" if cause is None else cause.short_type)
    subject = f"{row['entity']}/endpoints/{row['name']}"
    if news.kind is News.EXHAUSTED:
        subject += f"/deliveries/{news.delivery_id}"
    await append(transaction, [Draft(event, locked, subject, data)], origin)


def _told(row: asyncpg.Record, news: LaneNews, cause_type: str) -> tuple[type[Event[Any]], Any]:
    endpoint = endpoint_snapshot(row)
    state: dict[str, Any] = {
        "endpoint": endpoint,
        "attempts": news.attempts,
        "delivery": news.delivery_id,
        "error": news.error,
        "since": news.since,
    }
    match news.kind:
        case News.EXHAUSTED:
            return DeliveryExhausted, DeliveryExhaustedData(
                endpoint=endpoint,
                delivery=news.delivery_id,
                attempts=news.attempts,
                cause=news.event_id,
                cause_type=cause_type,
                automation_id=news.automation_id,
                error=news.error,
                response_code=news.status,
            )
        case News.FAILING:
            return EndpointFailing, EndpointFailingData(**state)
        case News.RECOVERED:
            return EndpointRecovered, EndpointRecoveredData(**state)
        case News.DISABLED:
            return EndpointDisabled, EndpointDisabledData(**state, reason=news.reason or "failing")
