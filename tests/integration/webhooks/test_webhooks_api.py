import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.support.postgres import PostgresSession
from tests.support.receiver import Receiver, Request, response
from tests.support.stage import Tenant, second_tenant, staged

PATH = "/api/v1/webhooks"
URL = "http://127.0.0.1:9/hook"


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        yield tenant


async def told(home: Tenant) -> list[str]:
    types = [each["type"].removeprefix("dev.regista.") for each in await home.api.events()]
    return [each for each in types if each.startswith(("integration.", "endpoint."))]


async def test_an_endpoint_is_made_read_listed_changed_and_deleted(home: Tenant) -> None:
    made = await home.client.post(PATH, json={"name": "ci", "url": URL})
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown["secret"].startswith("whsec_")
    assert (shown["entity"], shown["state"], shown["timeout_seconds"]) == ("team", "active", 15.0)
    path = f"{PATH}/{shown['id']}"
    later = shown | {"secret": None}
    assert (await home.client.get(path)).json() == later
    assert (await home.client.get(PATH)).json() == {"items": [later], "next_cursor": None}
    changed = await home.client.patch(
        path, json={"url": URL + "?a=b", "timeout_seconds": 5, "concurrency": 1, "throttle": {"count": 2, "seconds": 1}}
    )
    assert changed.status_code == 200, changed.text
    assert changed.json() == later | {
        "url": URL + "?a=b",
        "timeout_seconds": 5.0,
        "concurrency": 1,
        "throttle": {"count": 2, "seconds": 1.0},
    }
    assert (await home.client.patch(path, json={"timeout_seconds": 5})).status_code == 200
    assert (await home.client.delete(path)).status_code == 204
    assert (await home.client.get(path)).status_code == 404
    assert (await home.client.post(PATH, json={"name": "ci", "url": URL})).status_code == 201
    assert await told(home) == [
        "integration.created",
        "integration.updated",
        "integration.deleted",
        "integration.created",
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"url": "http://10.0.0.1/"}, "url_refused"),
        ({"url": "http://0x7f.1/"}, "url_refused"),
        ({"url": "ftp://example.com/"}, "url_refused"),
        ({"url": "http://user:password@example.com/"}, "url_refused"),
        ({"headers": {"Host": "a"}}, "header_refused"),
        ({"headers": {"X-A": "${secret.TOKEN}"}}, "unknown_secret"),
        ({"headers": {"X-A": "${alias}"}}, "invalid"),
        ({"access_token": "a\nb"}, "header_refused"),
        ({"access_token": "a", "headers": {"authorization": "b"}}, "invalid"),
        ({"signature": "v1a", "wandb_signature": True}, "invalid"),
        ({"timeout_seconds": 31}, "invalid"),
        ({"timeout_seconds": "5"}, "invalid"),
        ({"timeout_seconds": None}, "invalid"),
        ({"concurrency": 4.0}, "invalid"),
        ({"concurrency": None}, "invalid"),
        ({"throttle": {"count": True, "seconds": 1}}, "invalid"),
        ({"throttle": {"count": 1, "seconds": True}}, "invalid"),
        ({"wandb_signature": "yes"}, "invalid"),
        ({"wandb_signature": None}, "invalid"),
        ({"concurrency": 65}, "invalid"),
        ({"name": "a/b"}, "invalid"),
    ],
)
async def test_what_cannot_be_saved_is_refused(home: Tenant, changes: dict[str, Any], code: str) -> None:
    refused = await home.client.post(PATH, json={"name": "ci", "url": URL} | changes)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    if "url" not in changes and "name" not in changes and "signature" not in changes:
        made = await home.webhook(URL)
        again = await home.client.patch(f"{PATH}/{made['id']}", json=changes)
        assert (again.status_code, again.json()["code"]) == (422, code)


@pytest.mark.parametrize("field", ["name", "access_token"])
async def test_a_number_that_is_none_does_not_pass_for_a_text(home: Tenant, field: str) -> None:
    body = json.dumps({"name": "ci", "url": URL} | {field: float("nan")})
    refused = await home.client.post(PATH, content=body, headers={"content-type": "application/json"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


async def test_a_name_is_taken_once_per_team(home: Tenant) -> None:
    await home.webhook(URL)
    again = await home.client.post(PATH, json={"name": "ci", "url": URL})
    assert (again.status_code, again.json()["code"]) == (409, "webhook_exists")
    other = await home.client.post(PATH, json={"name": "ci", "url": URL, "entity": "home-org"})
    assert other.status_code == 201


async def test_an_endpoint_that_automations_use_stays_and_they_are_named(home: Tenant) -> None:
    made = await home.webhook(URL)
    automation = await home.automation("deploy to staging")
    refused = await home.client.delete(f"{PATH}/{made['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook_in_use")
    assert refused.json()["automations"] == ["deploy to staging"]
    await home.webhook(URL, "other")
    await home.client.patch(
        f"/api/v1/automations/{automation['id']}", json={"actions": [{"webhook": {"integration": "team/other"}}]}
    )
    assert (await home.client.delete(f"{PATH}/{made['id']}")).status_code == 204


async def test_of_a_deletion_and_a_save_that_race_the_automation_never_keeps_a_dead_endpoint(home: Tenant) -> None:
    for turn in range(8):
        made = await home.webhook(URL)
        saved, deleted = await asyncio.gather(
            home.client.post(
                "/api/v1/automations",
                json={
                    "name": f"turn {turn}",
                    "scope": "org",
                    "on": ["alias.added"],
                    "actions": [{"webhook": {"integration": "team/ci"}}],
                },
            ),
            home.client.delete(f"{PATH}/{made['id']}"),
        )
        assert (saved.status_code, deleted.status_code) in {(201, 409), (422, 204)}
        if saved.status_code == 201:
            await home.client.delete(f"/api/v1/automations/{saved.json()['id']}")
            assert (await home.client.delete(f"{PATH}/{made['id']}")).status_code == 204


async def test_a_secret_is_shown_once_also_under_an_idempotency_key(home: Tenant) -> None:
    headers = {"idempotency-key": "make-ci"}
    first = await home.client.post(PATH, json={"name": "ci", "url": URL}, headers=headers)
    again = await home.client.post(PATH, json={"name": "ci", "url": URL}, headers=headers)
    assert first.json()["secret"]
    assert again.json() == first.json() | {"secret": None}


async def test_an_ed25519_endpoint_shows_its_public_key_and_no_secret(home: Tenant) -> None:
    made = await home.webhook(URL, signature="v1a")
    assert made["secret"] is None
    assert made["keys"][0]["public_key"].startswith("whpk_")


async def test_rotation_keeps_old_keys_for_their_time_and_ten_at_most(home: Tenant) -> None:
    made = await home.webhook(URL)
    path = f"{PATH}/{made['id']}/rotate"
    secrets = {made["secret"]}
    for _ in range(10):
        rotated = await home.client.post(path, json={"keep_hours": 1})
        assert rotated.status_code == 200, rotated.text
        secrets.add(rotated.json()["secret"])
    assert len(secrets) == 11
    assert len((await home.client.get(f"{PATH}/{made['id']}")).json()["keys"]) == 11
    refused = await home.client.post(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_keys")
    assert (await home.client.post(path, json={"keep_hours": 169})).status_code == 422
    alone = await home.client.post(path, json={"keep_hours": 0})
    assert [each["expires_at"] for each in alone.json()["keys"]] == [None]


async def test_only_admins_of_the_team_edit_and_strangers_see_nothing(home: Tenant) -> None:
    made = await home.webhook(URL + "?token=hidden")
    path = f"{PATH}/{made['id']}"
    await home.client.post("/api/v1/teams", json={"name": "strangers"})
    async with home.api.as_key(await home.api.key_of("max", team="team", role="member")) as client:
        assert (await client.get(path)).json()["url"] == URL
        assert (await client.patch(path, json={"concurrency": 1})).status_code == 403
        assert (await client.post(f"{path}/rotate")).status_code == 403
    async with home.api.as_key(await home.api.key_of("sam", team="strangers", role="admin")) as client:
        assert (await client.get(PATH)).json()["items"] == []
        assert (await client.get(path)).status_code == 404
        assert (await client.delete(path)).status_code == 404
    rival = await second_tenant(home.api)
    assert (await rival.client.get(PATH)).json()["items"] == []
    for answer in (
        await rival.client.get(path),
        await rival.client.delete(path),
        await rival.client.post(f"{path}/rotate"),
        await rival.client.post(f"{path}/test", json={"type": "alias.added"}),
        await rival.client.post(PATH, json={"name": "x", "url": URL, "entity": "team"}),
    ):
        assert answer.status_code == 404


async def test_an_endpoint_is_switched_off_and_on_with_an_event_each(home: Tenant) -> None:
    made = await home.webhook(URL)
    path = f"{PATH}/{made['id']}"
    off = await home.client.post(f"{path}/disable")
    assert (off.json()["state"], off.json()["disabled_reason"]) == ("disabled", "manual")
    await home.client.post(f"{path}/disable")
    assert (await home.client.post(f"{path}/enable")).json()["state"] == "active"
    await home.client.post(f"{path}/enable")
    assert await told(home) == ["integration.created", "endpoint.disabled", "endpoint.enabled"]


async def test_a_test_send_is_signed_and_shows_the_answer_to_editors_alone(home: Tenant) -> None:
    async def answer(_request: Request, writer: Any) -> None:
        writer.write(response("202 Accepted", b"thanks"))

    async with Receiver(answer=answer) as receiver:
        made = await home.webhook(receiver.url())
        path = f"{PATH}/{made['id']}/test"
        result = await home.client.post(path, json={"type": "alias.added"})
        assert result.json() | {"status": 202, "error": None, "body": "thanks"} == result.json()
        assert result.json()["ms"] > 0
        (request,) = receiver.requests
        assert b'"type":"dev.regista.alias.added"' in request.body
        assert request.headers["regista-test"] == "true"
        async with home.api.as_key(await home.api.key_of("max", team="team", role="member")) as client:
            seen = (await client.post(path, json={"type": "alias.added"})).json()
            assert (seen["status"], seen["body"]) == (202, None)
        async with home.api.as_key(await home.api.key_of("vera", team="team", role="viewer")) as client:
            assert (await client.post(path, json={"type": "alias.added"})).status_code == 403
        unknown = await home.client.post(path, json={"type": "alias.add"})
        assert (unknown.status_code, unknown.json()["nearest"]) == (422, "alias.added")
    refused = await home.client.post(path, json={"type": "alias.added"})
    assert (refused.json()["status"], refused.json()["error"]) == (None, "connection_refused")
    assert await home.rows("SELECT FROM delivery") == []


async def test_a_test_send_to_a_forbidden_address_says_so(postgres: PostgresSession, tmp_path: Path) -> None:
    async with staged(postgres, tmp_path, webhook_allowed_networks=()) as closed:
        made = await closed.webhook("http://localhost:9/")
        result = await closed.client.post(f"{PATH}/{made['id']}/test", json={"type": "alias.added"})
        assert (result.json()["status"], result.json()["error"]) == (None, "address_forbidden")


async def test_a_test_send_whose_secret_makes_the_url_too_long_says_so_without_the_secret(home: Tenant) -> None:
    secret = {"name": "LONG", "value": "s3cr3t" * 500, "entity": "team"}
    assert (await home.client.post("/api/v1/secrets", json=secret)).status_code == 201
    made = await home.webhook("http://127.0.0.1:9/?a=${secret.LONG}")
    result = (await home.client.post(f"{PATH}/{made['id']}/test", json={"type": "alias.added"})).json()
    assert (result["status"], result["error"]) == (None, "url_too_long")
    assert "the URL has 3022 characters; at most 2048 are accepted" in result["body"]
    assert "s3cr3t" not in str(result)


async def test_secrets_stand_nowhere_but_in_the_answer_that_shows_them(home: Tenant) -> None:
    headers = {"X-Api-Key": "the-header-secret"}
    with structlog.testing.capture_logs() as logs:
        made = await home.webhook(URL + "?key=the-query-secret", headers=headers, access_token="the-access-token")
        path = f"{PATH}/{made['id']}"
        rotated = (await home.client.post(f"{path}/rotate")).json()
        await home.client.patch(
            path, json={"headers": {"X-Other": "the-second-header"}, "access_token": "the-next-token"}
        )
        await home.client.post(f"{path}/test", json={"type": "alias.added"})
        listed = (await home.client.get(PATH)).text + (await home.client.get(path)).text
    hidden = [
        made["secret"],
        rotated["secret"],
        "the-header-secret",
        "the-second-header",
        "the-access-token",
        "the-next-token",
    ]
    events = " ".join(each["body"].decode() for each in await home.api.events())
    rows = str(await home.rows("SELECT * FROM endpoint")) + str(await home.rows("SELECT * FROM webhook_key"))
    for secret in hidden:
        assert secret not in listed
        assert secret not in events
        assert secret not in rows
        assert secret not in str(logs)
    assert "the-query-secret" not in events
    assert "the-query-secret" not in str(logs)
    await home.client.delete(path)
    assert await home.rows("SELECT FROM webhook_key") == []
    assert await home.rows("SELECT headers, access_token FROM endpoint") == [{"headers": None, "access_token": None}]
