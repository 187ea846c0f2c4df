import asyncio
import random
from typing import Any

from regista.delivery import Claimed, NewDelivery, Outcome, plan
from tests.support.delivery import FakeSender, Ledger, accept, answered, refuse


async def positions(ledger: Ledger, lane: int) -> list[int]:
    rows = await ledger.fetch("SELECT position FROM delivery WHERE lane_id = $1 ORDER BY position", lane)
    return [row[0] for row in rows]


async def test_a_fifo_lane_sends_in_the_order_of_the_ledger_whoever_plans(ledger: Ledger) -> None:
    lane = await ledger.lane(concurrency=1)
    running = await ledger.start()
    events = await ledger.events(300)

    async def planner(mine: list[Any]) -> None:
        for event in mine:
            async with ledger.database.transaction() as tx:
                rows = await plan(tx, [(NewDelivery(1, lane, event, 1, 0, 1, None, None), b"")])
                await asyncio.sleep(random.random() * 0.005)
            running.dispatcher.hand(rows)

    await asyncio.gather(*(planner(events[start::4]) for start in range(4)))
    await ledger.all_sent()
    assert running.sender.positions(lane) == await positions(ledger, lane)


async def test_a_failing_head_blocks_its_lane_alone_and_the_order_holds_after_it(ledger: Ledger) -> None:
    lane, other = await ledger.lane(concurrency=1), await ledger.lane(concurrency=1)
    running = await ledger.start()
    rows = await ledger.plan([lane], 20)
    third = rows[2].position
    fails = 3

    async def stubborn(row: Claimed) -> Outcome:
        nonlocal fails
        if row.position == third and fails:
            fails -= 1
            return answered(500)
        return answered(200)

    running.sender.behaviours[lane] = stubborn
    running.dispatcher.hand(rows)
    for attempt in range(1, 4):
        await ledger.until("SELECT attempts = $2 FROM delivery WHERE position = $1", third, attempt)
        await ledger.plan([other], 5, hand=running)
        await ledger.until("SELECT NOT EXISTS (SELECT FROM delivery_due WHERE lane_id = $1)", other)
        await asyncio.sleep(1.1)
        assert running.sender.positions(lane)[-1] == third
        await ledger.bring_forward(lane)
    await ledger.all_sent()
    expected = [row.position for row in rows]
    assert running.sender.positions(lane) == [*expected[:2], *[third] * 3, *expected[2:]]


async def test_a_dead_head_lets_the_next_one_go(ledger: Ledger) -> None:
    lane = await ledger.lane(concurrency=1)
    rows = await ledger.plan([lane], 3)
    await ledger.fetch("UPDATE delivery_due SET made = 9 WHERE position = $1", rows[0].position)
    sender = FakeSender()

    async def first_fails(row: Claimed) -> Outcome:
        return await (refuse if row.position == rows[0].position else accept)(row)

    sender.behaviours[lane] = first_fails
    await ledger.start(sender)
    await ledger.all_sent()
    assert sender.positions(lane) == [row.position for row in rows]
    states = await ledger.fetch("SELECT state FROM delivery ORDER BY position")
    assert [row[0] for row in states] == ["dead", "succeeded", "succeeded"]


async def test_a_long_queue_behind_a_waiting_head_is_not_read_over_and_over(ledger: Ledger) -> None:
    lane = await ledger.lane(concurrency=1)
    running = await ledger.start()
    running.sender.behaviours[lane] = refuse
    await ledger.plan([lane], 1500, hand=running)
    await ledger.recorded(1)
    await ledger.fetch("UPDATE delivery_due SET due_at = now() + interval '1 hour' WHERE made = 1")
    scans = "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'delivery'"
    await asyncio.sleep(1.5)
    before = await ledger.value(scans)
    await asyncio.sleep(3)
    assert await ledger.value(scans) - before < 1500
    assert len(running.sender.sent) == 1
