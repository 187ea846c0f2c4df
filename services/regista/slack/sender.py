"""What delivery is given: one attempt to post a message, and the news of a lane as events."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from regista.delivery import Claimed, LaneNews, Outcome
from regista.effects.masking import hidden, spellings
from regista.effects.news import announce
from regista.effects.planning import unsendable, unsent
from regista.kit import backoff, clock
from regista.kit.db import Transaction
from regista.kit.http import Failure, GuardedClient
from regista.kit.runtime import Runtime
from regista.slack import calls, repository
from regista.slack.calls import Said
from regista.slack.faults import OF_ACCESS, OF_MESSAGE
from regista.slack.routes import ChannelRoute, channel_routes


class SlackSender:
    """Sends rows of lanes of kind slack. Make it inside a running loop."""

    kind = "slack"

    def __init__(self, runtime: Runtime) -> None:
        self._client = runtime.client
        self._api = runtime.settings.slack_api_url
        self._public_url = runtime.public_url
        self._routes = channel_routes(runtime.database, runtime.vault)

    def close(self) -> None:
        """Hear no more of changes."""
        self._routes.close()

    async def send(self, row: Claimed) -> Outcome:
        """Make one attempt. Raises what the database raises when the channel cannot be read: no attempt was made."""
        route = await self._routes.of_lane(row.lane_id)
        if route is None:
            return unsent(Failure.CANCELED, "", gone=True)
        if not row.body:
            return unsendable(row.holes or "")
        return outcome_of(await say(self._client, self._api, route, json.loads(row.body)), route)

    async def announce(self, transaction: Transaction, lane_id: int, news: LaneNews) -> None:
        """Append the event of the news to the channel's aggregate."""
        row = await repository.ROWS.by_lane(transaction, lane_id)
        if row is not None:
            await announce(transaction, row, news, self._public_url)


async def say(client: GuardedClient, api: str, route: ChannelRoute, message: Mapping[str, Any]) -> Said:
    """Post a message to a channel, in the one way or the other."""
    if route.url is not None:
        # Metadata belongs to apps: an incoming webhook's messages have none.
        return await calls.post(client, route.url, {name: part for name, part in message.items() if name != "metadata"})
    return await calls.call(client, api, "chat.postMessage", route.token or "", {"channel": route.channel, **message})


def outcome_of(said: Said, route: ChannelRoute) -> Outcome:
    """Return what a call came to, as delivery judges it."""
    answer = said.answer
    hint = answer.headers.get("retry-after")
    busy = answer.status == HTTPStatus.TOO_MANY_REQUESTS
    return Outcome(
        answer.status,
        said.error,
        answer.seconds,
        answer.headers,
        without_secrets(answer.body, route),
        answer.truncated,
        hint,
        said.word in OF_ACCESS,
        final=said.word in OF_MESSAGE,
        pause=(backoff.retry_after(hint, clock.now()) or 0.0) if busy else 0.0,
    )


def without_secrets(text: bytes, route: ChannelRoute) -> bytes:
    """Return what came back with ``***`` for what the channel is reached by."""
    return hidden(text, spellings(route.hidden))
