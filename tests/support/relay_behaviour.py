"""What must hold of the relay on every bus; each bus's module inherits it and brings the ``destination``."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from uuid import UUID

from regista.kit.bus.model import Record
from regista.kit.db import Database
from regista.relay import Faults
from tests.support import relay
from tests.support.bus import inversions, until
from tests.support.relay_bus import Destination, first

KILL_AT = 2


class Hold(Faults):
    """Keeps the first acknowledged batch until released."""

    def __init__(self) -> None:
        self.holding = asyncio.Event()
        self.release = asyncio.Event()

    async def acknowledged(self, records: Sequence[Record]) -> None:
        assert records
        self.holding.set()
        await self.release.wait()


async def check_arrived(database: Database, destination: Destination, made: Sequence[UUID] | None = None) -> int:
    """Check that every event arrived, in order; return how many arrived again."""
    arrivals = await destination.arrivals()
    once = first(arrivals)
    assert not inversions((each.key, each.sequence) for each in once)
    events = await relay.value(database, "SELECT count(*) FROM event")
    assert len(once) == events
    if made is not None:
        assert {each.event_id for each in once} == set(made)
    await relay.check_published(database, events)
    return len(arrivals) - len(once)


class RelayBehaviour:
    async def test_twelve_writers_and_relays_that_die_lose_nothing_and_keep_the_order(
        self, database: Database, destination: Destination
    ) -> None:
        ids = await relay.aggregates(database, 20)
        async with AsyncExitStack() as stack:
            first_relay, second, _ = [
                await stack.enter_async_context(relay.running_relay(database.url, destination.publisher()))
                for _ in range(3)
            ]
            await relay.write(database, ids, writers=12, events=1000, delay=0.02)
            await first_relay.die()
            await relay.write(database, ids, writers=12, events=1000, delay=0.02)
            await stack.enter_async_context(relay.running_relay(database.url, destination.publisher()))
            await relay.terminate(database, second)
            await relay.write(database, ids, writers=12, events=1000, delay=0.02)
            await relay.empty(database)
        assert await relay.value(database, "SELECT count(*) FROM event") == 3000
        await check_arrived(database, destination)

    async def test_a_relay_killed_between_acknowledgement_and_delete_repeats_and_loses_nothing(
        self, database: Database, destination: Destination
    ) -> None:
        ids = await relay.aggregates(database, 20)
        made = await relay.commit(database, ids, events=60)
        command = ["-m", "tests.support.relay_child", database.url, destination.child, str(KILL_AT)]
        child = await asyncio.create_subprocess_exec(sys.executable, *command)
        async with asyncio.timeout(relay.PATIENCE):
            assert await child.wait() == -9
        assert await relay.value(database, "SELECT count(*) FROM outbox") > 0
        async with relay.running_relay(database.url, destination.publisher()):
            await relay.empty(database)
        assert await check_arrived(database, destination, made) > 0

    async def test_a_connection_lost_in_the_middle_of_a_batch_repeats_and_loses_nothing(
        self, database: Database, destination: Destination
    ) -> None:
        ids = await relay.aggregates(database, 20)
        made = await relay.commit(database, ids, events=3)
        hold = Hold()
        async with relay.running_relay(database.url, destination.publisher(), faults=hold) as running:
            await hold.holding.wait()
            await relay.terminate(database, running)
            hold.release.set()
            await relay.empty(database)
            assert running.relay.health().ready
        assert await check_arrived(database, destination, made) > 0

    async def test_shards_change_hands_while_rows_are_pending(
        self, database: Database, destination: Destination
    ) -> None:
        ids = await relay.aggregates(database, 32)
        async with relay.running_relay(database.url, destination.publisher()) as old:
            await until(lambda: len(old.relay.held) == 16)
            writing = asyncio.create_task(relay.write(database, ids, writers=4, events=1200, delay=0.02))
            async with relay.running_relay(database.url, destination.publisher()) as new:
                await until(lambda: (len(old.relay.held), len(new.relay.held)) == (8, 8))
                assert not old.relay.held & new.relay.held
                await writing
                await new.stop()
            await until(lambda: len(old.relay.held) == 16)
            await relay.commit(database, ids)
            await relay.empty(database)
        assert await check_arrived(database, destination) == 0
