"""What the relay's tests share: events to commit, relays to start and stop, a consumer that remembers."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from pydantic import SecretStr

from regista.kit import aggregate, ids, outbox
from regista.kit.bus.model import Publisher
from regista.kit.db import Database, Transaction
from regista.kit.outbox import Draft
from regista.kit.runtime import Runtime, open_runtime
from regista.kit.service import Lifecycle
from regista.kit.settings import Settings
from regista.relay import Faults, Relay
from regista.relay.faults import NO_FAULTS
from regista_events.samples import sample
from tests.support.database import SYSTEM

SAMPLE = sample("run.deleted")
PATIENCE = 60.0
"""Seconds a test waits for what must come; generous, because the machine may be busy."""


class RunningRelay:
    """A relay in a task of its own, on a database of its own."""

    def __init__(self, relay: Relay, lifecycle: Lifecycle, task: asyncio.Task[None], runtime: Runtime) -> None:
        self.relay = relay
        self.lifecycle = lifecycle
        self.task = task
        self.database = runtime.database
        self.metrics = runtime.metrics

    async def die(self) -> None:
        """End it as a crash does: nothing is drained, nothing is said."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def stop(self) -> None:
        """End it as a deployment does."""
        self.lifecycle.stopping.set()
        await self.task


@asynccontextmanager
async def running_relay(url: str, publisher: Publisher, *, faults: Faults = NO_FAULTS) -> AsyncGenerator[RunningRelay]:
    settings = Settings(database_url=SecretStr(url), secret_key=SecretStr("k" * 43))
    async with open_runtime(settings, f"relay-{ids.token(6)}") as runtime:
        relay = Relay(runtime, publisher, faults=faults)
        lifecycle = Lifecycle()
        task = asyncio.create_task(relay.run(lifecycle))
        running = RunningRelay(relay, lifecycle, task, runtime)
        try:
            yield running
        finally:
            lifecycle.stopping.set()
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def aggregates(database: Database, count: int) -> list[int]:
    """Commit new aggregates; return their ids."""
    async with database.transaction(SYSTEM) as transaction:
        return [(await aggregate.create(transaction, 1)).id for _ in range(count)]


async def append(transaction: Transaction, aggregate_id: int, events: int = 1) -> list[UUID]:
    """Append events of one aggregate, as a command does; return their ids."""
    locked = await aggregate.lock_one(transaction, aggregate_id)
    drafts = [Draft(type(SAMPLE), locked, SAMPLE.subject, SAMPLE.data) for _ in range(events)]
    return [event.id for event in await outbox.append(transaction, drafts)]


async def commit(database: Database, aggregate_ids: Sequence[int], events: int = 1) -> list[UUID]:
    """Commit events of each aggregate, each in a transaction of its own; return their ids."""
    made: list[UUID] = []
    for aggregate_id in aggregate_ids:
        async with database.transaction(SYSTEM) as transaction:
            made += await append(transaction, aggregate_id, events)
    return made


async def write(database: Database, aggregate_ids: Sequence[int], writers: int, events: int, delay: float) -> None:
    """Let ``writers`` commit ``events`` in all, each after a random delay between its insert and its commit."""
    chance = random.Random(7)
    left = iter(range(events))

    async def writer() -> None:
        for _ in left:
            async with database.transaction(SYSTEM) as transaction:
                await append(transaction, chance.choice(aggregate_ids))
                await asyncio.sleep(chance.uniform(0, delay))

    async with asyncio.TaskGroup() as group:
        for _ in range(writers):
            group.create_task(writer())


async def empty(database: Database, patience: float = PATIENCE) -> None:
    """Wait until the outbox is empty."""
    async with asyncio.timeout(patience):
        while await value(database, "SELECT count(*) FROM outbox"):
            await asyncio.sleep(0.02)


async def value(database: Database, statement: str, *arguments: object) -> int:
    async with database.transaction() as transaction:
        return int(await transaction.connection.fetchval(statement, *arguments) or 0)


async def check_published(database: Database, events: int) -> None:
    """Check that each event has exactly one position, positions have no gaps, and aggregates are in order."""
    async with database.transaction(readonly=True) as transaction:
        connection = transaction.connection
        assert await connection.fetchval("SELECT count(*) FROM event") == events
        assert await connection.fetchval("SELECT count(*) FROM published") == events
        assert await connection.fetchval("SELECT count(DISTINCT event_id) FROM published") == events
        assert not await connection.fetch(
            """SELECT shard.id FROM shard LEFT JOIN published ON published.shard = shard.id GROUP BY shard.id
               HAVING shard.position <> count(published.position) OR shard.position <> coalesce(max(published.position), 0)"""
        )
        assert not await connection.fetch(
            """SELECT 1 FROM (
                   SELECT sequence - lag(sequence) OVER (PARTITION BY aggregate_id ORDER BY published.position) AS step
                   FROM published JOIN event ON event.id = event_id) steps
               WHERE step <> 1"""
        )


async def terminate(database: Database, relay: RunningRelay) -> None:
    """Let the server end the relay's session, as a failover or an administrator does."""
    async with database.transaction() as transaction:
        ended = await transaction.connection.fetch(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE application_name = $1 AND datname = current_database()
                 AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')""",
            relay.database.name,
        )
    assert len(ended) == 1
