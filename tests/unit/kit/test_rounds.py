import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from regista.kit import rounds
from regista.kit.db import Database
from regista.kit.rounds import Rounds
from regista.kit.service import Lifecycle


class Wakeups:
    """In the place of a database's: calls back when a test says so."""

    def __init__(self) -> None:
        self.heard: list[Callable[[str], None]] = []

    def subscribe(self, _channel: str, callback: Callable[[str], None]) -> Callable[[], None]:
        self.heard.append(callback)
        return lambda: self.heard.remove(callback)


class Work:
    """Rounds that do what a test has put down for each in turn, and then nothing."""

    def __init__(self, *rounds_of_it: bool | Exception) -> None:
        self.planned = list(rounds_of_it)
        self.done = 0
        self.stirred = asyncio.Condition()

    async def round(self) -> bool:
        self.done += 1
        async with self.stirred:
            self.stirred.notify_all()
        planned = self.planned.pop(0) if self.planned else False
        if isinstance(planned, Exception):
            raise planned
        return planned

    async def reaches(self, count: int) -> None:
        async with asyncio.timeout(5), self.stirred:
            await self.stirred.wait_for(lambda: self.done >= count)


@asynccontextmanager
async def running(work: Work) -> AsyncGenerator[tuple[Rounds, Wakeups]]:
    wakeups = Wakeups()
    database = cast("Database", type("Fake", (), {"wakeups": wakeups})())
    service, lifecycle = Rounds("work", database, "channel", work.round), Lifecycle()
    task = asyncio.create_task(service.run(lifecycle))
    await lifecycle.started.wait()
    try:
        yield service, wakeups
    finally:
        lifecycle.stopping.set()
        await task
        assert wakeups.heard == []


@pytest.fixture(autouse=True)
def long_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "POLL_SECONDS", 60.0)


async def test_rounds_are_done_until_nothing_is_left_and_again_when_woken() -> None:
    work = Work(True, True, False)
    async with running(work) as (_, wakeups):
        await work.reaches(3)
        await asyncio.sleep(0.01)
        assert work.done == 3
        wakeups.heard[0]("")
        await work.reaches(4)


async def test_without_a_wakeup_the_poll_finds_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "POLL_SECONDS", 0.01)
    work = Work()
    async with running(work):
        await work.reaches(3)


async def test_an_outage_is_waited_out_and_told() -> None:
    work = Work(OSError("gone"), OSError("gone"), OSError("gone"), False)
    async with running(work) as (service, _):
        await work.reaches(2)
        await asyncio.sleep(0)
        assert not service.health().ready
        assert "gone" in service.health().detail
        await work.reaches(4)
        await asyncio.sleep(0.01)
        assert service.health().ready


async def test_what_is_no_outage_ends_the_service() -> None:
    work = Work(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        async with running(work):
            await work.reaches(1)


async def test_a_round_on_its_way_is_waited_for_at_the_end() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    class Slow(Work):
        async def round(self) -> bool:
            begun.set()
            await asyncio.sleep(0.05)
            ended.set()
            return True

    async with running(cast("Any", Slow())):
        await begun.wait()
    assert ended.is_set()
