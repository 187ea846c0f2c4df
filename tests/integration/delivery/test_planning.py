import asyncio

import pytest

from regista.delivery import NewDelivery, plan, remove_lane
from regista.delivery.sweeps import cancel_strays
from regista.kit import ids
from regista.kit.db import Transaction
from tests.support.delivery import Ledger


async def test_however_many_planners_plan_an_event_at_once_it_is_in_the_ledger_once(ledger: Ledger) -> None:
    lanes = [await ledger.lane() for _ in range(3)]
    events = await ledger.events(20)
    rows = [(NewDelivery(1, lane, event, lane, 0, 1, None, None), b"") for event in events for lane in lanes]

    async def planner() -> int:
        async def command(tx: Transaction) -> int:
            return len(await plan(tx, rows))

        return await ledger.database.run(command)

    counts = await asyncio.gather(*(planner() for _ in range(6)))
    assert sum(counts) == 60
    assert await ledger.value("SELECT count(*) FROM delivery") == 60
    assert await ledger.value("SELECT count(*) FROM delivery_due") == 60


async def test_a_repeat_returns_nothing_and_a_replay_is_a_new_row(ledger: Ledger) -> None:
    lane = await ledger.lane()
    (event,) = await ledger.events(1)
    row = NewDelivery(1, lane, event, 7, 0, 1, None, None)
    replay = ids.uuid7()
    async with ledger.database.transaction() as tx:
        (first,) = await plan(tx, [(row, b"body")])
        assert await plan(tx, [(row, b"body")]) == []
        (second,) = await plan(tx, [(row._replace(replay_id=replay), b"body")])
        assert await plan(tx, [(row._replace(replay_id=replay), b"body")]) == []
    assert (first.replayed, second.replayed) == (False, True)
    assert first.id != second.id
    assert first.attempt == 1
    assert first.body == b"body"


async def test_what_is_rolled_back_was_never_planned(ledger: Ledger) -> None:
    lane = await ledger.lane()
    (event,) = await ledger.events(1)
    row = NewDelivery(1, lane, event, 7, 0, 1, None, None)

    async def planned_and_regretted() -> None:
        async with ledger.database.transaction() as tx:
            await plan(tx, [(row, b"")])
            raise LookupError

    with pytest.raises(LookupError):
        await planned_and_regretted()
    assert await ledger.value("SELECT count(*) FROM delivery_due") == 0
    async with ledger.database.transaction() as tx:
        assert len(await plan(tx, [(row, b"")])) == 1


async def test_the_order_of_a_fifo_lane_is_the_order_of_commits(ledger: Ledger) -> None:
    lane = await ledger.lane(concurrency=1)
    events = await ledger.events(2)
    held = asyncio.Event()

    async def slow() -> None:
        async with ledger.database.transaction() as tx:
            await plan(tx, [(NewDelivery(1, lane, events[0], 7, 0, 1, None, None), b"")])
            held.set()
            await asyncio.sleep(0.3)
            assert await ledger.value("SELECT count(*) FROM delivery") == 0

    async def quick() -> None:
        await held.wait()
        async with ledger.database.transaction() as tx:
            await plan(tx, [(NewDelivery(1, lane, events[1], 7, 0, 1, None, None), b"")])

    await asyncio.gather(slow(), quick())
    rows = await ledger.fetch("SELECT event_id FROM delivery ORDER BY position")
    assert [row[0] for row in rows] == events


async def test_what_is_planned_for_an_endpoint_that_is_gone_is_canceled_and_nothing_else(ledger: Ledger) -> None:
    gone, there = await ledger.lane(), await ledger.lane()
    (before,) = await ledger.plan([gone])
    async with ledger.database.transaction() as tx:
        await remove_lane(tx, gone)
    (behind, other) = await ledger.plan([gone, there])
    assert await cancel_strays(ledger.database, "") == 1
    assert await cancel_strays(ledger.database, "") == 0
    states = {row["id"]: row["state"] for row in await ledger.fetch("SELECT id, state FROM delivery")}
    assert states == {before.id: "canceled", behind.id: "canceled", other.id: "pending"}
    assert await ledger.fetch("SELECT delivery_id FROM delivery_due") == [(other.id,)]
    assert await ledger.value("SELECT finished_at IS NOT NULL FROM delivery WHERE id = $1", behind.id)
