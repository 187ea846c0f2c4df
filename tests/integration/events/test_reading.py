import json
import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from regista.events import repository
from regista_events import codec, topics
from regista_events.envelope import Event, full_name, short_name
from regista_events.schemas import read_snapshots
from tests.support.api import Api
from tests.support.log import BEGAN, log, made


async def logged(api: Api, events: list[Event[Any]], organization: int = 1) -> None:
    async with api.runtime.database.transaction() as tx:
        await log(tx, events, organization=organization)


async def emptied(api: Api) -> None:
    async with api.runtime.database.transaction() as tx:
        await tx.connection.execute("DELETE FROM event")


SUBJECTS = ("vision/m/A:v1", "vision/m/A:v10", "vision/m/B:v1", "visions/x", "vision", "text/m/A:v1", "a%b_c/x")


@pytest.mark.parametrize("seed", range(3))
async def test_every_filter_and_page_size_gives_what_a_plain_search_gives(
    api: Api, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    draw = random.Random(seed)
    monkeypatch.setattr(repository, "WINDOW", draw.choice((7, 40, 20_000)))
    await emptied(api)
    events: list[Event[Any]] = []
    for number in range(120):
        cause = draw.choice(events) if events and draw.random() < 0.3 else None
        events.append(
            made(
                draw.choice(("alias.added", "tag.added", "run.created", "artifact.used")),
                number,
                subject=draw.choice(SUBJECTS),
                actor=draw.choice(("1", "2", "system")),
                causationid=cause.id if cause else None,
                correlationid=(cause.correlationid or cause.id) if cause else None,
            )
        )
    await logged(api, events)
    for _ in range(40):
        asked: dict[str, Any] = {}
        wanted = list(reversed(events))
        if draw.random() < 0.4:
            kinds = draw.sample(["alias.added", "tag.added", "run.created"], draw.choice((1, 2)))
            asked["type"] = kinds if draw.random() < 0.5 else ",".join(kinds)
            wanted = [e for e in wanted if short_name(e.type) in kinds]
        if draw.random() < 0.4:
            asked["subject"] = prefix = draw.choice(("vision/m/A:v1", "vis", "", "a%", "nothing"))
            wanted = [e for e in wanted if e.subject.startswith(prefix)]
        if draw.random() < 0.3:
            asked["actor"] = actor = draw.choice(("1", "2", "system"))
            wanted = [e for e in wanted if e.actor == actor]
        if draw.random() < 0.2:
            asked["correlation"] = chain = draw.choice(events).id
            wanted = [e for e in wanted if chain in {e.correlationid, e.id}]
        if draw.random() < 0.3:
            since = BEGAN + timedelta(seconds=draw.randrange(120))
            asked["from"] = since.isoformat()
            wanted = [e for e in wanted if e.time >= since]
        if draw.random() < 0.3:
            until = BEGAN + timedelta(seconds=draw.randrange(120))
            asked["to"] = until.isoformat()
            wanted = [e for e in wanted if e.time < until]
        asked["limit"] = draw.choice((1, 3, 50, 1000))
        found = await api.pages("/api/v1/events", **asked)
        assert [item["id"] for item in found] == [str(e.id) for e in wanted], asked


async def test_an_actor_may_be_named_and_is_shown_by_name(api: Api) -> None:
    await logged(api, [made(actor="1", number=1), made(actor="system", number=2)])
    (mine,) = await api.pages("/api/v1/events", actor="admin", type="alias.added")
    assert (mine["actor"], mine["actor_name"]) == ("1", "admin")
    (other,) = await api.pages("/api/v1/events", actor="system", type="alias.added")
    assert other["actor_name"] is None


async def test_one_event_is_told_with_its_exact_bytes_its_causes_and_its_effects(api: Api) -> None:
    first = made("artifact.created", 1)
    second = made("alias.added", 2, causationid=first.id, correlationid=first.id)
    third = made("execution.finished", 3, causationid=second.id, correlationid=first.id, hops=1)
    other = made("execution.failed", 4, causationid=second.id, correlationid=first.id, hops=1)
    await logged(api, [first, second, third, other])
    answer = await api.client.get(f"/api/v1/events/{second.id}")
    told = answer.json()
    assert told["event"] == json.loads(codec.encode(second))
    assert codec.encode(second) in answer.content
    assert [(each["id"], each["depth"]) for each in told["causes"]] == [(str(first.id), 1)]
    assert [(each["type"], each["depth"]) for each in told["effects"]] == [
        ("execution.finished", 1),
        ("execution.failed", 1),
    ]
    last = (await api.client.get(f"/api/v1/events/{third.id}")).json()
    assert [each["type"] for each in last["causes"]] == ["artifact.created", "alias.added"]
    exact = await api.client.get(f"/api/v1/events/{third.id}", headers={"accept": "application/cloudevents+json"})
    assert exact.content == codec.encode(third)


async def test_another_organization_s_events_are_not_there(api: Api) -> None:
    mine, theirs = made(number=1), made(number=2)
    child = made("tag.added", 3, causationid=theirs.id, correlationid=theirs.id)
    await logged(api, [mine, child])
    await logged(api, [theirs], organization=2)
    for query in ({}, {"type": "alias.added"}, {"correlation": theirs.id}, {"subject": "vision"}):
        assert str(theirs.id) not in {item["id"] for item in await api.pages("/api/v1/events", **query)}
    assert (await api.client.get(f"/api/v1/events/{theirs.id}")).status_code == 404
    assert (await api.client.get(f"/api/v1/events/{child.id}")).json()["causes"] == []


async def test_a_team_admin_reads_the_team_s_events_and_no_others(api: Api) -> None:
    await api.client.post("/api/v1/teams", json={"name": "red"})
    key = await api.key_of("ann", team="red", role="admin")
    ours, theirs = made(subject="red/m/A:v1", number=1), made(subject="team/m/A:v1", number=2)
    effect = made("tag.added", 3, subject="team/m/A:v1", causationid=ours.id, correlationid=ours.id)
    await logged(api, [ours, theirs, effect])
    async with api.as_key(key) as ann:
        assert (await ann.get("/api/v1/events")).status_code == 403
        assert (await ann.get("/api/v1/events", params={"entity": "team"})).status_code == 404
        assert (await ann.get("/api/v1/events/stream", params={"entity": "team"})).status_code == 404
        found = (await ann.get("/api/v1/events", params={"entity": "red"})).json()["items"]
        assert [item["id"] for item in found if item["type"] == "alias.added"] == [str(ours.id)]
        assert (await ann.get(f"/api/v1/events/{theirs.id}", params={"entity": "red"})).status_code == 404
        assert (await ann.get(f"/api/v1/events/{ours.id}")).status_code == 403
        told = (await ann.get(f"/api/v1/events/{ours.id}", params={"entity": "red"})).json()
        assert told["effects"] == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"type": "alias.moved"}, 422),
        ({"type": ""}, 422),
        ({"type": " , "}, 422),
        ({"from": "yesterday"}, 422),
        ({"from": "0001-01-01T00:00:00+14:00"}, 422),
        ({"from": "9999-12-31T23:59:59", "to": "0001-01-01T00:00:00"}, 200),
        ({"cursor": "x"}, 422),
        ({"entity": "no/team"}, 422),
        ({"entity": "nobody"}, 404),
        ({"correlation": "1"}, 422),
        ({"actor": "9" * 200}, 200),
    ],
)
async def test_what_cannot_be_asked_is_explained(api: Api, query: dict[str, str], status: int) -> None:
    answer = await api.client.get("/api/v1/events", params=query)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.json()["detail"]


async def test_schemas_are_served_under_the_url_that_events_carry(api: Api) -> None:
    async with api.as_key(None) as anybody:
        snapshots = read_snapshots()
        for name in [*list(snapshots)[:5], topics.RUN_METRICS]:
            for asked in (name, short_name(name)):
                assert (await anybody.get(f"/schemas/{asked}.json")).json() == snapshots[name]
        assert (await anybody.get("/schemas/alias.moved.json")).status_code == 404


async def test_the_asyncapi_document_names_every_type_and_where_its_schema_is(api: Api) -> None:
    async with api.as_key(None) as anybody:
        document = (await anybody.get("/asyncapi.json")).json()
        assert document["asyncapi"] == "3.0.0"
        channel = document["channels"]["events"]
        assert channel["address"] == "regista.events.v1"
        names = {full_name(name) for name in channel["messages"]}
        metrics = document["channels"]["runMetrics"]
        assert names | {metrics["address"]} == read_snapshots().keys()
        for message in [*channel["messages"].values(), *metrics["messages"].values()]:
            found = document["components"]["messages"][message["$ref"].rpartition("/")[2]]
            path = found["payload"]["schema"]["$ref"].removeprefix(api.runtime.public_url)
            assert (await anybody.get(path)).status_code == 200


async def test_an_unknown_event_is_404(api: Api) -> None:
    assert (await api.client.get(f"/api/v1/events/{UUID(int=5)}")).status_code == 404
    assert (await api.client.get("/api/v1/events/five")).status_code == 422
