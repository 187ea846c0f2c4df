"""What delivery is given: one attempt at a request, and the news of a lane as events."""

from collections.abc import Collection, Sequence
from typing import Final

from regista.automations.payloads import frozen
from regista.automations.payloads.frozen import ACCESS_TOKEN, Hole
from regista.delivery import Claimed, LaneNews, Outcome
from regista.effects.news import announce
from regista.effects.planning import unsendable, unsent
from regista.kit import clock
from regista.kit.db import Transaction
from regista.kit.http import Failure
from regista.kit.runtime import Runtime
from regista.webhooks import repository
from regista.webhooks.request import Route
from regista.webhooks.routes import EndpointRoutes

SECRET_MISSING: Final = "secret_missing"  # noqa: S105 - a code
"""Code of an attempt that was not made, since a secret of the payload is not there; the schedule goes on."""
_GONE = 410


class WebhookSender:
    """Sends rows of lanes of kind webhook. Make it inside a running loop."""

    kind = "webhook"

    def __init__(self, runtime: Runtime) -> None:
        self._client = runtime.client
        self._public_url = runtime.public_url
        self._routes = EndpointRoutes(runtime.database, runtime.vault)

    def close(self) -> None:
        """Hear no more of changes."""
        self._routes.close()

    async def send(self, row: Claimed) -> Outcome:
        """Make one attempt. Raises what the database raises when the endpoint cannot be read: no attempt was made."""
        route = await self._routes.of_lane(row.lane_id)
        if route is None:
            return unsent(Failure.CANCELED, "", gone=True)
        if row.holes is None:
            return await self._post(route, row, row.body, ())
        if not row.body:
            return unsendable(row.holes)
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
            return unsent(SECRET_MISSING, f"not sent: {lacking}; once there is one, it is put in")
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
        """Append the event of the news to the endpoint's aggregate."""
        row = await repository.ROWS.by_lane(transaction, lane_id)
        if row is not None:
            await announce(transaction, row, news, self._public_url)
