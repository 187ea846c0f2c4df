import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from regista.delivery import Claimed
from regista.kit import ids
from regista.webhooks.sender import WebhookSender
from tests.support.postgres import PostgresSession
from tests.support.receiver import Receiver
from tests.support.stage import Tenant, second_tenant, staged

PATH = "/api/v1/secrets"


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        yield tenant


async def test_a_secret_is_put_into_headers_when_they_are_sent_and_a_rotated_one_the_next_time(home: Tenant) -> None:
    made = await home.client.post(PATH, json={"name": "TOKEN", "value": "first-value"})
    assert made.status_code == 201, made.text
    secret = f"{PATH}/{made.json()['id']}"
    sender = WebhookSender(home.api.runtime)
    async with Receiver() as receiver:
        webhook = await home.webhook(
            receiver.url(), headers={"X-Key": "key ${secret.TOKEN}!"}, access_token="${secret.TOKEN}"
        )
        (row,) = await home.rows("SELECT organization_id, lane_id FROM integration")
        claimed = Claimed(ids.uuid7(), 1, row["organization_id"], row["lane_id"], ids.uuid7(), 1, b"{}", replayed=False)
        await sender.send(claimed)
        assert (await home.client.put(secret, json={"value": "second-value"})).status_code == 200
        await asyncio.sleep(0.5)
        await sender.send(claimed)
        await home.client.post(f"/api/v1/webhooks/{webhook['id']}/test", json={"type": "alias.added"})
        assert [request.headers["x-key"] for request in receiver.requests] == [
            "key first-value!",
            "key second-value!",
            "key second-value!",
        ]
        assert receiver.requests[1].headers["authorization"] == "Bearer second-value"
    sender.close()
    events = " ".join(each["body"].decode() for each in await home.api.events())
    listed = (await home.client.get(PATH)).text + (await home.client.get("/api/v1/webhooks")).text
    stored = str(await home.rows("SELECT * FROM secret"))
    for value in ("first-value", "second-value"):
        assert value not in events
        assert value not in listed
        assert value not in stored
    types = [each["type"].removeprefix("dev.regista.") for each in await home.api.events()]
    assert [each for each in types if each.startswith("secret.")] == ["secret.created", "secret.rotated"]


async def test_a_secret_in_use_stays_until_nothing_refers_to_it(home: Tenant) -> None:
    made = (await home.client.post(PATH, json={"name": "TOKEN", "value": "v"})).json()
    webhook = await home.webhook("http://127.0.0.1:9/", headers={"X-Key": "${secret.TOKEN}"})
    refused = await home.client.delete(f"{PATH}/{made['id']}")
    assert (refused.status_code, refused.json()["code"], refused.json()["integrations"]) == (
        409,
        "secret_in_use",
        ["ci"],
    )
    await home.client.patch(f"/api/v1/webhooks/{webhook['id']}", json={"headers": {}})
    assert (await home.client.delete(f"{PATH}/{made['id']}")).status_code == 204
    assert (await home.client.delete(f"{PATH}/{made['id']}")).status_code == 404


async def test_names_are_taken_once_and_values_must_fit_into_a_header(home: Tenant) -> None:
    assert (await home.client.post(PATH, json={"name": "A", "value": "v"})).status_code == 201
    again = await home.client.post(PATH, json={"name": "A", "value": "v"})
    assert (again.status_code, again.json()["code"]) == (409, "secret_exists")
    for value in ("", "a\nb", " a", "ä"):
        assert (await home.client.post(PATH, json={"name": "B", "value": value})).status_code == 422
    assert (await home.client.post(PATH, json={"name": "1B", "value": "v"})).status_code == 422


async def test_secrets_are_their_teams_and_their_organizations_alone(home: Tenant) -> None:
    made = (await home.client.post(PATH, json={"name": "TOKEN", "value": "v"})).json()
    secret = f"{PATH}/{made['id']}"
    await home.client.post("/api/v1/teams", json={"name": "strangers"})
    async with home.api.as_key(await home.api.key_of("max", team="team", role="member")) as client:
        assert len((await client.get(PATH)).json()["items"]) == 1
        assert (await client.put(secret, json={"value": "w"})).status_code == 403
        assert (await client.delete(secret)).status_code == 403
    async with home.api.as_key(await home.api.key_of("sam", team="strangers", role="admin")) as client:
        assert (await client.get(PATH)).json()["items"] == []
        assert (await client.delete(secret)).status_code == 404
        borrowed = await client.post(
            "/api/v1/webhooks",
            json={
                "name": "x",
                "url": "http://127.0.0.1:9/",
                "entity": "strangers",
                "headers": {"X": "${secret.TOKEN}"},
            },
        )
        assert (borrowed.status_code, borrowed.json()["code"]) == (422, "unknown_secret")
    rival = await second_tenant(home.api)
    assert (await rival.client.get(PATH)).json()["items"] == []
    assert (await rival.client.put(secret, json={"value": "w"})).status_code == 404
    assert (await rival.client.delete(secret)).status_code == 404
