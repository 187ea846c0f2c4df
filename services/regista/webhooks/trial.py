"""A test send: a sample event, the real request, and what came back. No delivery, nothing is stored."""

from typing import NamedTuple

from regista.kit import clock, ids
from regista.kit.http import GuardedClient
from regista.webhooks.request import TEST_HEADER, Route
from regista_events import codec, sample


class Result(NamedTuple):
    """What came of it: HTTP status or None, error code or None, milliseconds, the start of the response's body."""

    status: int | None
    error: str | None
    ms: float
    body: str


async def try_route(client: GuardedClient, route: Route, event_type: str, organization: str, public_url: str) -> Result:
    """Send a sample of the type, by full or short name, signed as any message is. Call outside any transaction.

    Raises `KeyError` for a type that the catalogue does not have.
    """
    now = clock.now()
    event = sample(event_type, organization, event_id=ids.uuid7(), time=now, public_url=public_url)
    body = codec.encode(event)
    headers = route.headers(str(ids.uuid7()), int(now.timestamp()), body) | {TEST_HEADER: "true"}
    answer = await client.post(route.url, body, headers, timeout=route.timeout)
    text = answer.shown().decode(errors="replace")
    return Result(answer.status, answer.error, round(answer.seconds * 1000, 1), text)
