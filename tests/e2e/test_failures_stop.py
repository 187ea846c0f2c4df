"""A stop that is asked for drains; what ends by itself is started again; two never run on one directory."""

import signal
from pathlib import Path

import psutil

from regista.kit import clock
from tests.support.commands import regista
from tests.support.load import Load, stage
from tests.support.outcome import assert_were_in_flight, assert_whole, database_of, figures
from tests.support.sink import Sink
from tests.support.system import running_system


async def test_a_stop_under_load_drains_and_nothing_is_lost_or_sent_twice(tmp_path: Path) -> None:
    # Each answer takes a while: whenever the signal comes, requests to the receiver are in flight.
    async with running_system(tmp_path) as system, Sink(pause=0.05) as sink:
        await stage(system, sink.url(), concurrency=16)
        acknowledged: list[str] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            async with Load(system.url) as load:
                await load.more(100)
                asked = clock.monotonic()
                assert await system.stop(number) == 0
                seconds = clock.monotonic() - asked
                figures(seconds=seconds, acknowledged=len(load.acknowledged), arrived=len(sink.arrivals))
            assert seconds < 30
            assert not load.faults, load.faults[:3]
            acknowledged += load.acknowledged
            await system.start()
        load.acknowledged = acknowledged
        moves = await assert_whole(*database_of(system), load, sink)
        assert len(acknowledged) == len(moves), "a move was made and its answer cut off"
        assert sink.repeats() == {}


async def test_a_killed_api_process_is_replaced_and_no_connection_is_refused(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system, Sink() as sink:
        await stage(system, sink.url())
        clients = 8
        async with Load(system.url, clients=clients) as load:
            await load.more(50)
            struck = clock.monotonic()
            (killed,) = system.children("api")
            killed.kill()
            await load.more(clients + 50)
            seconds = clock.monotonic() - struck
        moves = await assert_whole(*database_of(system), load, sink)
        figures(seconds=seconds, moves=len(moves), broken=load.broken.total())
        assert "ClientConnectorError" not in load.broken, "refused: nobody was listening"
        assert system.children("api") != [killed]
        assert load.broken.total() <= clients, "more than the one request that each client had open"
        assert load.refused == {}
        assert sink.repeats() == {}


async def test_a_second_system_on_the_same_directory_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        second = await regista("up", "--port", "0", "--data-dir", str(tmp_path))
        assert second.status == 2, second
        assert str(tmp_path) in second.err
        assert str(system.pid) in second.err
        assert "Traceback" not in second.err
        assert "ready" not in second.out
        assert (await system.client.get("/readyz")).status_code == 200


async def test_after_a_kill_9_of_the_supervisor_alone_the_next_one_goes_on_beside_what_is_left_of_it(
    tmp_path: Path,
) -> None:
    async with running_system(tmp_path) as former, Sink() as sink:
        await stage(former, sink.url())
        async with Load(former.url) as before:
            await before.more(50)
            struck = clock.now()
            psutil.Process(former.pid).kill()
        assert not before.faults, before.faults[:3]
        began = clock.now()
        async with running_system(tmp_path) as system:
            async with Load(system.url, clients=4) as load:
                seconds = await sink.goes_on_with_new(began)
                await load.more(50)
            load.acknowledged += before.acknowledged
            moves = await assert_whole(*database_of(system), load, sink)
            figures(moves=len(moves), repeats=len(sink.repeats()), seconds=seconds)
            assert_were_in_flight(sink.repeats(), struck)
