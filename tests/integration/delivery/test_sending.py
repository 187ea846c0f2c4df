import asyncio
import statistics
import time
from collections import Counter

import pytest

from regista.delivery import Claimed, Outcome, Throttle, disable_lane, enable_lane, remove_lane
from regista.kit import clock
from tests.support.delivery import Ledger, accept, answered, hang, refuse


async def test_everything_is_sent_once_whether_handed_over_or_read_from_the_database(ledger: Ledger) -> None:
    lanes = [await ledger.lane() for _ in range(5)]
    before = await ledger.plan(lanes, 30)
    running = await ledger.start()
    handed = await ledger.plan(lanes, 400, hand=running)
    unannounced = await ledger.plan(lanes, 30)
    await ledger.all_sent()
    await running.stop()
    counts = Counter(row.id for row in running.sender.sent)
    assert set(counts) == {row.id for row in [*before, *handed, *unannounced]}
    assert set(counts.values()) == {1}
    assert await ledger.value("SELECT count(*) FROM delivery WHERE state = 'succeeded' AND attempts = 1") == 2300
    assert (
        await ledger.value("SELECT count(*) FROM attempt WHERE number = 1 AND status = 200 AND error IS NULL") == 2300
    )


async def test_a_body_is_the_frozen_payload_or_the_events_own_bytes(ledger: Ledger) -> None:
    lane = await ledger.lane()
    (own,) = await ledger.plan([lane])
    (frozen,) = await ledger.plan([lane], payload=b"\x00frozen")
    running = await ledger.start()
    await ledger.all_sent()
    bodies = {row.id: row.body for row in running.sender.sent}
    assert bodies == {own.id: str(own.event_id).encode(), frozen.id: b"\x00frozen"}


@pytest.mark.alone
async def test_a_fresh_delivery_goes_out_within_milliseconds_of_being_handed_over(ledger: Ledger) -> None:
    lane = await ledger.lane()
    running = await ledger.start()
    await ledger.plan([lane], hand=running)
    await ledger.all_sent()
    waits: list[float] = []
    for number in range(30):
        began = time.monotonic()
        await ledger.plan([lane], hand=running)
        handed = time.monotonic()
        while len(running.sender.ended) < number + 2:
            await asyncio.sleep(0)
        waits.append(running.sender.ended[-1][1] - handed)
        assert running.sender.ended[-1][1] >= began
    assert sorted(waits)[15] < 0.05


@pytest.mark.alone
async def test_a_hung_and_a_failing_lane_cost_the_healthy_nothing(ledger: Ledger) -> None:
    sender_lanes = [await ledger.lane() for _ in range(22)]
    hung, failing, *healthy = sender_lanes
    running = await ledger.start()
    running.sender.behaviours |= {hung: hang, failing: refuse}
    await ledger.plan([hung, failing], 1000, hand=running)
    slowest: list[float] = []
    for number in range(1, 6):
        planned: dict[object, float] = {}
        for _ in range(10):
            now = time.monotonic()
            planned |= {row.id: now for row in await ledger.plan(healthy, 1, hand=running)}
            await asyncio.sleep(0.01)
        async with asyncio.timeout(30):
            while sum(row.lane_id in healthy for row, _ in running.sender.ended) < 200 * number:
                await asyncio.sleep(0.01)
        waits = sorted(at - planned[row.id] for row, at in running.sender.ended if row.id in planned)
        assert len(waits) == 200
        slowest.append(waits[-3])
    # The median of rounds: a machine that stands still for half a second is not a lane that waits for another.
    assert statistics.median(slowest) < 0.25, slowest


async def test_hung_endpoints_beyond_every_bound_leave_room_for_the_healthy(ledger: Ledger) -> None:
    hung = [await ledger.lane() for _ in range(12)]
    healthy = await ledger.lane()
    running = await ledger.start(in_flight=16)
    running.sender.behaviours |= dict.fromkeys(hung, hang)
    await ledger.plan(hung, 20, hand=running)
    await asyncio.sleep(0.2)
    await ledger.plan([healthy], 20, hand=running)
    await ledger.until(
        "SELECT count(*) = 20 FROM delivery WHERE lane_id = $1 AND state = 'succeeded'", healthy, seconds=10
    )


async def test_a_lane_is_never_sent_to_more_often_at_once_than_it_allows(ledger: Ledger) -> None:
    lane = await ledger.lane(concurrency=3)
    running = await ledger.start()
    flying = peak = 0

    async def watched(_: Claimed) -> Outcome:
        nonlocal flying, peak
        flying += 1
        peak = max(peak, flying)
        await asyncio.sleep(0.005)
        flying -= 1
        return answered(200)

    running.sender.behaviours[lane] = watched
    await ledger.plan([lane], 60, hand=running)
    await ledger.all_sent()
    assert peak == 3


async def test_a_throttled_lane_keeps_to_its_pace_and_drops_nothing(ledger: Ledger) -> None:
    lane = await ledger.lane(throttle=Throttle(5, 0.4))
    running = await ledger.start()
    await ledger.plan([lane], 20, hand=running)
    await ledger.all_sent()
    moments = [at for _, at in running.sender.ended]
    assert len(moments) == 20
    # A send is counted when it starts, and is seen here when it has ended: allow for the difference.
    assert all(later - earlier > 0.35 for earlier, later in zip(moments, moments[5:], strict=False))


async def test_a_lane_where_nearly_all_fails_is_closed_and_the_rest_waits(ledger: Ledger) -> None:
    lane = await ledger.lane()
    running = await ledger.start()
    running.sender.behaviours[lane] = refuse
    await ledger.plan([lane], 200, hand=running)
    await ledger.recorded(10)
    await asyncio.sleep(1.5)
    # Ten close it; those that were already out may still come back.
    assert 10 <= len(running.sender.sent) <= 13
    assert await ledger.value("SELECT count(*) FROM delivery WHERE state = 'pending'") == 200


async def test_deliveries_of_a_disabled_lane_wait_and_go_out_when_it_is_enabled(ledger: Ledger) -> None:
    lane = await ledger.lane()
    running = await ledger.start()
    async with ledger.database.transaction() as tx:
        assert await disable_lane(tx, lane)
        assert not await disable_lane(tx, lane)
    await asyncio.sleep(1.5)
    await ledger.plan([lane], 300, hand=running)
    await asyncio.sleep(1.2)
    assert running.sender.sent == []
    async with ledger.database.transaction() as tx:
        assert await enable_lane(tx, lane)
    await ledger.all_sent()
    assert len(running.sender.sent) == 300


async def test_removing_a_lane_cancels_what_is_pending(ledger: Ledger) -> None:
    lane = await ledger.lane()
    await ledger.plan([lane], 5)
    async with ledger.database.transaction() as tx:
        await remove_lane(tx, lane)
    running = await ledger.start()
    await ledger.plan([await ledger.lane()], 1)
    await ledger.all_sent()
    assert running.sender.positions(lane) == []
    assert await ledger.value("SELECT count(*) FROM delivery WHERE state = 'canceled' AND lane_id = $1", lane) == 5


async def test_a_fault_of_ours_is_no_attempt(ledger: Ledger) -> None:
    lane = await ledger.lane()
    running = await ledger.start()
    calls = 0

    async def broken_once(row: Claimed) -> Outcome:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError("no file descriptors left")
        return await accept(row)

    running.sender.behaviours[lane] = broken_once
    (row,) = await ledger.plan([lane], hand=running)
    await ledger.all_sent()
    assert [(sent.id, sent.attempt) for sent in running.sender.sent] == [(row.id, 1), (row.id, 1)]
    assert await ledger.value("SELECT count(*) FROM attempt") == 1


async def test_what_an_endpoint_answers_cannot_stop_the_record(ledger: Ledger) -> None:
    lane = await ledger.lane()
    running = await ledger.start()

    async def hostile(_: Claimed) -> Outcome:
        return Outcome(200, None, 0.1, {"x": "a\x00b\udcff"}, b"\x00" * 30_000, True, None, False)

    running.sender.behaviours[lane] = hostile
    await ledger.plan([lane], hand=running)
    await ledger.all_sent()
    (kept,) = await ledger.fetch("SELECT headers, length(body) AS size, truncated FROM attempt")
    assert tuple(kept) == ("x: a�b?", 20_000, True)


async def test_stopping_lets_what_is_in_flight_end_and_records_it(ledger: Ledger) -> None:
    lane = await ledger.lane()
    running = await ledger.start()

    async def slow(_: Claimed) -> Outcome:
        await asyncio.sleep(0.5)
        return answered(200)

    running.sender.behaviours[lane] = slow
    await ledger.plan([lane], 50, hand=running)
    await asyncio.sleep(0.1)
    await running.stop()
    assert len(running.sender.sent) == 4
    assert await ledger.value("SELECT count(*) FROM delivery WHERE state = 'succeeded'") == 4
    assert await ledger.value("SELECT count(*) FROM lane_shard WHERE owner IS NOT NULL") == 0
    assert await ledger.value("SELECT count(*) FROM dispatcher") == 0


async def test_losing_every_connection_for_a_moment_loses_nothing_and_repeats_nothing(ledger: Ledger) -> None:
    lanes = [await ledger.lane() for _ in range(4)]
    running = await ledger.start()
    for round_ in range(10):
        await ledger.plan(lanes, 25, hand=running)
        if round_ % 3 == 2:
            await ledger.fetch(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                """
            )
        await asyncio.sleep(0.05)
    await ledger.all_sent()
    assert Counter(Counter(row.id for row in running.sender.sent).values()) == {1: 1000}
    assert await ledger.value("SELECT count(*) FROM delivery WHERE state = 'succeeded'") == 1000


async def test_a_lane_rests_for_as_long_as_its_receiver_wants_and_goes_on_by_itself(ledger: Ledger) -> None:
    resting, other = await ledger.lane(), await ledger.lane()
    running = await ledger.start()
    began = clock.monotonic()

    async def busy(_: Claimed) -> Outcome:
        return answered(429, pause=1.0) if len(running.sender.positions(resting)) == 1 else answered(200)

    running.sender.behaviours[resting] = busy
    (first,) = await ledger.plan([resting], hand=running)
    await ledger.recorded(1)
    await ledger.plan([resting, other], 3, hand=running)
    await ledger.recorded(7)
    moments = [(row.lane_id, moment - began) for row, moment in running.sender.ended]
    assert max(moment for lane, moment in moments if lane == other) < 1
    assert min(moment for lane, moment in moments[1:] if lane == resting) >= 1
    # What was refused waits for its own time.
    assert await ledger.value("SELECT position FROM delivery_due") == first.position
