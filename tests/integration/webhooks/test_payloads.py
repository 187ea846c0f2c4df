import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from regista.automations.catalogue import Catalogue
from regista.automations.payloads.templates import LARGEST
from regista.delivery import Claimed
from regista.effects.planner import Planner
from regista.kit.db import Transaction
from regista.webhooks.planning import WEBHOOKS
from regista.webhooks.sender import WebhookSender
from tests.support.postgres import PostgresSession
from tests.support.receiver import Receiver, Request, response
from tests.support.sending import sending
from tests.support.stage import Tenant, staged


class Hand:
    """Takes what a planner hands over."""

    def __init__(self) -> None:
        self.rows: list[Claimed] = []

    def hand(self, rows: Any) -> None:
        self.rows += rows


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        yield tenant


@pytest.fixture
async def sender(home: Tenant) -> AsyncGenerator[WebhookSender]:
    made = WebhookSender(home.api.runtime)
    yield made
    made.close()


def to_ci(payload: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"webhook": {"integration": "team/ci", "payload": payload}}]


async def secret(home: Tenant, name: str, value: str) -> str:
    made = await home.client.post("/api/v1/secrets", json={"name": name, "value": value, "entity": "team"})
    assert made.status_code == 201, made.text
    return f"/api/v1/secrets/{made.json()['id']}"


async def planned(home: Tenant, data: dict[str, Any] | None = None) -> list[Claimed]:
    """Emit an event, have it planned, and return what was handed over."""
    hand = Hand()
    await Planner(WEBHOOKS, home.api.runtime.database, Catalogue(), hand).handle(await home.emit(data=data))
    return hand.rows


async def heard() -> None:
    """Wait for a notification, which is sent some milliseconds after the commit."""
    await asyncio.sleep(0.5)


async def reread(home: Tenant, row: Claimed) -> Claimed:
    """Return the row as whoever owns its lane after a crash reads it."""
    from regista.delivery.repository import queue

    async with home.api.runtime.database.transaction() as tx:
        (found,) = await queue.read(tx.connection, [row.lane_id], 10, [], fifo=False)
    return Claimed(*found[:10])


async def test_a_payload_is_rendered_once_and_sent_with_the_secrets_of_the_moment(
    home: Tenant, sender: WebhookSender
) -> None:
    token = await secret(home, "TOKEN", 'first-"value')

    async def echo(request: Request, writer: Any) -> None:
        writer.write(response(body=request.body + request.headers["authorization"].encode()))

    async with Receiver(answer=echo) as receiver:
        await home.webhook(receiver.url(), access_token="acc3ss-token")
        payload = {
            "event_type": "${event_type}",
            "version": "${artifact_version_string}",
            "by": "${event_author}",
            "automation": "${automation_name}",
            "index": "${artifact_version_index}",
            "data": "${artifact.metadata.note}",
            "none": "${artifact_metadata.nope}",
            "auth": "token ${secret.TOKEN}",
            "same": "${TOKEN}",
            "bearer": "${ACCESS_TOKEN}",
        }
        automation = await home.automation(actions=to_ci(payload))
        place = home.place() | {"artifact": {"metadata": {"note": "${secret.TOKEN} ${alias}"}}}
        (row,) = await planned(home, place)
        assert await reread(home, row) == row
        # Nothing of the automation counts any more: what was rendered is what is sent.
        changed = await home.client.patch(f"/api/v1/automations/{automation['id']}", json={"actions": to_ci({"a": 1})})
        assert changed.status_code == 200, changed.text
        first = await sender.send(row)
        assert first.error is None
        assert (await home.client.put(token, json={"value": "second-value"})).status_code == 200
        await heard()
        await sender.send(row)
        sent = [json.loads(request.body) for request in receiver.requests]
        assert sent[0] == {
            "event_type": "ADD_ARTIFACT_ALIAS",
            "version": "vision/model-registry/MNIST:v3",
            "by": "admin",
            "automation": "deploy",
            "index": 3,
            "data": "${secret.TOKEN} ${alias}",
            "none": "",
            "auth": 'token first-"value',
            "same": 'first-"value',
            "bearer": "acc3ss-token",
        }
        assert list(sent[0]) == list(payload), "in the order in which it was written"
        assert sent[1] == sent[0] | {"auth": "token second-value", "same": "second-value"}
        headers = receiver.requests[0].headers
        assert (headers["content-type"], headers["tracestate"]) == ("application/json", f"regista={row.id}")
        assert "traceparent" not in headers
        # What comes back is kept without what it echoes; a value that JSON has to escape is found as it was sent.
        assert b"acc3ss-token" not in first.body
        assert b"first" not in first.body
        assert first.body.count(b"***") == 4

        # No revision in force refers to it any more, so it may go; what is still to be sent says that it lacks.
        assert (await home.client.delete(token)).status_code == 204
        await heard()
        lacking = await sender.send(row)
        assert (lacking.status, lacking.error, lacking.gone) == (None, "secret_missing", False)
        assert b"TOKEN" in lacking.body
        await secret(home, "TOKEN", "third-value")
        await heard()
        assert (await sender.send(row)).error is None
        assert json.loads(receiver.requests[-1].body)["same"] == "third-value"
        assert len(receiver.requests) == 3
        (webhook,) = (await home.client.get("/api/v1/webhooks")).json()["items"]
        await home.client.patch(f"/api/v1/webhooks/{webhook['id']}", json={"access_token": None})
        await heard()
        lacking = await sender.send(row)
        assert lacking.error == "secret_missing"
        assert b"no access token" in lacking.body


async def test_a_trace_goes_on_with_the_event_and_with_the_payload(home: Tenant, sender: WebhookSender) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    home.origin = replace(home.origin, traceparent=trace)
    async with Receiver() as receiver:
        await home.webhook(receiver.url())
        await home.automation()
        await home.automation("other", actions=to_ci({"alias": "${alias}"}))
        for row in await planned(home):
            await sender.send(row)
        types = [request.headers["content-type"] for request in receiver.requests]
        assert types == ["application/cloudevents+json", "application/json"]
        assert {request.headers["traceparent"] for request in receiver.requests} == {trace}


async def test_a_payload_too_large_is_a_dead_delivery_that_says_so_and_stops_nothing(
    home: Tenant, sender: WebhookSender
) -> None:
    async with Receiver() as receiver:
        await home.webhook(receiver.url())
        await home.automation(actions=to_ci({str(each): "${artifact_metadata.big}" for each in range(5)}))
        await home.automation("small", actions=to_ci({"a": "${alias}"}))
        place = home.place() | {"artifact": {"metadata": {"big": "x" * (LARGEST // 4)}}}
        await planned(home, place)
        await settled(home)
        assert [each.body for each in receiver.requests] == [b'{"a":"production"}']
        (dead,) = (await home.client.get("/api/v1/deliveries?state=dead")).json()["items"]
        assert (dead["attempts"], dead["next_attempt_at"]) == (1, None)
        (attempt,) = (await home.client.get(f"/api/v1/deliveries/{dead['id']}/attempts")).json()["items"]
        assert (attempt["error"], attempt["status"]) == ("payload_too_large", None)
        assert "1048576 bytes" in attempt["body"]
        # Asked for again, it is the same failure, and never the event in its place.
        assert (await home.client.post(f"/api/v1/deliveries/{dead['id']}/redeliver")).status_code == 202
        again = await sender.send(await reread_dead(home))
        assert (again.error, again.final) == ("payload_too_large", True)
        # Like any death, it is an event.
        (told,) = await home.rows("SELECT body FROM event WHERE type = 'dev.regista.delivery.exhausted'")
        assert json.loads(told["body"])["data"]["error"] == "payload_too_large"
        assert len(receiver.requests) == 1


async def settled(home: Tenant) -> None:
    """Let what is due be sent, and wait until all of it is recorded."""
    async with sending(home), asyncio.timeout(20):
        while await home.rows("SELECT FROM delivery WHERE state = 'pending'"):
            await asyncio.sleep(0.02)


async def reread_dead(home: Tenant) -> Claimed:
    from regista.delivery.repository import queue

    async with home.api.runtime.database.transaction() as tx:
        lane: Any = await tx.connection.fetchval("SELECT lane_id FROM integration")
        rows = await queue.read(tx.connection, [lane], 10, [], fifo=False)
    (found,) = [Claimed(*row[:10]) for row in rows if not row[6]]
    return found


async def test_saves_find_the_secrets_and_keep_them_from_being_deleted(home: Tenant) -> None:
    await home.webhook("http://127.0.0.1:9/")

    async def refused(payload: dict[str, Any], **given: Any) -> dict[str, Any]:
        body = {"name": "x", "scope": "org", "on": ["alias.added"], "actions": to_ci(payload)} | given
        answer = await home.client.post("/api/v1/automations", json=body)
        assert answer.status_code == 422, answer.text
        return answer.json()

    unknown = await refused({"a": ["${artifact_verson}"]})
    assert unknown["code"] == "invalid_template"
    assert (unknown["place"], unknown["nearest"]) == ("actions[0].webhook.payload.a[0]", "artifact_version")
    assert (unknown["expression"], unknown["event"]) == ("artifact_verson", "alias.added")
    missing = await refused({"a": "${secret.TOKEN}"})
    assert (missing["code"], missing["place"]) == ("unknown_secret", "actions[0].webhook.payload.a")
    misspelt = await refused({"a": "${artifact.digset}"})
    assert (misspelt["nearest"], misspelt["place"]) == ("artifact.digest", "actions[0].webhook.payload.a")
    assert (await refused({"a": "${alias"}))["code"] == "invalid_template"
    for bad in ('{"a": 1e999}', '{"a": ' + "[" * 500 + "]" * 500 + "}", '{"a": "\\ud800"}', '{"\\u0000": 1}'):
        body = f'{{"name": "x", "scope": "org", "on": "alias.added", "actions": [{{"webhook": {{"integration": "team/ci", "payload": {bad}}}}}]}}'
        answer = await home.client.post(
            "/api/v1/automations", content=body, headers={"content-type": "application/json"}
        )
        assert answer.status_code in {201, 422}, answer.text
        if answer.status_code == 201:
            assert answer.json()["actions"][0]["webhook"]["payload"] == {"a": "Infinity"}
            await home.client.delete(f"/api/v1/automations/{answer.json()['id']}")

    token = await secret(home, "TOKEN", "v")
    automation = await home.automation(actions=to_ci({"a": "${secret.TOKEN}"}))
    kept = await home.client.delete(token)
    assert (kept.status_code, kept.json()["automations"], kept.json()["integrations"]) == (409, ["deploy"], [])
    path = f"/api/v1/automations/{automation['id']}"
    # A change of something else keeps it; a revision without it lets it go.
    assert (await home.client.patch(path, json={"description": "d"})).status_code == 200
    assert (await home.client.delete(token)).status_code == 409
    assert (await home.client.patch(path, json={"actions": to_ci({"a": 1})})).status_code == 200
    assert (await home.client.delete(token)).status_code == 204
    token = await secret(home, "TOKEN", "v")
    assert (await home.client.patch(path, json={"actions": to_ci({"a": "${TOKEN}"})})).status_code == 200
    assert (await home.client.delete(path)).status_code == 204
    assert (await home.client.delete(token)).status_code == 204


async def test_a_secret_may_stand_in_a_url_behind_its_host(home: Tenant, sender: WebhookSender) -> None:
    await secret(home, "PART", "a/b?c d")
    async with Receiver() as receiver:
        made = await home.webhook(receiver.url(path="/hook/${secret.PART}?sig=${secret.PART}"))
        await home.automation()
        (row,) = await planned(home)
        assert (await sender.send(row)).error is None
        assert receiver.requests[0].line.split(" ")[1] == "/hook/a/b%3Fc%20d?sig=a/b?c%20d"
        assert "${secret.PART}" in made["url"]
    for url in ("http://${secret.PART}/", "http://127.0.0.1:${secret.PART}/", "${secret.PART}://a/", "http://a/${b}"):
        answer = await home.client.post("/api/v1/webhooks", json={"name": "no", "url": url, "entity": "team"})
        assert answer.status_code == 422, url


async def test_only_the_secrets_of_the_team_that_owns_the_endpoint_are_found(home: Tenant) -> None:
    await home.client.post("/api/v1/teams", json={"name": "others"})
    made = await home.client.post("/api/v1/secrets", json={"name": "THEIRS", "value": "v", "entity": "others"})
    assert made.status_code == 201
    await home.webhook("http://127.0.0.1:9/")
    body = {"name": "x", "scope": "org", "on": ["alias.added"], "actions": to_ci({"a": "${secret.THEIRS}"})}
    answer = await home.client.post("/api/v1/automations", json=body)
    assert (answer.status_code, answer.json()["missing"]) == (422, ["THEIRS"])


async def test_a_template_of_another_version_fails_its_execution_and_not_the_batch(home: Tenant) -> None:
    await home.webhook("http://127.0.0.1:9/")
    automation = await home.automation(actions=to_ci({"a": "${alias}"}))

    async def corrupt(tx: Transaction) -> None:
        await tx.connection.execute(
            "UPDATE automation_revision SET actions = $2::jsonb WHERE automation_id = $1",
            automation["id"],
            json.dumps(to_ci({"a": "${artifact.renamed.field}"})),
        )

    await home.api.runtime.database.run(corrupt, home.origin)
    assert [each.body for each in await planned(home)] == [b""]
    await settled(home)
    (dead,) = await home.rows("SELECT d.state, a.error FROM delivery d JOIN attempt a ON a.delivery_id = d.id")
    assert dead == {"state": "dead", "error": "invalid_template"}
