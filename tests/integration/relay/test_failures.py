"""What goes wrong around a relay: the bus, PostgreSQL, another relay."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from regista.kit.bus.local import LocalBus
from regista.kit.bus.model import Record
from regista.kit.db import Database, is_outage
from regista.kit.errors import UnavailableError
from regista.kit.postgres import EmbeddedPostgres
from regista.relay import EVENTS
from regista.relay.repository import open_session
from tests.support import postgres as servers
from tests.support import relay
from tests.support.bus import Ledger, Lot, inversions, until
from tests.support.database import SYSTEM, prepare
from tests.support.relay_behaviour import check_arrived
from tests.support.relay_bus import LocalDestination, first


class FlakyBus:
    """Takes some records of a batch, in order, and then fails, as often as it is told to."""

    def __init__(self, trouble: Callable[[Sequence[Record]], int | None], *, combined: bool) -> None:
        self.combined = combined
        self.trouble = trouble
        self.taken: list[Record] = []
        self.calls = 0

    async def publish(self, records: Sequence[Record]) -> None:
        self.calls += 1
        await asyncio.sleep(0)
        taken = self.trouble(records)
        if taken is None:
            self.taken.extend(records)
            return
        self.taken.extend(records[:taken])
        raise UnavailableError("the bus is out of order")


@pytest.mark.parametrize("combined", [True, False], ids=["one batch for all", "a batch for each shard"])
async def test_a_publisher_that_fails_in_the_middle_of_batches_keeps_the_order(
    database: Database, *, combined: bool
) -> None:
    ids = await relay.aggregates(database, 20)
    bus = FlakyBus(lambda records: len(records) // 2 if bus.calls % 3 == 0 else None, combined=combined)
    async with relay.running_relay(database.url, bus):
        made = await relay.commit(database, ids * 5, events=8)
        await relay.empty(database)
    number = {event_id: place for place, event_id in enumerate(made, 1)}
    once = {record.event_id: record for record in reversed(bus.taken)}
    assert once.keys() == number.keys()
    assert len(bus.taken) > len(made)
    assert not inversions((str(record.key), number[event_id]) for event_id, record in reversed(once.items()))
    await relay.check_published(database, 800)


async def test_a_shard_that_the_bus_refuses_blocks_only_itself_and_is_tried_until_it_is_taken(
    database: Database,
) -> None:
    ids = await relay.aggregates(database, 16)
    refused = ids[3] % 16
    healed = asyncio.Event()
    bus = FlakyBus(lambda records: 0 if records[0].shard == refused and not healed.is_set() else None, combined=False)
    async with relay.running_relay(database.url, bus) as running:
        await relay.commit(database, ids, events=2)
        await until(lambda: len(bus.taken) == 30)
        await until(lambda: bus.calls >= 15 + 3)
        health = running.relay.health()
        assert not health.ready
        assert "the bus is out of order" in health.detail
        await relay.commit(database, [ids[4]])
        await until(lambda: len(bus.taken) == 31)
        healed.set()
        await relay.empty(database)
        assert running.relay.health().ready
    await relay.check_published(database, 33)


async def test_a_relay_is_ready_again_when_another_has_sent_what_the_bus_refused_it(database: Database) -> None:
    refusing, taking = (FlakyBus(lambda _, taken=taken: taken, combined=False) for taken in (0, None))
    await relay.commit(database, await relay.aggregates(database, 16))
    async with relay.running_relay(database.url, refusing) as one:
        await until(lambda: not one.relay.health().ready and len(one.relay.held) == 16)
        async with relay.running_relay(database.url, taking) as other:
            await until(lambda: len(other.relay.held) == 8)
            await until(lambda: len(taking.taken) == 8)
            async with open_session(database, EVENTS, asyncio.Event().set) as overlapping:
                await overlapping.settle(await overlapping.pending_of_all(range(16)))
            await until(lambda: one.relay.health().ready)


async def test_a_bus_that_gives_up_by_cancelling_itself_is_tried_again(database: Database) -> None:
    class CancellingBus(FlakyBus):
        async def publish(self, records: Sequence[Record]) -> None:
            if self.calls == 0:
                self.calls += 1
                raise asyncio.CancelledError
            await super().publish(records)

    bus = CancellingBus(lambda _: None, combined=True)
    await relay.commit(database, await relay.aggregates(database, 3))
    async with relay.running_relay(database.url, bus):
        await relay.empty(database)
    assert len(bus.taken) == 3


async def test_a_group_that_an_outage_blocks_on_the_local_bus_is_named_by_the_relay(database: Database) -> None:
    healed = asyncio.Event()
    ledger = Ledger("audit", lambda _: None if healed.is_set() else OSError("the disk is gone"))
    await relay.commit(database, await relay.aggregates(database, 3))
    async with relay.running_relay(database.url, LocalBus([ledger], Lot())) as running:
        await until(lambda: "audit: blocked" in running.relay.health().detail)
        assert not running.relay.health().ready
        assert "the disk is gone" in running.relay.health().detail
        healed.set()
        await relay.empty(database)
        assert running.relay.health().ready
    assert len(ledger.rows) == 3


@pytest.mark.alone
async def test_the_shards_of_a_dead_relay_are_taken_within_seconds(database: Database) -> None:
    bus = FlakyBus(lambda _: None, combined=True)
    async with relay.running_relay(database.url, bus) as one, relay.running_relay(database.url, bus) as other:
        await until(lambda: len(one.relay.held) == len(other.relay.held) == 8)
        await one.die()
        begun = asyncio.get_running_loop().time()
        await until(lambda: len(other.relay.held) == 16)
        assert asyncio.get_running_loop().time() - begun < 5


async def test_five_relays_share_the_shards_and_each_shard_has_one_holder(database: Database) -> None:
    bus = FlakyBus(lambda _: None, combined=True)
    async with AsyncExitStack() as stack:
        running = [await stack.enter_async_context(relay.running_relay(database.url, bus)) for _ in range(5)]

        def shares() -> list[int]:
            return [len(each.relay.held) for each in running]

        await until(lambda: sum(shares()) == 16 and max(shares()) <= 4)
        assert frozenset[int]().union(*(each.relay.held for each in running)) == frozenset(range(16))


@pytest.mark.alone
async def test_a_wakeup_that_was_lost_costs_a_second_and_no_more(database: Database) -> None:
    bus = FlakyBus(lambda _: None, combined=True)
    (only,) = await relay.aggregates(database, 1)
    async with relay.running_relay(database.url, bus) as running:
        await until(lambda: len(running.relay.held) == 16)
        async with database.transaction(SYSTEM) as transaction:
            await relay.append(transaction, only)
            transaction._wakes.clear()  # pyright: ignore[reportPrivateUsage] - no wake-up is sent
        begun = asyncio.get_running_loop().time()
        await until(lambda: len(bus.taken) == 1)
        assert asyncio.get_running_loop().time() - begun < 3


async def test_a_stop_waits_for_the_batch_that_the_bus_is_about_to_take(database: Database) -> None:
    release = asyncio.Event()

    class SlowBus(FlakyBus):
        async def publish(self, records: Sequence[Record]) -> None:
            await release.wait()
            await super().publish(records)

    bus = SlowBus(lambda _: None, combined=True)
    await relay.commit(database, await relay.aggregates(database, 3))
    async with relay.running_relay(database.url, bus) as running:
        await until(lambda: len(running.relay.held) == 16)
        asyncio.get_running_loop().call_later(0.3, release.set)
        await running.stop()
    assert await relay.value(database, "SELECT count(*) FROM outbox") == 0
    await relay.check_published(database, 3)


async def test_a_session_that_says_nothing_is_ended_by_the_server_and_its_shards_are_free(database: Database) -> None:
    """A frozen process keeps its connection; the server must not let it keep its shards."""
    ended = asyncio.Event()
    async with open_session(database, EVENTS, ended.set, frozen_seconds=1) as session:
        assert await session.take([5]) == {5}
        async with asyncio.timeout(relay.PATIENCE):
            await ended.wait()
        assert session.lost
    async with open_session(database, EVENTS, ended.clear) as session:
        assert await session.take([5]) == {5}
        assert (await session.roster()).members == 1


@pytest.fixture
async def server(tmp_path: Path) -> AsyncGenerator[EmbeddedPostgres]:
    async with servers.running(tmp_path, fsync="off") as server:
        yield server


async def test_a_restart_of_postgresql_under_load_loses_nothing(server: EmbeddedPostgres) -> None:
    await prepare(server.url)
    database = Database(server.url)
    destination = LocalDestination(database)
    await destination.prepare()
    ids = await relay.aggregates(database, 20)
    acknowledged = 0
    done = asyncio.Event()

    async def writer(number: int) -> None:
        nonlocal acknowledged
        while not done.is_set():
            try:
                await relay.commit(database, [ids[number]])
                acknowledged += 1
            except Exception as error:
                if not is_outage(error):
                    raise
                await asyncio.sleep(0.05)

    async with relay.running_relay(server.url, destination.publisher()) as running, asyncio.TaskGroup() as writers:
        for number in range(8):
            writers.create_task(writer(number))
        await until(lambda: acknowledged >= 200)
        server.stop()
        await until(lambda: not running.relay.health().ready)
        assert "PostgreSQL" in running.relay.health().detail
        server.start()
        await server.wait_ready()
        before = acknowledged
        await until(lambda: acknowledged >= before + 200)
        done.set()
        await relay.empty(database)
        assert running.relay.health().ready
    assert len(first(await destination.arrivals())) >= acknowledged
    await check_arrived(database, destination)
    await database.close()
