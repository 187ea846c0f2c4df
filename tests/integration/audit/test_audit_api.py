import csv
import json
import random
import tracemalloc
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest

from regista.audit.consumer import AuditProjection
from regista.audit.rendering import COLUMNS
from regista.audit.repository import search
from regista_events import CollectionCreated, codec
from regista_events.envelope import Event, short_name
from tests.support.api import Api
from tests.support.log import BEGAN, made, received

PATH = "/api/v1/audit"


async def project(api: Api, events: list[Event[Any]]) -> None:
    projection = AuditProjection(api.runtime.database, api.runtime.vault)
    for first in range(0, len(events), 500):
        await projection.handle([received(event, shard=n % 16) for n, event in enumerate(events[first : first + 500])])


SUBJECTS = ("vision/m/A:v1", "vision/m/A:v10", "vision/m/B:v1", "visions/x", "vision", "text/m/A:v1", "a%b_c/x")
KINDS = ("alias.added", "alias.removed", "tag.added", "run.created", "artifact.used")


@pytest.mark.parametrize("seed", range(4))
async def test_every_filter_and_page_size_gives_what_a_plain_search_gives(
    api: Api, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    draw = random.Random(seed)
    monkeypatch.setattr(search, "WINDOW", draw.choice((7, 40, 3_000)))
    monkeypatch.setattr(search, "FEW_ROWS", draw.choice((7, 40, 10_000)))
    events = [
        made(
            draw.choice(KINDS),
            draw.randrange(60) * 86_400,  # over several partitions, with moments that are shared
            subject=draw.choice(SUBJECTS),
            actor=draw.choice(("1", "2", "system")),
        )
        for _ in range(150)
    ]
    await project(api, events)
    events.sort(key=lambda e: (e.time, e.id), reverse=True)
    for _ in range(40):
        asked: dict[str, Any] = {}
        wanted = events
        if draw.random() < 0.5:
            asked["action"] = action = draw.choice((*KINDS, "alias.", "a", "dev.regista.tag.added", "none"))
            name = short_name(action)
            wanted = [e for e in wanted if short_name(e.type).startswith(name)]
        if draw.random() < 0.4:
            asked["resource"] = prefix = draw.choice(("vision/m/A:v1", "vis", "", "a%", "nothing"))
            wanted = [e for e in wanted if e.subject.startswith(prefix)]
        if draw.random() < 0.3:
            asked["actor"] = actor = draw.choice(("1", "2", "system", "admin"))
            wanted = [e for e in wanted if e.actor == ("1" if actor == "admin" else actor)]
        if draw.random() < 0.2:
            asked["text"] = "PRODUCTION"
            wanted = [e for e in wanted if getattr(e.data, "alias", None) == "production"]
        if draw.random() < 0.3:
            since = BEGAN + timedelta(days=draw.randrange(60))
            asked["from"] = since.isoformat()
            wanted = [e for e in wanted if e.time >= since]
        if draw.random() < 0.3:
            until = BEGAN + timedelta(days=draw.randrange(60))
            asked["to"] = until.isoformat()
            wanted = [e for e in wanted if e.time < until]
        asked["limit"] = draw.choice((1, 3, 50, 1000))
        found = await api.pages(PATH, **asked)
        assert [item["event_id"] for item in found] == [str(e.id) for e in wanted], asked


async def test_a_row_shows_every_column_with_its_chain(api: Api) -> None:
    event = made("alias.added")
    await project(api, [event])
    (item,) = await api.pages(PATH)
    assert list(item) == list(COLUMNS)
    assert item["before"] == {"alias": "production", "version": "v2"}
    assert (item["actor_name"], item["actor_ip"]) == ("admin", "192.0.2.7")
    assert (item["shard"], item["position"], len(item["hash"])) == (0, 1, 64)


async def test_only_admins_of_the_organization_read_it_and_of_theirs_alone(api: Api) -> None:
    await project(api, [made(number=1), made(number=2, source="/orgs/elsewhere")])
    assert len(await api.pages(PATH)) == 1
    assert len((await api.client.get(PATH, headers={"accept": "text/csv"})).text.splitlines()) == 2
    key = await api.key_of("ann", team="team", role="admin")
    async with api.as_key(key) as ann:
        for accept in ("application/json", "application/x-ndjson", "text/csv"):
            answer = await ann.get(PATH, headers={"accept": accept})
            assert answer.status_code == 403, accept
            assert answer.json()["needed_role"] == "admin"


async def test_csv_is_all_of_it_and_nothing_in_it_is_a_formula(api: Api) -> None:
    events = [made(number=n, subject=subject) for n, subject in enumerate(("=cmd()", 'a"b,c\nd', "+1", "plain"))]
    await project(api, events)
    answer = await api.client.get(PATH, headers={"accept": "text/csv"}, params={"limit": 1})
    assert answer.headers["content-type"].startswith("text/csv")
    header, *lines = list(csv.reader(StringIO(answer.text)))
    assert tuple(header) == COLUMNS
    assert [line[header.index("resource")] for line in lines] == ["plain", "'+1", 'a"b,c\nd', "'=cmd()"]


async def streamed(api: Api, since: str) -> tuple[int, int]:
    """Stream lines of JSON, and return how many came and how many bytes were held at most meanwhile."""
    lines = 0
    last = ""

    async def send(message: dict[str, Any]) -> None:
        nonlocal lines, last
        for line in message.get("body", b"").splitlines():
            lines += 1
            now = json.loads(line)["time"]
            assert not last or now < last
            last = now

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    key = api.client.headers["authorization"].encode()
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "GET",
        "path": PATH, "raw_path": PATH.encode(), "query_string": f"from={since}".encode(), "scheme": "http",
        "server": ("test", 80), "client": ("127.0.0.1", 1), "root_path": "",
        "headers": [(b"accept", b"application/x-ndjson"), (b"authorization", key)],
    }  # fmt: skip
    tracemalloc.start()
    await api.app(scope, receive, send)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return lines, peak


async def test_ten_thousand_rows_are_streamed_in_the_memory_of_one_thousand(api: Api) -> None:
    await project(api, [made(number=n) for n in range(10_000)])
    since = (BEGAN + timedelta(seconds=9_000)).strftime("%Y-%m-%dT%H:%M:%SZ")
    await streamed(api, since)
    few, least = await streamed(api, since)
    many, most = await streamed(api, "2026-01-01T00:00:00Z")
    assert (few, many) == (1_000, 10_000)
    assert most < 1.5 * least, f"{most} bytes for all, {least} for a tenth"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"from": "yesterday"}, 422),
        ({"cursor": "x"}, 422),
        ({"cursor": "WzEsIngiXQ"}, 422),
        ({"cursor": "WzkyMjMzNzIwMzY4NTQ3NzU4MDcsIjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMCJd"}, 422),
        ({"limit": "0"}, 422),
        ({"actor": "9" * 400}, 200),
        ({"resource": "\U0010ffff%_'\""}, 200),
        ({"from": "9999-12-31T23:59:59", "to": "0001-01-01T00:00:00"}, 200),
    ],
)
async def test_what_cannot_be_asked_is_explained(api: Api, query: dict[str, str], status: int) -> None:
    answer = await api.client.get(PATH, params=query)
    assert answer.status_code == status, answer.text


async def test_a_collection_s_history_is_its_readers_to_read_and_survives_what_others_do(api: Api) -> None:
    made_it = await api.client.post("/api/v1/collections/team/models", json={"name": "MNIST", "type": "model"})
    assert made_it.status_code == 201, made_it.text
    (row,) = [event for event in await api.events() if event["type"].endswith("collection.created")]
    created = codec.decode(row["body"])
    assert isinstance(created, CollectionCreated)
    collection = created.data.collection
    mine, moved, other = (made(number=n, actor="1") for n in range(3))
    events = [
        mine.model_copy(update={"data": mine.data.model_copy(update={"collection": collection})}),
        moved.model_copy(
            update={"data": moved.data.model_copy(update={"collection": collection, "version": "v4", "previous": "v3"})}
        ),
        other,
    ]
    await project(api, events)
    path = "/api/v1/collections/team/models/MNIST/history"
    found = await api.pages(path, limit=1)
    assert [item["event_id"] for item in found] == [str(moved.id), str(mine.id)]
    assert "actor_ip" not in found[0]
    key = await api.key_of("ann", team="team", role="viewer")
    async with api.as_key(key) as ann:
        assert len((await ann.get(path)).json()["items"]) == 2
    stranger = await api.key_of("eve")
    async with api.as_key(stranger) as eve:
        assert (await eve.get(path)).status_code == 404
    assert (await api.client.get(path.replace("MNIST", "none"))).status_code == 404
    assert (await api.client.get(path.replace("history", "versions/v3/history"))).status_code == 404
