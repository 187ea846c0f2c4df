import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from regista.kit.bus.arrival import Arrival, arrive
from regista.kit.bus.model import Origin
from regista.kit.bus.processing import TRANSIENT_ATTEMPTS, Feed
from regista_events import codec
from tests.support.bus import Audit, Ledger, Lot, garbage, record, until
from tests.support.bus_behaviour import Fails


def arrivals(*numbers: int) -> list[Arrival]:
    """Return records with these sequences; 0 is a record that is no event."""
    sent = [record(number) if number else garbage() for number in numbers]
    return [
        arrive(each.raw, each.context, each.shard, Origin("t", each.shard, offset, each.event_id), codec.decode)
        for offset, each in enumerate(sent)
    ]


def feed(ledger: Ledger, lot: Lot) -> Feed:
    return Feed(ledger, lot, least=0.001, most=0.002)


@pytest.mark.parametrize("guilty", [(1,), (8,), (4, 5), (1, 8), (1, 2, 3, 4, 5, 6, 7, 8)])
async def test_bisecting_parks_the_guilty_and_keeps_the_order(guilty: Sequence[int]) -> None:
    ledger, lot = Ledger("g", Fails(ValueError, *guilty)), Lot()
    await feed(ledger, lot).process(arrivals(*range(1, 9)))
    assert ledger.sequences == [number for number in range(1, 9) if number not in guilty]
    assert [each.origin.offset for each in lot.parked] == [number - 1 for number in guilty]
    assert ledger.repeats == 0


async def test_one_guilty_record_of_many_is_found_in_few_steps() -> None:
    ledger, lot = Ledger("g", Fails(ValueError, 300)), Lot()
    await feed(ledger, lot).process(arrivals(*range(1, 501)))
    assert len(ledger.rows) == 499
    assert len(ledger.calls) < 25


async def test_races_that_do_not_end_block_and_park_nothing() -> None:
    ledger, lot = Ledger("g", Fails(asyncpg.DeadlockDetectedError, 1, times=TRANSIENT_ATTEMPTS + 3)), Lot()
    await feed(ledger, lot).process(arrivals(1, 2))
    assert ledger.sequences == [1, 2]
    assert lot.parked == []
    assert len(ledger.calls) == TRANSIENT_ATTEMPTS + 4


async def test_a_batch_of_nothing_but_garbage_never_reaches_the_consumer() -> None:
    ledger, lot = Ledger("g"), Lot()
    await feed(ledger, lot).process(arrivals(0, 0))
    assert ledger.calls == []
    assert len(lot.parked) == 2
    assert all(each.error.args for each in lot.parked)


async def test_a_total_consumer_gets_garbage_in_its_place() -> None:
    audit, lot = Audit("g"), Lot()
    await feed(audit, lot).process(arrivals(1, 0, 2))
    assert audit.sequences == [1, 2]
    assert audit.malformed == [garbage().raw]
    assert lot.parked == []


async def test_cancelling_ends_a_blocked_batch_without_parking_and_health_recovers() -> None:
    ledger, lot = Ledger("g", Fails(ConnectionResetError, 2)), Lot()
    blocked = feed(ledger, lot)
    task = asyncio.create_task(blocked.process(arrivals(1, 2)))
    await until(lambda: not blocked.health().ready)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (ledger.rows, lot.parked) == ([], [])
    assert blocked.health().ready
    ledger.trouble = None
    await blocked.process(arrivals(1, 2))
    assert ledger.sequences == [1, 2]


async def test_the_wait_between_attempts_grows_to_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    ledger = Ledger("g", Fails(ConnectionResetError, 1, times=8))
    subject = Feed(ledger, Lot(), least=0.1, most=5.0)
    monkeypatch.setattr("regista.kit.bus.processing.asyncio.sleep", note)
    await subject.process(arrivals(1))
    assert [wait for wait in waits if wait] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
