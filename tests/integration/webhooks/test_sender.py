import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from regista.delivery import Claimed, LaneNews, News
from regista.kit import clock, ids
from regista.kit.signing import PublicKey, verify
from regista.webhooks.sender import WebhookSender
from tests.support.postgres import PostgresSession
from tests.support.receiver import Receiver, Request, response
from tests.support.stage import Tenant, second_tenant, staged

BODY = b'{"a":1}'


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        yield tenant


@pytest.fixture
async def sender(home: Tenant) -> AsyncGenerator[WebhookSender]:
    made = WebhookSender(home.api.runtime)
    yield made
    made.close()


async def claimed(home: Tenant, name: str = "ci", **changes: Any) -> Claimed:
    (row,) = await home.rows("SELECT organization_id, lane_id FROM integration WHERE name = $1", name)
    return Claimed(
        ids.uuid7(), 1, row["organization_id"], row["lane_id"], ids.uuid7(), 1, BODY, replayed=False
    )._replace(**changes)


def accepts(secret: str, request: Request) -> bool:
    try:
        Webhook(secret).verify(request.body.decode(), request.headers)
    except WebhookVerificationError:
        return False
    return True


async def test_during_a_rotation_both_keys_sign_and_afterwards_the_new_one_alone(
    home: Tenant, sender: WebhookSender
) -> None:
    async with Receiver() as receiver:
        made = await home.webhook(receiver.url())
        row = await claimed(home)
        rotate = f"/api/v1/webhooks/{made['id']}/rotate"
        await sender.send(row)
        second = (await home.client.post(rotate, json={"keep_hours": 0.0003})).json()["secret"]
        expiry = clock.monotonic() + 0.0003 * 3600
        await _heard()
        await sender.send(row)
        await asyncio.sleep(max(0.0, expiry - clock.monotonic()) + 0.2)
        await sender.send(row)
        first_alone, both, second_alone = receiver.requests
        assert [accepts(made["secret"], each) for each in (first_alone, both, second_alone)] == [True, True, False]
        assert [accepts(second, each) for each in (first_alone, both, second_alone)] == [False, True, True]
        assert len({each.headers["webhook-id"] for each in receiver.requests}) == 1


async def _heard() -> None:
    """Wait for a notification, which is sent some milliseconds after the commit."""
    await asyncio.sleep(0.5)


async def test_a_change_reaches_the_next_attempt_of_a_sender_that_hears(home: Tenant, sender: WebhookSender) -> None:
    async with Receiver() as old, Receiver() as new:
        made = await home.webhook(old.url())
        row = await claimed(home)
        await sender.send(row)
        await home.client.patch(f"/api/v1/webhooks/{made['id']}", json={"url": new.url()})
        await _heard()
        await sender.send(row)
        assert (len(old.requests), len(new.requests)) == (1, 1)


async def test_a_sender_that_hears_nothing_asks_for_every_attempt(
    home: Tenant, sender: WebhookSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Receiver() as old, Receiver() as new:
        made = await home.webhook(old.url())
        row = await claimed(home)
        await sender.send(row)
        wakeups = home.api.runtime.database.wakeups
        # The state that a lost LISTEN connection leaves: no notification arrives, and the process knows it.
        monkeypatch.setattr(wakeups, "_callbacks", {})
        monkeypatch.setattr(wakeups, "listening", False)
        await home.client.patch(f"/api/v1/webhooks/{made['id']}", json={"url": new.url()})
        await sender.send(row)
        assert (len(old.requests), len(new.requests)) == (1, 1)


async def test_a_deleted_endpoint_is_not_called(home: Tenant, sender: WebhookSender) -> None:
    async with Receiver() as receiver:
        made = await home.webhook(receiver.url())
        row = await claimed(home)
        await home.client.delete(f"/api/v1/webhooks/{made['id']}")
        outcome = await sender.send(row)
        assert (outcome.status, outcome.error, outcome.gone) == (None, "canceled", True)
        assert receiver.requests == []


async def test_an_ed25519_endpoint_is_verified_with_its_public_key(home: Tenant, sender: WebhookSender) -> None:
    async with Receiver() as receiver:
        made = await home.webhook(receiver.url(), signature="v1a")
        await sender.send(await claimed(home, replayed=True))
        (request,) = receiver.requests
        key = PublicKey.parse(made["keys"][0]["public_key"])
        assert verify(request.headers, request.body, [key], int(clock.now().timestamp()))
        assert request.headers["regista-replayed"] == "true"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (response("204 No Content"), (204, None, False, None)),
        (response("301 Moved", headers="Location: /elsewhere\r\n"), (301, "redirect_error", False, None)),
        (response("410 Gone"), (410, "http_4xx", True, None)),
        (response("429 Slow Down", headers="Retry-After: 120\r\n"), (429, "http_4xx", False, "120")),
        (response("500 Broken", b"oh"), (500, "http_5xx", False, None)),
    ],
)
async def test_what_comes_back_is_told_as_it_is(
    home: Tenant, sender: WebhookSender, answer: bytes, expected: tuple[Any, ...]
) -> None:
    async def reply(_request: Request, writer: Any) -> None:
        writer.write(answer)

    async with Receiver(answer=reply) as receiver:
        await home.webhook(receiver.url())
        outcome = await sender.send(await claimed(home))
        assert (outcome.status, outcome.error, outcome.gone, outcome.retry_after) == expected
        assert outcome.seconds > 0
        assert len(receiver.requests) == 1


async def test_the_endpoints_timeout_bounds_the_attempt(home: Tenant, sender: WebhookSender) -> None:
    async def never(_request: Request, _writer: Any) -> None:
        await asyncio.sleep(30)

    async with Receiver(answer=never) as receiver:
        await home.webhook(receiver.url(), timeout_seconds=1)
        outcome = await sender.send(await claimed(home))
        assert (outcome.status, outcome.error) == (None, "timeout")
        assert outcome.seconds < 10


async def test_lanes_of_two_organizations_are_signed_with_their_own_keys(home: Tenant, sender: WebhookSender) -> None:
    rival = await second_tenant(home.api)
    async with Receiver() as receiver:
        mine = await home.webhook(receiver.url(), "mine")
        theirs = await rival.webhook(receiver.url(), "theirs")
        for _ in range(2):
            await sender.send(await claimed(home, "mine"))
            await sender.send(await claimed(home, "theirs"))
        assert [accepts(mine["secret"], each) for each in receiver.requests] == [True, False, True, False]
        assert [accepts(theirs["secret"], each) for each in receiver.requests] == [False, True, False, True]


@pytest.mark.parametrize(
    ("news", "event_type", "subject"),
    [
        (News.EXHAUSTED, "delivery.exhausted", "team/endpoints/ci/deliveries/{delivery}"),
        (News.FAILING, "endpoint.failing", "team/endpoints/ci"),
        (News.RECOVERED, "endpoint.recovered", "team/endpoints/ci"),
        (News.DISABLED, "endpoint.disabled", "team/endpoints/ci"),
    ],
)
async def test_news_of_a_lane_become_events_of_its_endpoint_one_hop_on(
    home: Tenant, sender: WebhookSender, news: News, event_type: str, subject: str
) -> None:
    made = await home.webhook("http://127.0.0.1:9/?key=hidden")
    row = await claimed(home)
    (received,) = await home.emit(hops=3)
    assert received.event is not None
    delivery = ids.uuid7()
    told = LaneNews(news, delivery, received.event.id, 5, 4, "timeout", None, clock.now(), "failing")
    async with home.api.runtime.database.transaction() as tx:
        await sender.announce(tx, row.lane_id, told)
    last = (await home.api.events())[-1]
    (event,) = await home.rows(
        "SELECT aggregate_id, organization_id, causation_id, correlation_id, convert_from(body, 'UTF8')::json AS body "
        "FROM event ORDER BY position DESC LIMIT 1"
    )
    (integration,) = await home.rows("SELECT aggregate_id FROM integration WHERE id = $1", made["id"])
    assert last["type"] == f"dev.regista.{event_type}"
    assert last["subject"] == subject.format(delivery=delivery)
    assert event["aggregate_id"] == integration["aggregate_id"]
    assert event["organization_id"] == home.organization_id
    assert (event["causation_id"], event["correlation_id"]) == (received.event.id, received.event.correlationid)
    assert (event["body"]["hops"], event["body"]["sequence"]) == (4, 2)
    assert event["body"]["data"]["attempts"] == 4
    assert "hidden" not in str(event["body"])
