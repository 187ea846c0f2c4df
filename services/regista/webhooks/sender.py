"""What delivery is given: one attempt at a request, and the news of a lane as events."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from regista.automations.payloads import frozen
from regista.automations.payloads.frozen import ACCESS_TOKEN, Hole
from regista.delivery import Claimed, LaneNews, News, Outcome
from regista.delivery.causes import caused_by
from regista.kit import aggregate, clock
from regista.kit.db import SYSTEM, Origin, Transaction
from regista.kit.http import Failure
from regista.kit.outbox import Draft, append
from regista.kit.runtime import Runtime
from regista.webhooks import repository
from regista.webhooks.planning import UNSENDABLE
from regista.webhooks.request import Route
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

SECRET_MISSING: Final = "secret_missing"  # noqa: S105 - a code
"""Code of an attempt that was not made, since a secret of the payload is not there; the schedule goes on."""
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
            return _unsent(Failure.CANCELED, "", gone=True)
        if row.holes is None:
            return await self._post(route, row, row.body, ())
        if not row.body:
            return _unsent(row.holes, UNSENDABLE.get(row.holes, ""))
        return await self._send_filled(route, row, frozen.read(row.holes))

    async def _send_filled(self, route: Route, row: Claimed, holes: Sequence[Hole]) -> Outcome:
        """Send a payload with the secrets that there are now."""
        values: dict[str, str] = {}
        if named := {hole.name for hole in holes} - {ACCESS_TOKEN}:
            values |= await self._routes.secrets_of(row.lane_id, named)
        if route.access_token is not None:
            values[ACCESS_TOKEN] = route.access_token
        try:
            body = frozen.filled(row.body, holes, values)
        except KeyError as missing:
            (name,) = missing.args
            lacking = "the webhook has no access token" if name == ACCESS_TOKEN else f"the team has no secret {name!r}"
            return _unsent(SECRET_MISSING, f"not sent: {lacking}; once there is one, it is put in")
        return await self._post(route, row, body, [values[hole.name] for hole in holes])

    async def _post(self, route: Route, row: Claimed, body: bytes, secrets: Collection[str]) -> Outcome:
        headers = route.headers(
            str(row.id),
            int(clock.now().timestamp()),
            body,
            replayed=row.replayed,
            payload=row.holes is not None,
            traceparent=row.traceparent,
        )
        answer = await self._client.post(route.url, body, headers, timeout=route.timeout)
        return Outcome(
            answer.status,
            answer.error,
            answer.seconds,
            answer.headers,
            route.without_secrets(answer.body, secrets),
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
            cause=caused_by(cause, news.automation_id) if cause is not None else None,
            traceparent=cause.traceparent if cause is not None else None,
            public_url=self._public_url,
        )
        event, data = _told(row, news, "unknown" if cause is None else cause.short_type)
        subject = f"{row['entity']}/endpoints/{row['name']}"
        if news.kind is News.EXHAUSTED:
            subject += f"/deliveries/{news.delivery_id}"
        await append(transaction, [Draft(event, locked, subject, data)], origin)


def _unsent(error: str, told: str, *, gone: bool = False) -> Outcome:
    """Return the outcome of an attempt that called nobody; ``told`` stands where a response would."""
    return Outcome(None, error, 0.0, {}, told.encode(), truncated=False, retry_after=None, gone=gone, called=gone)


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
