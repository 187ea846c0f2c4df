from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres import PostgresSession
from tests.support.receiver import Receiver, Request, response
from tests.support.stage import Tenant, second_tenant, staged

PATH = "/api/v1/automations/preview"


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        yield tenant


async def test_a_preview_shows_what_would_be_sent_and_sends_nothing(home: Tenant) -> None:
    async def shown(status: int = 200, **body: Any) -> Any:
        answer = await home.client.post(PATH, json={"on": "alias.added"} | body)
        assert answer.status_code == status, answer.text
        return answer.json()

    sketch: dict[str, Any] = {
        "payload": {"v": "${artifact_version_index}", "t": "x ${secret.TOKEN}", "n": "${artifact_metadata.nope}"},
        "title": "${automation_name}: ${alias}",
        "where": 'alias == "production"',
        "name": "deploy",
    }
    sampled = await shown(**sketch)
    assert (sampled["payload"], sampled["title"]) == ({"v": 3, "t": "x ***", "n": ""}, "deploy: production")
    assert (sampled["missing"], sampled["secrets"]) == (["artifact_metadata.nope"], ["TOKEN"])
    assert (sampled["holds"], sampled["condition_error"], sampled["text"]) == (True, None, None)

    place = home.place() | {"alias": "staging", "artifact": {"version_index": 7, "version": "v7"}}
    (received,) = await home.emit(data=place)
    assert received.event is not None
    event = str(received.event.id)
    real = await shown(**sketch, event=event)
    assert (real["payload"]["v"], real["title"], real["holds"]) == (7, "deploy: staging", False)
    assert (await shown(payload={"a": "${event_author}"}, event=event))["payload"] == {"a": "admin"}
    failing = await shown(where="artifact.metadata.nope > 1")
    assert failing["holds"] is False
    assert "nope" in failing["condition_error"]
    assert (await shown())["holds"] is None

    assert (await shown(422, payload={"a": "${artifact.digset}"}))["nearest"] == "artifact.digest"
    assert (await shown(422, where="alias >"))["code"] == "invalid_condition"
    for field, written in (
        ("where", "{1.5: 1} == {}"),
        ("payload", {"a": "${[{now: 1}]}"}),
        ("title", "${{null: 1}}"),
        ("text", '${{b"a": 1}}'),
    ):
        assert "the key of a map is text" in (await shown(422, **{field: written}))["detail"]
    assert (await shown(422, on="run.created", event=event))["code"] == "invalid"
    assert (await shown(404, event="01890000-0000-7000-8000-000000000000"))["code"] == "not_found"
    assert await home.rows("SELECT 1 FROM delivery UNION ALL SELECT 1 FROM decision") == []

    body = {"on": "alias.added", "payload": {"a": "${alias}"}}
    async with home.api.as_key(await home.api.key_of("max", team="team", role="member")) as member:
        assert (await member.post(PATH, json=body)).json()["payload"] == {"a": "production"}
        assert (await member.post(PATH, json=body | {"event": event})).status_code in {403, 404}
    async with home.api.as_key(await home.api.key_of("max", scope="read")) as reader:
        refused = await reader.post(PATH, json=body)
        assert refused.status_code == 403
        assert "needs an API key of scope write; this one is for read" in refused.json()["detail"]
    key = await home.client.post("/api/v1/api-keys", json={"scope": "read"})
    async with home.api.as_key(key.json()["key"]) as reading_admin:
        assert (await reading_admin.post(PATH, json=body)).status_code == 403
    rival = await second_tenant(home.api)
    assert (await rival.client.post(PATH, json=body | {"event": event})).status_code == 404


async def test_a_test_send_takes_a_payload_with_the_teams_secrets(home: Tenant) -> None:
    async def echo(request: Request, writer: Any) -> None:
        writer.write(response(body=request.body))

    await home.client.post("/api/v1/secrets", json={"name": "TOKEN", "value": "s3cret-value", "entity": "team"})
    async with Receiver(answer=echo) as receiver:
        made = await home.webhook(receiver.url())
        path = f"/api/v1/webhooks/{made['id']}/test"
        payload = {"v": "${artifact_version_index}", "by": "${event_author}", "t": "${secret.TOKEN}"}
        answer = await home.client.post(path, json={"type": "alias.added", "payload": payload})
        assert answer.json()["status"] == 200, answer.text
        assert "s3cret-value" not in answer.text
        (request,) = receiver.requests
        assert b"s3cret-value" in request.body
        assert (request.headers["content-type"], request.headers["regista-test"]) == ("application/json", "true")
        assert b'"by":"admin"' in request.body
        for bad, code in (
            ({"a": "${artifact.digset}"}, "invalid_template"),
            ({"a": "${secret.NONE}"}, "unknown_secret"),
            ({"a": "${ACCESS_TOKEN}"}, "unsendable"),
        ):
            refused = await home.client.post(path, json={"type": "alias.added", "payload": bad})
            assert (refused.status_code, refused.json()["code"]) == (422, code)
        assert len(receiver.requests) == 1
