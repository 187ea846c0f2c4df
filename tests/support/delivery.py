"""A ledger to plan into and a sender whose behaviour a test chooses per lane."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from regista.delivery import Claimed, Dispatcher, LaneNews, NewDelivery, Outcome, Throttle, create_lane, plan
from regista.kit import clock, ids
from regista.kit.db import Database, Transaction
from regista.kit.runtime import Runtime, open_runtime
from regista.kit.service import Lifecycle
from regista.kit.settings import Settings
from tests.support.database import prepare
from tests.support.postgres import PostgresSession

Behaviour = Callable[[Claimed], Awaitable[Outcome]]


def answered(status: int, body: bytes = b"ok", **more: Any) -> Outcome:
    """Return the outcome of an answer with this status."""
    error = None if 200 <= status < 300 else f"http_{status // 100}xx"
    shape: dict[str, Any] = {"retry_after": None, "gone": status == 410, "truncated": False} | more
    return Outcome(status, error, 0.001, {"content-type": "text/plain"}, body, **shape)


async def accept(_: Claimed) -> Outcome:
    """Answer 200 at once."""
    return answered(200)


async def refuse(_: Claimed) -> Outcome:
    """Answer 503 at once."""
    return answered(503)


async def hang(_: Claimed) -> Outcome:
    """Answer nothing for as long as a test lasts."""
    await asyncio.sleep(600)
    return Outcome(None, "timeout", 600, {}, b"", False, None, False)


class FakeSender:
    """Does per lane what the test says, and remembers what it was given."""

    def __init__(self, kind: str = "webhook") -> None:
        self.kind = kind
        self.behaviours: dict[int, Behaviour] = {}
        self.sent: list[Claimed] = []
        self.ended: list[tuple[Claimed, float]] = []
        self.news: list[tuple[int, LaneNews]] = []

    async def send(self, row: Claimed) -> Outcome:
        self.sent.append(row)
        outcome = await self.behaviours.get(row.lane_id, accept)(row)
        self.ended.append((row, clock.monotonic()))
        return outcome

    async def announce(self, transaction: Transaction, lane_id: int, news: LaneNews) -> None:
        # A row of the same transaction: what is rolled back was never announced.
        await transaction.connection.execute(
            "INSERT INTO announced (lane_id, kind, delivery_id) VALUES ($1, $2, $3)",
            lane_id,
            news.kind,
            news.delivery_id,
        )
        self.news.append((lane_id, news))

    def positions(self, lane: int) -> list[int]:
        """The positions that were sent of a lane, in order, repeats included."""
        return [row.position for row in self.sent if row.lane_id == lane]


class Running:
    """A dispatcher at work, for a test to stop or to kill."""

    def __init__(self, dispatcher: Dispatcher, sender: FakeSender) -> None:
        self.dispatcher = dispatcher
        self.sender = sender
        self.lifecycle = Lifecycle()
        self.task = asyncio.create_task(dispatcher.run(self.lifecycle))

    async def stop(self) -> None:
        """Ask it to stop, and wait."""
        self.lifecycle.stopping.set()
        await self.task

    async def kill(self) -> None:
        """End it without a farewell: shards stay taken, outcomes unrecorded."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class Ledger:
    """A fresh database with lanes and events in it."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.database: Database = runtime.database
        self._events = 0
        self._running: list[Running] = []

    async def lane(
        self,
        *,
        kind: str = "webhook",
        concurrency: int = 4,
        throttle: Throttle | None = None,
        entity_id: int | None = None,
    ) -> int:
        async with self.database.transaction() as tx:
            return await create_lane(
                tx, 1, kind, name="ci", entity_id=entity_id, concurrency=concurrency, throttle=throttle
            )

    async def events(self, number: int) -> list[UUID]:
        """Insert events whose body is their own id."""
        made = [ids.uuid7() for _ in range(number)]
        rows = [(event, self._events + place, str(event).encode()) for place, event in enumerate(made)]
        self._events += number
        async with self.database.transaction() as tx:
            await tx.connection.executemany(
                """
                INSERT INTO event (id, organization_id, aggregate_id, sequence, shard, type, subject, time, actor, body,
                                   context)
                VALUES ($1, 1, 1000000000 + $2, 1, 0, 'dev.regista.alias.added', 'a', now(), 'system', $3, '')
                """,
                rows,
            )
        return made

    async def plan(
        self, lanes: Sequence[int], number: int = 1, *, hand: Running | None = None, payload: bytes | None = None
    ) -> list[Claimed]:
        """Plan ``number`` new events for each of the lanes, and hand the rows over if there is somebody to take them."""
        events = await self.events(number)
        rows = [
            (NewDelivery(1, lane, event, lane, 0, 1, None, payload), payload or str(event).encode())
            for event in events
            for lane in lanes
        ]
        async with self.database.transaction() as tx:
            claimed = await plan(tx, rows)
        if hand is not None:
            hand.dispatcher.hand(claimed)
        return claimed

    async def start(self, sender: FakeSender | None = None, *others: FakeSender, **options: Any) -> Running:
        """Run a dispatcher, and wait until it serves."""
        sender = sender or FakeSender()
        runtime = replace(self.runtime, metrics=CollectorRegistry())
        running = Running(Dispatcher(runtime, [sender, *others], **options), sender)
        self._running.append(running)
        async with asyncio.timeout(20):
            await running.lifecycle.started.wait()
        return running

    async def fetch(self, statement: str, *arguments: Any) -> list[Any]:
        async with self.database.transaction() as tx:
            return await tx.connection.fetch(statement, *arguments)

    async def value(self, statement: str, *arguments: Any) -> Any:
        async with self.database.transaction() as tx:
            return await tx.connection.fetchval(statement, *arguments)

    async def until(self, statement: str, *arguments: Any, seconds: float = 30) -> None:
        """Wait until the statement's value is true."""
        async with asyncio.timeout(seconds):
            while not await self.value(statement, *arguments):
                await asyncio.sleep(0.02)

    async def all_sent(self, seconds: float = 30) -> None:
        """Wait until nothing is due any more."""
        await self.until("SELECT NOT EXISTS (SELECT FROM delivery_due)", seconds=seconds)

    async def recorded(self, attempts: int, seconds: float = 30) -> None:
        """Wait until there are this many attempts."""
        await self.until("SELECT count(*) >= $1 FROM attempt", attempts, seconds=seconds)

    async def bring_forward(self, lane: int) -> None:
        """Let the lane's next attempts be due now, as if their time had come."""
        await self.fetch("UPDATE delivery_due SET due_at = now() WHERE lane_id = $1", lane)

    async def end(self) -> None:
        """Kill what the test left running."""
        for running in self._running:
            if not running.task.done():
                await running.kill()


@asynccontextmanager
async def fresh_ledger(postgres: PostgresSession) -> AsyncGenerator[Ledger]:
    """Yield a ledger on a database of its own; dispatchers that still run at the end are killed."""
    async with postgres.fresh_database(prepare) as url:
        settings = Settings(database_url=SecretStr(url), secret_key=SecretStr("secret-key-of-the-tests-0123456789"))
        async with open_runtime(settings, "tests") as runtime:
            ledger = Ledger(runtime)
            await ledger.fetch("CREATE TABLE announced (lane_id bigint, kind text, delivery_id uuid)")
            try:
                yield ledger
            finally:
                await ledger.end()
