import asyncio
import json
import random
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from regista.automations.past import api as past_api
from regista.automations.past.replaying import Replays
from regista.automations.past.simulating import simulate, task
from regista.events import passage
from regista.events.selection import Selection, Stretch
from regista.kit import clock
from tests.support.api import ADMIN_KEY
from tests.support.definitions import definition
from tests.support.postgres import PostgresSession
from tests.support.stage import Tenant, second_tenant, staged

V1 = "/api/v1"
SIMULATE = f"{V1}/automations/simulate"
NO_OP = [{"no_op": {}}]
DRAFT: dict[str, Any] = {"scope": "org", "on": ["alias.added"]}


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        yield tenant


async def lines(client: Any, path: str = SIMULATE, **wanted: Any) -> list[dict[str, Any]]:
    answer = await client.post(path, json=wanted)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


async def summary(tenant: Tenant, **wanted: Any) -> dict[str, Any]:
    return (await lines(tenant.client, **wanted))[-1]


async def everything(tenant: Tenant) -> dict[str, int]:
    """Return how many rows each table has."""
    tables = await tenant.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found: dict[str, int] = {}
    for table in tables:
        (row,) = await tenant.rows(f"SELECT count(*) AS found FROM {table['tablename']}")
        found[table["tablename"]] = row["found"]
    return found


async def test_a_draft_on_a_metric_says_why_there_is_nothing_to_count(home: Tenant) -> None:
    metric = {"name": "loss", "test": "threshold", "window": 1, "comparison": ">", "value": 1}
    draft = {"scope": "org", "on": ["run.metric_triggered"], "trigger": {"metric": metric}}
    last = await summary(home, draft=draft)
    assert last["matched"] == 0
    assert last["note"].startswith("a metric is watched from the moment its automation is saved")
    saved = await home.automation("saved", **draft, actions=NO_OP)
    assert (await summary(home, automation=saved["id"]))["note"] is None
    assert (await summary(home, draft=DRAFT))["note"] is None


async def test_a_simulation_tells_what_would_have_been_sent_and_does_nothing(home: Tenant) -> None:
    await home.webhook("http://127.0.0.1:9/")
    await home.client.post(f"{V1}/secrets", json={"name": "TOKEN", "value": "open sesame", "entity": "team"})
    for alias in ("production", "staging", "production"):
        await home.emit(data=home.place() | {"alias": alias})
    await home.emit("tag.added")
    before = await everything(home)
    payload = {"alias": "${alias}", "token": "${secret.TOKEN}", "none": "${artifact.metadata.none}"}
    draft = DRAFT | {
        "scope": "project/team/mnist",
        "where": 'alias == "production"',
        "actions": [{"webhook": {"integration": "ci", "payload": payload}}],
    }
    *hits, last = await lines(home.client, draft=draft, days=1)
    assert [hit["kind"] for hit in hits] == ["hit", "hit"]
    assert hits[0]["event"]["type"] == "alias.added"
    assert (hits[0]["verdict"], hits[0]["reason"]) == ("fire", None)
    assert hits[0]["actions"] == [
        {
            "action": "webhook",
            "integration": "ci",
            "payload": {"alias": "production", "token": "***", "none": ""},
            "missing": ["artifact.metadata.none"],
            "error": None,
        }
    ]
    counts = {name: last[name] for name in ("kind", "examined", "concerned", "unmet", "matched", "fires", "skipped")}
    assert counts == {
        "kind": "summary", "examined": 3, "concerned": 3, "unmet": 1, "matched": 2, "fires": 2, "skipped": {},
    }  # fmt: skip
    broken = await summary(home, draft=DRAFT | {"where": "artifact.metadata.none > 1"})
    assert (broken["fires"], broken["skipped"]) == (0, {"condition_error": 3})
    assert await everything(home) == before


async def test_limits_are_counted_in_the_time_of_the_events(home: Tenant) -> None:
    await home.emit(times=6)
    async with home.api.runtime.database.transaction() as tx:
        # One every 20 minutes, long ago.
        await tx.connection.execute(
            """
            UPDATE event e SET body = convert_to(replace(convert_from(body, 'UTF8'),
                '"time":"' || substring(convert_from(body, 'UTF8') FROM '"time":"([^"]*)"'),
                '"time":"' || to_char('2026-01-01'::timestamp + n * interval '20 minutes', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')), 'UTF8')
            FROM (SELECT id, row_number() OVER (ORDER BY position) AS n FROM event WHERE type LIKE '%alias.added') o
            WHERE o.id = e.id
            """
        )
    whole = await summary(home, draft=DRAFT)
    assert (whole["matched"], whole["fires"]) == (6, 6)
    cool = await summary(home, draft=DRAFT | {"limits": {"cooldown": "40m"}})
    assert (cool["matched"], cool["fires"], cool["skipped"]) == (6, 3, {"cooldown": 3})
    rate = await summary(home, draft=DRAFT | {"limits": {"per_hour": 1}})
    assert (rate["fires"], rate["skipped"]) == (2, {"rate": 4})
    # Each that waits fires when it may, unless a later one takes its place.
    calm = await summary(home, draft=DRAFT | {"limits": {"cooldown": "1h", "coalesce": True}})
    assert calm["matched"] == calm["fires"] + calm["waiting"] + calm["skipped"]["coalesced"] == 6
    assert calm["fires"] == 3


async def test_a_replay_into_nothing_fires_as_often_as_the_simulation_counted(home: Tenant) -> None:
    chance = random.Random(7)
    wheres = (None, 'alias == "production"', 'previous == null && alias != "staging"', "artifact.metadata.none > 1")
    for _ in range(40):
        alias = chance.choice(("production", "staging", "other"))
        place = home.place(chance.choice(("collection", "model")))
        data = place | {"alias": alias, "previous": None, "automatic": chance.random() < 0.1}
        await home.emit("alias.added", data, hops=chance.choice((0, 0, 0, 16)), times=chance.choice((1, 5)))
        await home.emit("tag.added", place)
    expected: dict[str, tuple[int, int]] = {}
    for number, where in enumerate(wheres):
        for scope in ("org", "project/team/mnist", "registry/model"):
            rule = {"scope": scope, "on": ["alias.added"], "where": where, "actions": NO_OP}
            made = await home.automation(f"{number} of {scope}".replace("/", " "), **rule)
            drafted = await summary(home, draft=rule)
            saved = await summary(home, automation=made["id"])
            path = f"{V1}/automations/{made['id']}/replay"
            dry = (await lines(home.client, path, types=["alias.added"], dry_run=True))[-1]
            for other in (saved, dry):
                assert {**other, "seconds": 0} == {**drafted, "seconds": 0}
            replay = await home.client.post(path, json={"types": ["alias.added"]})
            expected[replay.json()["id"]] = drafted["matched"], sum(drafted["skipped"].values())
    driver = Replays(home.api.runtime.database)
    while await driver.round():
        pass
    rows = await home.rows("SELECT id, state, fired, skipped FROM replay")
    assert {str(row["id"]): (row["fired"], row["skipped"]) for row in rows} == expected
    assert {row["state"] for row in rows} == {"finished"}
    assert 0 < len({fired for fired, _ in expected.values()}) > 5
    decided = await home.rows("SELECT replay_id, count(*) AS n FROM decision WHERE verdict = 'fire' GROUP BY replay_id")
    fires = {replay: fired for replay, (fired, _) in expected.items() if fired}
    assert {str(row["replay_id"]): row["n"] for row in decided} == fires


async def test_a_simulation_reads_the_time_that_is_asked_for_and_tells_no_more_than_its_limit(home: Tenant) -> None:
    await home.emit(times=5)
    now = clock.now()
    told = await lines(home.client, draft=DRAFT, limit=2)
    assert [each["kind"] for each in told if each["kind"] != "progress"] == ["hit", "hit", "summary"]
    past = {"to": (now - timedelta(days=1)).isoformat()}
    assert (await summary(home, draft=DRAFT, **past))["examined"] == 0
    assert (await summary(home, draft=DRAFT, **{"from": (now - timedelta(hours=1)).isoformat()}))["examined"] == 5
    made = await home.automation(actions=NO_OP)
    for wrong in (
        {},
        {"draft": DRAFT, "automation": made["id"]},
        {"draft": DRAFT, "days": 1, "from": now.isoformat()},
        {"draft": DRAFT, "days": 0},
        {"draft": DRAFT | {"where": "alais"}},
        {"draft": DRAFT | {"on": ["alias.aded"]}},
    ):
        assert (await home.client.post(SIMULATE, json=wrong)).status_code == 422, wrong
    assert (await home.client.post(SIMULATE, json={"automation": 999})).status_code == 404


async def test_a_simulation_shows_nobody_what_they_may_not_read(home: Tenant) -> None:
    await home.emit(data=home.place("collection"))
    await home.emit(data=home.place("model"))
    rival = await second_tenant(home.api)
    of_team = DRAFT | {"scope": "project/team/mnist"}
    saved = await home.automation(scope="project/team/mnist", actions=[{"no_op": {}}])
    member = home.api.as_key(await home.api.key_of("mara", team="team", role="member"))
    viewer = home.api.as_key(await home.api.key_of("vic", team="team", role="viewer"))
    for client in (home.client, member):
        told = await lines(client, draft=of_team)
        assert [each["kind"] for each in told].count("hit") == told[-1]["matched"] == 1
    assert (await member.post(SIMULATE, json={"draft": DRAFT})).status_code == 403
    assert (await viewer.post(SIMULATE, json={"automation": saved["id"]})).status_code == 403
    assert (await rival.client.post(SIMULATE, json={"draft": of_team})).status_code == 404
    assert (await lines(rival.client, draft=DRAFT))[-1]["examined"] == 0


async def test_a_simulation_says_how_far_it_is_and_ends_where_it_is_not_allowed(
    home: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passage, "CHUNK", 2)
    monkeypatch.setattr("regista.automations.past.simulating.NEWS_SECONDS", 0.0)
    await home.emit(times=9)
    progress = [each for each in await lines(home.client, draft=DRAFT, limit=0) if each["kind"] == "progress"]
    assert [each["examined"] for each in progress] == [2, 4, 6, 8, 9]
    assert [each["done"] for each in progress] == sorted(each["done"] for each in progress)
    assert progress[-1]["done"] == 1.0

    asked = 0

    async def allowed() -> bool:
        nonlocal asked
        asked += 1
        return asked < 2

    monkeypatch.setattr("regista.automations.past.simulating.ALLOWED_SECONDS", 0.0)
    wanted = task(
        definition(1, ("org", 0), "alias.added", organization="home", organization_id=home.organization_id),
        Selection(types=("dev.regista.alias.added",)),
        Stretch(0, 10_000),
        0,
    )
    told = [each async for each in simulate(home.api.runtime.database, wanted, allowed)]
    assert told[-1] == {"kind": "error", "detail": "the key that asked for this may not read it any more"}
    assert asked == 2


async def test_a_simulation_ends_with_its_reader_and_few_run_at_a_time(
    home: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passage, "CHUNK", 1)
    monkeypatch.setattr("regista.automations.past.simulating.NEWS_SECONDS", 0.0)
    await home.emit(times=200)
    running: set[object] = set()
    home.api.app._app.state.simulations = running
    read, gone = 0, asyncio.Event()
    body = json.dumps({"draft": DRAFT, "limit": 0}).encode()
    asked = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if asked:
            return asked.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal read
        read += bool(message.get("body"))
        if read == 3:
            assert len(running) == 1
            gone.set()

    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "POST",
        "path": SIMULATE, "raw_path": SIMULATE.encode(), "query_string": b"", "scheme": "http", "server": ("test", 80),
        "client": ("127.0.0.1", 1), "root_path": "",
        "headers": [(b"authorization", f"Bearer {ADMIN_KEY}".encode()), (b"content-type", b"application/json")],
    }  # fmt: skip
    await asyncio.wait_for(home.api.app(scope, receive, send), 20)
    assert read < 50
    assert not running

    monkeypatch.setattr(past_api, "MAX_SIMULATIONS", 1)
    running.add(object())
    assert (await home.client.post(SIMULATE, json={"draft": DRAFT})).status_code == 503
    running.clear()
    assert (await summary(home, draft=DRAFT))["kind"] == "summary"
    assert not running
