"""A test send: a sample event or what a template makes of it, the real request, and what came back. Nothing is stored."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from regista.automations.language.seen import Seen
from regista.automations.payloads.frozen import ACCESS_TOKEN, filled
from regista.automations.payloads.templates import Template
from regista.effects.planning import UNSENDABLE
from regista.kit import clock, ids
from regista.kit.http import GuardedClient
from regista.webhooks.errors import UnsendableError
from regista.webhooks.request import TEST_HEADER, Route
from regista_events import codec, sample


class Result(NamedTuple):
    """What came of it: HTTP status or None, error code or None, milliseconds, the start of the response's body."""

    status: int | None
    error: str | None
    ms: float
    body: str


class Wanted(NamedTuple):
    """What is sent: a sample of the type, by full or short name, or ``payload``, a template that was checked, on it.

    ``secrets`` are the values that it refers to, ``author`` is who caused the sample.
    """

    event_type: str
    organization: str
    public_url: str
    payload: Any = None
    secrets: Mapping[str, str] = {}
    author: str | None = None


async def try_route(client: GuardedClient, route: Route, wanted: Wanted) -> Result:
    """Send it, signed as any message is. Call outside any transaction.

    Raises `KeyError` for a type that the catalogue does not have, UnsendableError for a payload that there is none of.
    """
    now = clock.now()
    event = sample(wanted.event_type, wanted.organization, event_id=ids.uuid7(), time=now, public_url=wanted.public_url)
    body = codec.encode(event)
    if wanted.payload is not None:
        seen = Seen(event)
        seen.author = wanted.author
        body = _filled(route, wanted, seen)
    stamp = int(now.timestamp())
    headers = route.headers(str(ids.uuid7()), stamp, body, payload=wanted.payload is not None) | {TEST_HEADER: "true"}
    answer = await client.post(route.url, body, headers, timeout=route.timeout)
    text = route.without_secrets(answer.shown(), wanted.secrets.values()).decode(errors="replace")
    return Result(answer.status, answer.error, round(answer.seconds * 1000, 1), text)


def _filled(route: Route, wanted: Wanted, seen: Seen) -> bytes:
    frozen = Template({"payload": wanted.payload}).payload("test", seen)
    if frozen.error is not None:
        raise UnsendableError(UNSENDABLE[frozen.error], field="payload")
    values = dict(wanted.secrets)
    if route.access_token is not None:
        values[ACCESS_TOKEN] = route.access_token
    if ACCESS_TOKEN not in values and any(hole.name == ACCESS_TOKEN for hole in frozen.holes):
        raise UnsendableError("the payload says ${ACCESS_TOKEN}, and the webhook has none", field="payload")
    return filled(frozen.body, frozen.holes, values)
