import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from regista.kit.db import Database
from regista.kit.runtime import open_runtime
from regista.kit.service import Lifecycle
from regista.kit.settings import Settings
from regista.upkeep import Sweep, Upkeep
from regista.upkeep.tenure import open_tenure
from tests.support.bus import until
from tests.support.postgres import PostgresSession


class Count:
    """A sweep that remembers; ``found`` is what its next runs return, or raise."""

    def __init__(self, found: Sequence[int | Exception] = (), seconds: float = 0.05) -> None:
        self.runs = 0
        self.found = list(found)
        self.sweep = Sweep("count", seconds, self.run)
        self.hold = asyncio.Event()
        self.hold.set()
        self.ended = 0

    async def run(self, database: Database, public_url: str) -> int:
        assert isinstance(database, Database)
        assert public_url == "http://127.0.0.1:8080"
        self.runs += 1
        await self.hold.wait()
        self.ended += 1
        found = self.found.pop(0) if self.found else 0
        if isinstance(found, Exception):
            raise found
        return found


class Running:
    def __init__(
        self, upkeep: Upkeep, lifecycle: Lifecycle, task: asyncio.Task[None], metrics: CollectorRegistry
    ) -> None:
        self.upkeep = upkeep
        self.lifecycle = lifecycle
        self.task = task
        self.metrics = metrics

    async def stop(self) -> None:
        self.lifecycle.stopping.set()
        async with asyncio.timeout(30):
            await self.task


@asynccontextmanager
async def running(url: str, *sweeps: Sweep, name: str = "upkeep") -> AsyncGenerator[Running]:
    settings = Settings(database_url=SecretStr(url), secret_key=SecretStr("k" * 43))
    async with open_runtime(settings, name) as runtime:
        upkeep = Upkeep(runtime, sweeps)
        lifecycle = Lifecycle()
        task = asyncio.create_task(upkeep.run(lifecycle))
        try:
            await until(lifecycle.started.is_set)
            yield Running(upkeep, lifecycle, task, runtime.metrics)
        finally:
            lifecycle.stopping.set()
            async with asyncio.timeout(30):
                await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def url(postgres: PostgresSession) -> AsyncGenerator[str]:
    async with postgres.fresh_database() as url:
        yield url


async def end_connections(url: str, name: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", name
        )
    finally:
        await connection.close()


async def test_each_sweep_runs_at_its_own_interval(url: str) -> None:
    often, seldom = Count(seconds=0.05), Count(seconds=3600)
    async with running(url, often.sweep, seldom.sweep._replace(name="seldom")) as one:
        await until(lambda: often.runs >= 5)
        assert seldom.runs == 1
        assert one.upkeep.health().detail == "does the upkeep"


async def test_a_sweep_that_found_something_goes_on_at_once(url: str) -> None:
    count = Count([500, 500, 20], seconds=3600)
    async with running(url, count.sweep) as one:
        await until(lambda: count.runs == 4)
        sample = one.metrics.get_sample_value
        await until(lambda: sample("regista_upkeep_swept_total", {"sweep": "count"}) == 1020)
        assert sample("regista_upkeep_held") == 1


async def test_one_sweeps_and_another_stands_by_until_the_first_one_stops(url: str) -> None:
    first, second = Count(), Count()
    async with running(url, first.sweep) as one, running(url, second.sweep) as other:
        await until(lambda: first.runs > 3)
        assert second.runs == 0
        assert other.upkeep.health().ready
        assert other.upkeep.health().detail == "stands by"
        await one.stop()
        assert not one.upkeep.held
        async with asyncio.timeout(5):
            await until(lambda: second.runs > 3)


async def test_a_crash_of_the_holder_lets_another_go_on_within_seconds(url: str) -> None:
    first, second = Count(), Count()
    async with running(url, first.sweep, name="victim") as one, running(url, second.sweep):
        await until(lambda: first.runs > 3)
        one.task.cancel()
        await asyncio.gather(one.task, return_exceptions=True)
        async with asyncio.timeout(5):
            await until(lambda: second.runs > 0)


async def test_a_holder_that_is_frozen_loses_the_lock(url: str) -> None:
    database = Database(url, pool_size=2)
    lost = asyncio.Event()
    async with open_tenure(database, lost.set, frozen_seconds=1) as waiting:
        with pytest.raises(ConnectionResetError):
            async with open_tenure(database, lost.set, frozen_seconds=1) as frozen:
                assert await frozen.keep()
                async with asyncio.timeout(10):
                    while not await waiting.keep():
                        await asyncio.sleep(0.1)
                await until(lost.is_set)
                await frozen.keep()
    await database.close()


async def test_who_loses_the_connection_stops_at_once_and_comes_back(url: str) -> None:
    first = Count()
    async with running(url, first.sweep, name="victim") as one:
        await until(lambda: first.runs > 0)
        first.hold.clear()
        begun, ended = first.runs + 1, first.ended
        await until(lambda: first.runs == begun)
        await end_connections(url, "victim")
        # The sweep that waits is given up, and begun again by whoever holds the lock next: here the same service.
        await until(lambda: first.runs == begun + 1)
        assert first.ended == ended
        first.hold.set()
        await until(lambda: first.ended > ended + 2)
        assert one.upkeep.held
        assert one.upkeep.health().ready


async def test_a_sweep_that_fails_is_told_of_and_keeps_no_other_from_running(url: str) -> None:
    broken = Count([ValueError("no such column"), ValueError("no such column"), 0])
    sound = Count()
    async with running(url, broken.sweep._replace(name="broken"), sound.sweep) as one:
        await until(lambda: broken.runs == 2)
        health = one.upkeep.health()
        assert not health.ready
        assert health.detail.startswith("broken: failed ")
        assert health.detail.endswith("ValueError: no such column")
        before = sound.runs
        await until(lambda: sound.runs > before + 3)
        assert one.metrics.get_sample_value("regista_upkeep_failures_total", {"sweep": "broken"}) == 2
        await until(lambda: one.upkeep.health().ready)


async def test_a_stop_waits_for_the_sweep_that_is_on_its_way(url: str) -> None:
    count = Count(seconds=3600)
    count.hold.clear()
    async with running(url, count.sweep) as one:
        await until(lambda: count.runs == 1)
        stopping = asyncio.create_task(one.stop())
        await asyncio.sleep(0.2)
        assert not stopping.done()
        count.hold.set()
        await stopping
        assert count.ended == 1
