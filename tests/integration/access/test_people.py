import asyncio
import base64
import json

import pytest
from pydantic import SecretStr

from regista.access import service
from regista.access.errors import UnauthenticatedError
from regista.access.keys import KeyCache
from regista.kit.db import Database
from regista.kit.errors import ConfigurationError
from regista.kit.settings import Settings
from tests.support.api import ADMIN_KEY, Api
from tests.support.database import fresh
from tests.support.postgres import PostgresSession


async def test_a_key_is_accepted_as_bearer_and_as_basic_password(api: Api) -> None:
    assert (await api.client.get("/api/v1/me")).json()["organization_admin"] is True
    basic = base64.b64encode(f"api:{ADMIN_KEY}".encode()).decode()
    async with api.as_key(None) as client:
        answer = await client.get("/api/v1/me", headers={"authorization": f"Basic {basic}"})
        assert answer.json()["name"] == "admin"
        for header in ("", "Bearer", "Bearer nope", "Basic !!", "Bearer " + "x" * 50, "Digest a", "Basic " + "/w=="):
            answer = await client.get("/api/v1/me", headers={"authorization": header})
            assert answer.status_code == 401, header
            assert answer.json()["code"] == "unauthenticated"


async def test_a_key_is_shown_once_and_stored_as_a_digest(api: Api) -> None:
    key = await api.key_of("ann")
    async with api.runtime.database.transaction() as tx:
        dump = str(await tx.connection.fetchval("SELECT string_agg(k::text, ' ') FROM api_key k"))
        logged = str(await tx.connection.fetchval("SELECT string_agg(encode(body, 'escape'), ' ') FROM event"))
    assert key not in dump
    assert key not in logged
    listed = (await api.client.get("/api/v1/api-keys", params={"all": True})).json()["items"]
    assert [one["key"] for one in listed] == [None] * len(listed)


async def test_a_repeated_request_does_not_show_the_key_again(api: Api) -> None:
    headers = {"idempotency-key": "one"}
    first = await api.client.post("/api/v1/api-keys", json={"name": "ci"}, headers=headers)
    again = await api.client.post("/api/v1/api-keys", json={"name": "ci"}, headers=headers)
    assert first.json()["key"]
    assert again.json() == {**first.json(), "key": None}
    assert again.headers["idempotency-replayed"] == "true"
    other = await api.client.post("/api/v1/api-keys", json={"name": "cd"}, headers=headers)
    assert other.status_code == 422


async def test_answers_are_kept_for_a_day_and_then_cleared_away(api: Api) -> None:
    async def post(key: str) -> None:
        assert (await api.client.post("/api/v1/api-keys", json={}, headers={"idempotency-key": key})).status_code == 201

    for key in ("old", "older", "young"):
        await post(key)
    async with api.runtime.database.transaction() as tx:
        await tx.connection.execute(
            "UPDATE idempotency_key SET created_at = now() - interval '25 hours' WHERE key LIKE 'old%'"
        )
    await post("old")
    async with api.runtime.database.transaction() as tx:
        left = await tx.connection.fetch("SELECT key FROM idempotency_key WHERE created_at > now() - interval '1 hour'")
        assert await tx.connection.fetchval("SELECT count(*) FROM idempotency_key") == 2
    assert {row["key"] for row in left} == {"young", "old"}


async def test_of_twins_with_one_idempotency_key_one_is_made(api: Api) -> None:
    answers = await asyncio.gather(
        *(api.client.post("/api/v1/teams", json={"name": "red"}, headers={"idempotency-key": "k"}) for _ in range(6))
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    bodies = {answer.text for answer in answers if answer.status_code == 201}
    assert len(bodies) == 1
    assert [event["subject"] for event in await api.events()].count("teams/red/members/admin") == 1


async def test_a_revoked_key_fails_within_100_ms_in_another_process(api: Api) -> None:
    key = await api.key_of("ann")
    other = Database(api.runtime.database.url)
    cache = KeyCache(other)
    while not other.wakeups.listening:
        await asyncio.sleep(0.01)
    for _ in range(3):
        assert (await cache.actor(key)).name == "ann"
    async with api.as_key(key) as ann:
        listed = (await ann.get("/api/v1/api-keys", params={"all": False})).json()["items"]
        assert (await ann.delete(f"/api/v1/api-keys/{listed[0]['id']}")).status_code == 204
        await asyncio.sleep(0.1)
        with pytest.raises(UnauthenticatedError):
            await cache.actor(key)
        assert (await ann.get("/api/v1/me")).status_code == 401
    cache.close()
    await other.close()
    assert [event["type"] for event in await api.events()][-2:] == [
        "dev.regista.api_key.revoked",
        "dev.regista.session.denied",
    ]


async def test_a_refusal_names_the_role_and_is_an_event(api: Api) -> None:
    key = await api.key_of("ann", team="team", role="viewer")
    async with api.as_key(key) as ann:
        answer = await ann.post("/api/v1/teams", json={"name": "mine"})
    assert answer.status_code == 403
    assert answer.json()["needed_role"] == "admin"
    last = (await api.events())[-1]
    assert last["type"] == "dev.regista.access.denied"
    data = json.loads(last["body"])["data"]
    assert data["action"] == "member.write"
    assert data["member"]["name"] == "ann"


async def test_only_a_trace_context_becomes_part_of_an_event(api: Api) -> None:
    given = ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "x" * 5000, "00-0AF7-b7ad-01")
    for number, trace in enumerate(given):
        answer = await api.client.post("/api/v1/teams", json={"name": f"t{number}"}, headers={"traceparent": trace})
        assert answer.status_code == 201
    found = [json.loads(event["body"]).get("traceparent") for event in (await api.events())[-3:]]
    assert found == [given[0], None, None]


async def test_role_changes_say_from_and_to_and_nothing_when_nothing_changed(api: Api) -> None:
    await api.key_of("ann", team="team", role="viewer")
    before = len(await api.events())
    for role in ("viewer", "member", "member"):
        assert (await api.client.put("/api/v1/teams/team/members/ann", json={"role": role})).status_code == 200
    assert (await api.client.delete("/api/v1/teams/team/members/ann")).status_code == 204
    news = (await api.events())[before:]
    assert [event["type"] for event in news] == ["dev.regista.member.role_changed", "dev.regista.member.removed"]
    assert json.loads(news[0]["body"])["data"]["role"] == {"from": "viewer", "to": "member"}
    assert [json.loads(event["body"])["sequence"] for event in news] == [3, 4]


async def test_names_are_unique_across_people_and_teams(api: Api) -> None:
    assert (await api.client.post("/api/v1/users", json={"name": "team"})).status_code == 409
    assert (await api.client.post("/api/v1/teams", json={"name": "admin"})).status_code == 409


async def test_of_several_who_take_one_name_at_once_one_gets_it_and_the_others_are_told(api: Api) -> None:
    for round_ in range(3):
        body = {"name": f"wanted-{round_}"}
        calls = [api.client.post(f"/api/v1/{kind}", json=body) for kind in ("users", "teams") * 4]
        answers = [answer.status_code for answer in await asyncio.gather(*calls)]
        assert sorted(answers) == [201] + [409] * 7


async def test_names_that_would_open_other_events_to_their_owner_are_reserved(api: Api) -> None:
    for kind in ("users", "teams"):
        for name in ("users", "teams", "api-keys"):
            answer = await api.client.post(f"/api/v1/{kind}", json={"name": name})
            assert (answer.status_code, "reserved" in answer.text) == (409, True)


async def test_the_owner_of_a_space_lets_nobody_into_the_organization(api: Api) -> None:
    key = await api.key_of("ann")
    async with api.as_key(key) as ann:
        for kind in ("users", "service-accounts"):
            answer = await ann.post(f"/api/v1/{kind}", json={"name": "guest", "team": "ann"})
            assert (answer.status_code, answer.json().get("field")) == (422, "team")
    assert [one["name"] for one in (await api.client.get("/api/v1/users")).json()["items"]] == ["admin", "ann"]


async def test_a_key_makes_none_that_may_more(api: Api) -> None:
    await api.key_of("ann", team="team", role="admin")
    for limits, status in (({"scope": "write"}, 403), ({"team": "team"}, 404)):
        limited = (await api.client.post("/api/v1/api-keys", json={"user": "ann", **limits})).json()
        async with api.as_key(limited["key"]) as ann:
            answer = await ann.post("/api/v1/api-keys", json={"scope": "admin"})
            assert answer.status_code == status, answer.text


@pytest.mark.parametrize(("setting", "name"), [("organization", "my company"), ("team", "a/b"), ("admin", "users")])
async def test_an_installation_is_not_begun_under_a_name_that_no_path_can_have(
    postgres: PostgresSession, setting: str, name: str
) -> None:
    async with fresh(postgres) as database:
        given = Settings(admin_api_key=SecretStr(ADMIN_KEY)).model_copy(update={setting: name})
        with pytest.raises(ConfigurationError, match=f"REGISTA_{setting.upper()} is {name!r}"):
            async with database.transaction() as tx:
                await service.bootstrap(tx, given, "http://test")


async def test_a_read_only_key_reads_and_changes_nothing(api: Api) -> None:
    key = await api.key_of("ann", scope="read")
    async with api.as_key(key) as ann:
        assert (await ann.get("/api/v1/me")).status_code == 200
        answer = await ann.post("/api/v1/api-keys", json={})
        assert answer.status_code == 403
        assert "scope" in answer.json()["detail"]


async def test_explain_says_why(api: Api) -> None:
    await api.key_of("ann", team="team", role="viewer")
    query = {"action": "alias.set", "team": "team", "actor": "ann"}
    answer = (await api.client.get("/api/v1/access/explain", params=query)).json()
    assert (answer["allowed"], answer["role"], answer["needed_role"]) == (False, "viewer", "member")


async def test_lists_page_by_keyset_and_refuse_foreign_cursors(api: Api) -> None:
    for name in "abcde":
        await api.client.post("/api/v1/users", json={"name": name})
    seen: list[str] = []
    cursor = None
    while True:
        page = (
            await api.client.get("/api/v1/users", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        ).json()
        seen += [one["name"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["admin", *"abcde"]
    for bad in ("x", "W10", "bnVsbA", "WyJhIl0", "WyJcdWQ4MDAiXQ"):
        assert (await api.client.get("/api/v1/users", params={"cursor": bad})).status_code == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"name": "x\\u0000"}', 422),
        (b'{"name": "\\ud800"}', 422),
        (b'{"name": "x", "more": 1}', 422),
        (b'{"name": 7}', 422),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"name": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001, 400),
        (b'{"name": ' + b'{"a":' * 100 + b"1" + b"}" * 101, 422),
        (b'{"name": "' + b"x" * 9_000_000 + b'"}', 413),
    ],
)
async def test_bad_bodies_are_explained(api: Api, body: bytes, status: int) -> None:
    answer = await api.client.post("/api/v1/users", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["code"]
    assert problem["detail"]


async def test_unreadable_paths_are_explained(api: Api) -> None:
    for path in ("/api/v1/teams/%00/members/x", "/api/v1/teams/%ff/members/x", "/api/v1/users?cursor=%00"):
        answer = await api.client.delete(path)
        assert answer.status_code == 400, path
    assert (await api.client.get("/nowhere")).json()["code"] == "not_found"
    assert (await api.client.patch("/api/v1/users")).json()["code"] == "method_not_allowed"
