import asyncio
import json
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from regista.events import stream, tail
from regista.events.stream import follow
from regista.events.tail import Wanted
from regista.events.vector import Vector, decode
from regista.kit.bus.model import Record
from regista.kit.db import Database
from regista.kit.outbox import PUBLISHED
from regista.kit.shards import SHARDS
from regista.relay.outlet import EVENTS
from regista.relay.repository import open_session
from regista_events.envelope import Event
from tests.support.api import Api, running_api
from tests.support.log import installed, log, made
from tests.support.postgres import PostgresSession

PATIENCE = 40.0
START: Vector = (0,) * SHARDS


@pytest.fixture
async def database(postgres: PostgresSession) -> AsyncGenerator[Database]:
    async with installed(postgres, pool_size=20) as database:
        yield database


async def allowed() -> bool:
    return True


async def publish(database: Database, events: Sequence[Event[Any]], shard: int = 3, organization: int = 1) -> None:
    """Commit the events and settle them as the relay does."""
    async with database.transaction() as tx:
        await log(tx, events, shard=shard, organization=organization)
    async with open_session(database, EVENTS, lambda: None) as session:
        while rows := await session.pending_of_all([shard]):
            await session.settle(rows)
    database.wakeups.wake(PUBLISHED)


class Client:
    """Reads frames as a browser does: the last id is remembered, also that of a frame without data."""

    def __init__(self, database: Database, wanted: Wanted, vector: Vector) -> None:
        self.database = database
        self.wanted = wanted
        self.vector = vector
        self.got: list[str] = []

    async def read(self, count: int, *, give_up: float = PATIENCE) -> None:
        """Connect, take ``count`` events or as many as come, and drop the connection."""
        stopping = asyncio.Event()
        frames = follow(self.database, self.wanted, self.vector, stopping=stopping, allowed=allowed)
        try:
            async with asyncio.timeout(give_up), aclosing(frames):
                async for frame in frames:
                    count -= self.take(frame)
                    if count <= 0:
                        return
        except TimeoutError:
            return

    def take(self, frame: bytes) -> int:
        fields = dict(line.split(": ", 1) for line in frame.decode().splitlines() if ": " in line)
        if "id" in fields:
            self.vector = decode(fields["id"])
        if "data" in fields:
            self.got.append(json.loads(fields["data"])["id"])
            return 1
        return 0


async def test_no_event_is_lost_and_none_comes_twice_over_reconnections(database: Database) -> None:
    draw = random.Random(7)
    sent: dict[int, list[str]] = {}
    mine: list[str] = []

    async def write(shard: int) -> None:
        for number in range(12):
            events = [made(number=number) for _ in range(draw.randrange(1, 5))]
            organization = draw.choice((1, 1, 2))
            await publish(database, events, shard, organization)
            if organization == 1:
                sent.setdefault(shard, []).extend(str(event.id) for event in events)
                mine.extend(str(event.id) for event in events)

    client = Client(database, Wanted(1), START)
    writers = asyncio.gather(*(write(shard) for shard in range(5)))
    while not writers.done():
        await client.read(draw.randrange(1, 12), give_up=0.3)
    await writers
    while len(client.got) < len(mine):
        before = len(client.got)
        await client.read(draw.randrange(1, 30), give_up=5)
        assert len(client.got) > before, f"{before} of {len(mine)} came"
    assert sorted(client.got) == sorted(mine)
    for ids in sent.values():
        assert [each for each in client.got if each in set(ids)] == ids, "a shard's events come in their order"
    await client.read(1, give_up=0.6)
    assert len(client.got) == len(mine)


async def test_only_what_was_asked_for_comes_and_the_rest_is_not_read_again(database: Database) -> None:
    kinds = ("alias.added", "tag.added")
    events = [made(kinds[n % 2], n, subject=f"{'red' if n % 3 else 'reddish'}/m/A") for n in range(30)]
    await publish(database, events)
    wanted = Wanted(1, frozenset({"dev.regista.alias.added"}), "red")
    client = Client(database, wanted, START)
    await client.read(100, give_up=1)
    assert client.got == [str(e.id) for e in events if e.type.endswith("alias.added") and e.subject.startswith("red/")]
    batch = await tail.read(database, wanted, START)
    assert batch.vector[3] == 30


async def test_a_batch_is_bounded_in_rows_and_bytes(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [made(number=n) for n in range(200)]
    await publish(database, events[:100], shard=1)
    await publish(database, events[100:], shard=2)
    vector, got = START, list[bytes]()
    monkeypatch.setattr(tail, "BATCH_BYTES", 20_000)
    while True:
        batch = await tail.read(database, Wanted(1), vector)
        assert len(batch.events) <= tail.BATCH_ROWS
        assert sum(len(event.body) for event in batch.events) <= 20_000
        got += [event.body for event in batch.events]
        vector = batch.vector
        if not batch.more:
            break
    assert sorted(json.loads(body)["id"] for body in got) == sorted(str(event.id) for event in events)


async def test_a_slow_client_holds_no_connection(postgres: PostgresSession) -> None:
    async with installed(postgres, pool_size=2) as database:
        await publish(database, [made(number=n) for n in range(5)])
        clients = [follow(database, Wanted(1), START, stopping=asyncio.Event(), allowed=allowed) for _ in range(6)]
        for frames in clients:
            async for frame in frames:
                if b"data" in frame:
                    break
        # All six stand in the middle of a batch; the pool has two connections.
        async with asyncio.timeout(PATIENCE), database.transaction(), database.transaction() as tx:
            assert await tx.connection.fetchval("SELECT 1") == 1
        for frames in clients:
            await frames.aclose()


async def test_a_quiet_stream_beats_and_ends_when_its_key_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.2)
    left = 3

    async def while_left() -> bool:
        nonlocal left
        left -= 1
        return left >= 0

    async with asyncio.timeout(PATIENCE):
        frames = follow(database, Wanted(1), START, stopping=asyncio.Event(), allowed=while_left)
        beats = [frame async for frame in frames if frame.startswith(b":")]
    assert len(beats) == 3
    assert all(b"\nid: " in beat and b"data" not in beat for beat in beats)


async def test_a_busy_stream_ends_when_its_key_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 1.0)
    asked = 0

    async def once() -> bool:
        nonlocal asked
        asked += 1
        return asked == 1

    async def publish_for_ever() -> None:
        while True:
            await publish(database, [made()])
            await asyncio.sleep(0.05)

    busy = asyncio.create_task(publish_for_ever())
    try:
        async with asyncio.timeout(PATIENCE):
            frames = follow(database, Wanted(1), START, stopping=asyncio.Event(), allowed=once)
            events = [frame async for frame in frames if b"data" in frame]
    finally:
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
    assert events, "the stream was never quiet"


@asynccontextmanager
async def served(api: Api) -> AsyncGenerator[str]:
    """Serve the application on loopback."""
    server = uvicorn.Server(uvicorn.Config(api.app, port=0, log_config=None, lifespan="off", ws="none"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


async def test_over_http_a_stream_resumes_and_ends_on_shutdown(postgres: PostgresSession, tmp_path: Path) -> None:
    async with running_api(postgres, tmp_path) as api:
        state = api.app._app.state
        state.stopping = asyncio.Event()
        headers = dict(api.client.headers)
        async with served(api) as url, httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE) as client:
            path = "/api/v1/events/stream"
            async with client.stream("GET", path, params={"type": "alias.added"}) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                lines = answer.aiter_lines()
                assert await anext(lines) == "retry: 1000"
                first, second = made(number=1), made(number=2)
                await publish(api.runtime.database, [first, made("tag.added"), second])
                last = ""
                async for line in lines:
                    last = line.removeprefix("id: ") if line.startswith("id: ") else last
                    if line.startswith("data: "):
                        assert json.loads(line[6:])["id"] == str(first.id)
                        break
            async with client.stream("GET", path, headers={"last-event-id": last}) as answer:
                data: list[Any] = []
                async for line in answer.aiter_lines():
                    if line.startswith("data: "):
                        data.append(json.loads(line[6:]))
                    if len(data) == 2:
                        state.stopping.set()
            assert [each["type"].removeprefix("dev.regista.") for each in data] == ["tag.added", "alias.added"]
            assert data[1]["id"] == str(second.id)
            assert (await client.get(path, headers={"last-event-id": "nonsense"})).status_code == 422
            assert state.event_streams == set()


async def test_the_relay_s_own_record_of_an_event_is_what_the_stream_sends(database: Database) -> None:
    event = made()
    async with database.transaction() as tx:
        await log(tx, [event])
    async with open_session(database, EVENTS, lambda: None) as session:
        (row,) = await session.pending_of_all([3])
        await session.settle([row])
    record: Record = row.record
    batch = await tail.read(database, Wanted(1), START)
    assert [each.body for each in batch.events] == [record.raw]
