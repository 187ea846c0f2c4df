"""What delivery is given: one attempt at a request, and the news of a lane as events."""

from typing import Any

from regista.delivery import Claimed, LaneNews, News, Outcome
from regista.kit import aggregate, clock
from regista.kit.db import SYSTEM, Cause, Origin, Transaction
from regista.kit.http import Failure
from regista.kit.outbox import Draft, append
from regista.kit.runtime import Runtime
from regista.webhooks import repository
from regista.webhooks.routes import Routes
from regista.webhooks.snapshots import endpoint_snapshot
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

_GONE = 410


class WebhookSender:
    """Sends rows of lanes of kind webhook. Make it inside a running loop."""

    kind = "webhook"

    def __init__(self, runtime: Runtime) -> None:
        self._client = runtime.client
        self._public_url = runtime.public_url
        self._routes = Routes(runtime.database, runtime.vault)

    def close(self) -> None:
        """Hear no more of changes."""
        self._routes.close()

    async def send(self, row: Claimed) -> Outcome:
        """Make one attempt. Raises what the database raises when the endpoint cannot be read: no attempt was made."""
        route = await self._routes.of_lane(row.lane_id)
        if route is None:
            return Outcome(None, Failure.CANCELED, 0.0, {}, b"", truncated=False, retry_after=None, gone=True)
        body = row.body
        stamp = int(clock.now().timestamp())
        headers = route.headers(str(row.id), stamp, body, replayed=row.replayed)
        answer = await self._client.post(route.url, body, headers, timeout=route.timeout)
        return Outcome(
            answer.status,
            answer.error,
            answer.seconds,
            answer.headers,
            answer.body,
            answer.truncated,
            answer.headers.get("retry-after"),
            answer.status == _GONE,
        )

    async def announce(self, transaction: Transaction, lane_id: int, news: LaneNews) -> None:
        """Append the event of the news to the endpoint's aggregate, as a consequence of the event that was sent."""
        row = await repository.by_lane(transaction, lane_id)
        if row is None or row["deleted_at"] is not None:
            return  # an endpoint's last event is its deletion
        locked = await aggregate.lock_one(transaction, row["aggregate_id"])
        body = await repository.event_body(transaction, news.event_id)
        cause = codec.decode(body) if body is not None else None
        origin = Origin(
            SYSTEM,
            "system",
            row["organization_id"],
            row["organization"],
            cause=Cause(cause.id, cause.correlationid or cause.id, cause.hops) if cause is not None else None,
            traceparent=cause.traceparent if cause is not None else None,
            public_url=self._public_url,
        )
        event, data = _told(row, news, "unknown" if cause is None else cause.short_type)
        subject = f"{row['entity']}/endpoints/{row['name']}"
        if news.kind is News.EXHAUSTED:
            subject += f"/deliveries/{news.delivery_id}"
        await append(transaction, [Draft(event, locked, subject, data)], origin)


def _told(row: Any, news: LaneNews, cause_type: str) -> tuple[type[Event[Any]], Any]:
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
