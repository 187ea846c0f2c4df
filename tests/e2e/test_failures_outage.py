"""PostgreSQL or Kafka goes away under load and comes back: nobody is told a lie, and everything arrives."""

import asyncio
import signal
from pathlib import Path

import psutil
import pytest

from regista.kit import clock
from tests.support.distributed import SECRET, Distributed, distributed
from tests.support.load import Load, stage
from tests.support.outcome import assert_whole, database_of, figures
from tests.support.postgres import PostgresSession
from tests.support.sink import Sink
from tests.support.system import System, running_system

GOES_ON_SECONDS = 15.0


def postmaster(system: System) -> psutil.Process:
    (found,) = [each for each in psutil.Process(system.pid).children() if each.name().startswith("postgres")]
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
async def test_a_restart_of_postgresql_under_load_is_answered_cleanly_and_loses_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with running_system(tmp_path) as system, Sink() as sink:
        await stage(system, sink.url())
        url, secret = database_of(system)
        ours = {each.pid for role in ("api", "engine") for each in system.children(role)}
        async with Load(system.url) as load:
            await load.more(100)
            struck = clock.now()
            postmaster(system).send_signal(number)
            seconds = await sink.goes_on_with_new(struck)
            await load.more(100)
        moves = await assert_whole(url, secret, load, sink)
        figures(moves=len(moves), repeats=len(sink.repeats()), refused=load.refused.total(), seconds=seconds)
        assert set(load.refused) <= {(503, "unavailable")}
        assert not load.broken, "the API broke off instead of answering"
        assert {each.pid for role in ("api", "engine") for each in system.children(role)} == ours, "a process gave up"
        assert seconds < GOES_ON_SECONDS


async def survive_without_kafka(installation: Distributed, seconds: float) -> None:
    async with Sink() as sink:
        await stage(installation, sink.url())
        async with Load(installation.url, clients=4, pause=0.02) as load:
            await load.more(50)
            await installation.kafka.stop()
            before = len(load.acknowledged)
            idle = [each for each in installation.services if each.name in {"webhooks", "audit"}]
            worked = sum(each.worked() for each in idle)
            await asyncio.sleep(seconds)
            during = len(load.acknowledged) - before
            worked = sum(each.worked() for each in idle) - worked
            arrived = len(sink.ids)
            await installation.kafka.start()
            served = clock.now()
            back = await sink.goes_on_with_new(served)
            await load.more(50)
        moves = await assert_whole(installation.database_url, SECRET, load, sink, 60.0)
        figures(
            moves=len(moves),
            during=during,
            repeats=len(sink.repeats()),
            seconds=back,
            worked=worked,
        )
        assert load.refused == load.broken == {}, "a mutation needs no Kafka"
        assert during > seconds, "mutations stood still"
        assert worked < 0.3 * seconds, "consumers that have nothing to consume keep a core busy"
        assert arrived < before + during, "Kafka was never away"
        assert not sink.repeats(), "the ledger knows what was sent"


@pytest.mark.kafka
async def test_ten_seconds_without_kafka_stop_no_mutation_and_lose_nothing(
    postgres: PostgresSession, tmp_path: Path
) -> None:
    async with distributed(postgres, tmp_path, "api", "relay", "webhooks", "audit") as installation:
        await survive_without_kafka(installation, 10)


@pytest.mark.kafka
@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_a_minute_without_kafka_stops_no_mutation_and_loses_nothing(
    postgres: PostgresSession, tmp_path: Path
) -> None:
    async with distributed(postgres, tmp_path, "api", "relay", "webhooks", "audit") as installation:
        await survive_without_kafka(installation, 60)
