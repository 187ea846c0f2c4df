"""kill -9 at full load: what was acknowledged arrives, what was in flight at most is repeated."""

from pathlib import Path

import pytest

from regista.kit import clock
from tests.support.commands import regista
from tests.support.distributed import broker
from tests.support.load import Load, stage
from tests.support.outcome import assert_were_in_flight, assert_whole, database_of, figures
from tests.support.sink import Sink
from tests.support.system import KEY, running_system

GOES_ON_SECONDS = 20.0
"""Promised are five on a machine of one's own: here, starting Python takes as long when others want the cores."""
GOES_ON_ON_KAFKA_SECONDS = 30.0
"""Kafka gives the partitions of a member that fell silent to nobody else for ten seconds."""


async def test_kill_9_of_the_engine_at_full_load_loses_nothing_and_repeats_what_was_in_flight(tmp_path: Path) -> None:
    # Each answer takes a while: whenever the kill comes, requests were sent whose answers nobody will record.
    async with running_system(tmp_path) as system, Sink(pause=0.05) as sink:
        await stage(system, sink.url(), concurrency=64)
        url, secret = database_of(system)
        async with Load(system.url) as load:
            await load.more(200)
            crashed = clock.now()
            system.kill_role("engine")
            seconds = await sink.goes_on(crashed)
            await load.more(200)
        moves = await assert_whole(url, secret, load, sink)
        assert load.broken == load.refused == {}, "the API noticed"
        figures(moves=len(moves), repeats=len(sink.repeats()), seconds=seconds)
        assert sink.repeats()
        assert_were_in_flight(sink.repeats(), crashed)
        assert seconds < GOES_ON_SECONDS


@pytest.mark.kafka
async def test_kill_9_of_the_engine_on_kafka_at_full_load_loses_nothing_and_repeats_what_was_in_flight(
    tmp_path: Path,
) -> None:
    async with broker(tmp_path) as kafka, Sink(pause=0.05) as sink:
        settings = {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap}
        async with running_system(tmp_path / "data", settings=settings) as system:
            await stage(system, sink.url(), concurrency=64)
            url, secret = database_of(system)
            async with Load(system.url, clients=8, pause=0.02) as load:
                await load.more(100)
                crashed = clock.now()
                system.kill_role("engine")
                seconds = await sink.goes_on(crashed)
                await load.more(100)
            moves = await assert_whole(url, secret, load, sink)
            assert load.broken == load.refused == {}, "the API noticed"
            figures(moves=len(moves), repeats=len(sink.repeats()), seconds=seconds)
            assert_were_in_flight(sink.repeats(), crashed)
            assert seconds < GOES_ON_ON_KAFKA_SECONDS


async def test_kill_9_of_everything_at_full_load_loses_nothing_and_repeats_what_was_in_flight(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system, Sink() as sink:
        await stage(system, sink.url())
        async with Load(system.url) as load:
            await load.more(200)
            crashed = clock.now()
            await system.kill()
            killed = len(load.acknowledged)
            restarted = clock.now()
            await system.start()
            ready = (clock.now() - restarted).total_seconds()
            seconds = await sink.goes_on(restarted)
            await load.more(200)
        url, secret = database_of(system)
        moves = await assert_whole(url, secret, load, sink)
        verified = await regista("audit", "verify", DATABASE_URL=url, SECRET_KEY=secret, ADMIN_API_KEY=KEY)
        assert verified.status == 0, verified
        assert load.broken, "nobody noticed"
        figures(ready=ready, moves=len(moves), before=killed, repeats=len(sink.repeats()), seconds=seconds)
        assert_were_in_flight(sink.repeats(), crashed)
        assert seconds < GOES_ON_SECONDS
