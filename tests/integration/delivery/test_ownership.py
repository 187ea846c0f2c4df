import asyncio
import signal
import sys
import time
from asyncio.subprocess import PIPE
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from regista.delivery import Claimed, Outcome
from regista.delivery.repository import ownership
from regista.kit import ids
from tests.support import delivery
from tests.support.delivery import FakeSender, Ledger, answered, hang

CHILD = Path(delivery.__file__).with_name("delivery_child.py")
_DISPATCHER = """
INSERT INTO dispatcher (id, beat_at, kinds, backend)
VALUES ($1, clock_timestamp() - make_interval(secs => $2), '{webhook}', $3)
"""
_SHARES = """
SELECT array_agg(number ORDER BY number)
FROM (SELECT count(*) AS number FROM lane_shard WHERE id < 64 GROUP BY owner) x
"""
_OF_SLACK = _SHARES.replace("id < 64", "id >= 64 AND owner IS NOT NULL")


async def test_shards_are_shared_by_the_living_and_given_back_by_those_who_stop(ledger: Ledger) -> None:
    first = await ledger.start()
    assert await ledger.value(_SHARES) == [64]
    await ledger.start()
    await ledger.until(f"SELECT ({_SHARES}) = '{{32,32}}'")
    await ledger.start()
    await ledger.until(f"SELECT ({_SHARES}) = '{{21,21,22}}'")
    await first.stop()
    await ledger.until(f"SELECT ({_SHARES}) = '{{32,32}}'", seconds=3)


async def test_each_kind_of_lanes_is_shared_by_those_alone_who_serve_it(ledger: Ledger) -> None:
    webhook, slack = await ledger.lane(), await ledger.lane(kind="slack")
    webhooks = await ledger.start(FakeSender("webhook"))
    assert (await ledger.value(_SHARES), await ledger.value(_OF_SLACK)) == ([64], None)
    await ledger.plan([webhook, slack], 3, hand=webhooks)
    channels = await ledger.start(FakeSender("slack"))
    assert (await ledger.value(_SHARES), await ledger.value(_OF_SLACK)) == ([64], [64])
    await ledger.all_sent()
    assert {row.lane_id for row in webhooks.sender.sent} == {webhook}
    assert {row.lane_id for row in channels.sender.sent} == {slack}

    both = await ledger.start(FakeSender("webhook"), FakeSender("slack"))
    for shares in (_SHARES, _OF_SLACK):
        await ledger.until(f"SELECT ({shares}) = '{{32,32}}'")
    await webhooks.stop()
    await ledger.until(f"SELECT ({_SHARES}) = '{{64}}'")
    assert await ledger.value(_OF_SLACK) == [32, 32]
    await channels.kill()
    await ledger.until(f"SELECT ({_OF_SLACK}) = '{{64}}'", seconds=8)
    await ledger.plan([webhook, slack], 3, hand=both)
    await ledger.all_sent()


async def test_a_shard_changes_hands_only_when_nothing_of_it_is_in_flight(ledger: Ledger) -> None:
    lanes = [await ledger.lane() for _ in range(64)]
    running = await ledger.start()
    release = asyncio.Event()

    async def waiting(_: Claimed) -> Outcome:
        await release.wait()
        return answered(200)

    running.sender.behaviours |= dict.fromkeys(lanes, waiting)
    await ledger.plan(lanes, hand=running)
    second = await ledger.start()
    await asyncio.sleep(2.5)
    assert await ledger.value(_SHARES) == [64]
    release.set()
    await ledger.until(f"SELECT ({_SHARES}) = '{{32,32}}'")
    await ledger.all_sent()
    assert second.sender.sent == []


async def test_who_stops_keeps_just_the_lanes_in_flight_until_they_end_and_the_others_go_on_elsewhere(
    ledger: Ledger,
) -> None:
    lanes = [await ledger.lane() for _ in range(64)]
    sender = FakeSender()
    running = await ledger.start(sender)
    release = asyncio.Event()

    async def waiting(_: Claimed) -> Outcome:
        await release.wait()
        return answered(200)

    slow = lanes[:2]
    sender.behaviours |= dict.fromkeys(slow, waiting)
    await ledger.plan(slow, hand=running)
    await ledger.start(sender)
    await ledger.until(f"SELECT ({_SHARES}) = '{{32,32}}'")
    stopping = asyncio.create_task(running.stop())
    await ledger.plan(lanes[2:])
    await ledger.until("SELECT count(*) = 62 FROM delivery WHERE state = 'succeeded'", seconds=3)
    # Longer than it takes to be buried: it is still alive, and what it sends is still its own.
    await asyncio.sleep(4.5)
    release.set()
    await stopping
    await ledger.all_sent()
    assert len(sender.sent) == 64


@pytest.mark.alone
async def test_lanes_of_a_dispatcher_that_died_go_on_elsewhere_in_order(ledger: Ledger) -> None:
    lanes = [await ledger.lane(concurrency=1) for _ in range(12)]
    sender = FakeSender()

    async def slow(_: Claimed) -> Outcome:
        await asyncio.sleep(0.02)
        return answered(200)

    sender.behaviours |= dict.fromkeys(lanes, slow)
    three = [await ledger.start(sender) for _ in range(3)]
    await ledger.until(f"SELECT ({_SHARES}) = '{{21,21,22}}'")
    await ledger.plan(lanes, 60)
    await ledger.recorded(20)
    orphaned = {
        row[0]
        for row in await ledger.fetch(
            "SELECT l.id FROM lane l JOIN lane_shard s ON s.id = l.shard WHERE s.owner = $1", three[0].dispatcher.id
        )
    }
    assert orphaned
    await three[0].kill()
    died = time.monotonic()
    await ledger.all_sent(seconds=60)
    for lane in lanes:
        seen = sender.positions(lane)
        # What was in flight or unrecorded at the death comes twice; first arrivals are in order.
        assert list(dict.fromkeys(seen)) == sorted(set(seen))
        assert len(set(seen)) == 60
        assert len(seen) <= 62
    for lane in orphaned:
        moments = [at for row, at in sender.ended if row.lane_id == lane and at > died]
        # 5 s, and some for a machine that does more than this.
        assert not moments or min(moments) - died < 8


async def test_a_silent_dispatcher_is_buried_sooner_when_its_connection_has_ended_too(ledger: Ledger) -> None:
    connection = await ledger.runtime.database.connect()
    try:
        backend = await connection.fetchval("SELECT pg_backend_pid()")
        gone, silent, waiting, dead = (ids.uuid7() for _ in range(4))
        await connection.execute(_DISPATCHER, gone, 3, 0)
        await connection.execute(_DISPATCHER, silent, 3, backend)
        await connection.execute(_DISPATCHER, waiting, 2, 0)
        await connection.execute(_DISPATCHER, dead, 5, backend)
        await ownership.bury(connection)
        left = {row["id"] for row in await connection.fetch("SELECT id FROM dispatcher")}
        assert left == {silent, waiting}
    finally:
        await connection.close()


async def test_who_has_lost_a_shard_cannot_record_what_it_sent(ledger: Ledger) -> None:
    lane = await ledger.lane()
    running = await ledger.start()
    release = asyncio.Event()

    async def waiting(_: Claimed) -> Outcome:
        await release.wait()
        return answered(500)

    running.sender.behaviours[lane] = waiting
    await ledger.plan([lane], 2, hand=running)
    async with asyncio.timeout(5):
        while len(running.sender.sent) < 2:
            await asyncio.sleep(0.01)
    # Another owner, alive, between two beats of this one.
    other = ids.uuid7()
    await ledger.fetch(_DISPATCHER, other, -3600, 0)
    await ledger.fetch("UPDATE lane_shard SET owner = $1, epoch = epoch + 1", other)
    release.set()
    await asyncio.sleep(1.5)
    assert await ledger.value("SELECT count(*) FROM attempt") == 0
    assert await ledger.value("SELECT count(*) FROM delivery WHERE state = 'pending' AND attempts = 0") == 2
    assert await ledger.value("SELECT failures FROM lane") == 0


async def test_the_same_owner_under_another_epoch_cannot_record_either(ledger: Ledger) -> None:
    lane = await ledger.lane()
    running = await ledger.start()
    release = asyncio.Event()

    async def waiting(row: Claimed) -> Outcome:
        if len(running.sender.sent) > 1:
            return await hang(row)
        await release.wait()
        return answered(200)

    running.sender.behaviours[lane] = waiting
    await ledger.plan([lane], 1, hand=running)
    async with asyncio.timeout(5):
        while not running.sender.sent:
            await asyncio.sleep(0.01)
    await ledger.fetch("UPDATE lane_shard SET epoch = epoch + 1")
    release.set()
    async with asyncio.timeout(10):
        while len(running.sender.sent) < 2:
            await asyncio.sleep(0.05)
    assert await ledger.value("SELECT count(*) FROM attempt") == 0
    first, second = running.sender.sent
    assert first == second


async def test_nothing_is_sent_when_the_last_beat_is_too_old(ledger: Ledger) -> None:
    lane = await ledger.lane()
    running = await ledger.start()
    async with ledger.database.transaction() as tx:
        await tx.connection.execute("LOCK TABLE dispatcher IN ACCESS EXCLUSIVE MODE")
        await asyncio.sleep(3)
        assert not running.dispatcher.health().ready
        await ledger.plan([lane], 10, hand=running)
        await asyncio.sleep(0.5)
        assert running.sender.sent == []
    await ledger.all_sent()
    assert len(running.sender.sent) == 10
    assert running.dispatcher.health().ready


async def test_after_kill_9_between_send_and_record_the_same_ids_are_sent_again_and_nothing_is_lost(
    ledger: Ledger,
) -> None:
    lanes = [await ledger.lane() for _ in range(4)]
    rows = await ledger.plan(lanes, 200)
    url = ledger.runtime.settings.database_url
    assert url is not None
    child = await asyncio.create_subprocess_exec(sys.executable, str(CHILD), url.get_secret_value(), stdout=PIPE)
    assert child.stdout is not None
    seen: list[UUID] = []
    while len(seen) < 150:
        async with asyncio.timeout(30):
            line = (await child.stdout.readline()).decode().split()
        if line != ["ready"]:
            seen.append(UUID(line[0]))
    child.send_signal(signal.SIGKILL)
    rest = (await child.stdout.read()).decode().splitlines()
    await child.wait()
    seen += [UUID(line.split()[0]) for line in rest if len(line.split()) == 2]
    recorded = {row[0] for row in await ledger.fetch("SELECT delivery_id FROM attempt")}
    assert recorded < set(seen)
    running = await ledger.start()
    await ledger.all_sent()
    again = Counter(row.id for row in running.sender.sent)
    assert set(again) == {row.id for row in rows} - recorded
    assert set(again.values()) == {1}
    assert set(seen) - recorded <= set(again)
    assert await ledger.value("SELECT count(*) FROM delivery WHERE state = 'succeeded' AND attempts = 1") == 800
