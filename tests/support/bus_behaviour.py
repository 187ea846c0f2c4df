"""What every bus must do: one suite, inherited by the tests of the local bus and of Kafka."""

from collections.abc import Sequence
from typing import Protocol

import asyncpg

from regista.kit import ids
from regista.kit.bus.model import Consumer, Origin, Parking, Received, Record
from regista.kit.service import Health
from tests.support.bus import CONTEXT, Audit, Ledger, Lot, garbage, inversions, record, until


class Harness(Protocol):
    """A bus in the hands of the suite."""

    async def start(self, consumers: Sequence[Consumer], parking: Parking) -> None:
        """Begin to consume."""
        ...

    async def send(self, records: Sequence[Record]) -> None:
        """Hand the records to the bus as the relay does, without waiting for the consumers."""
        ...

    async def restart(self) -> None:
        """Stop consuming, drop everything in memory, start again; the relay repeats what was not acknowledged to it."""
        ...

    def health(self, group: str) -> Health:
        """Return the health of a group."""
        ...

    def origin(self, record: Record, index: int) -> Origin:
        """Return where the ``index``-th record of its shard must be said to come from."""
        ...


def named(*prefixes: str) -> list[str]:
    return [f"{prefix}-{ids.token(6)}" for prefix in prefixes]


class Fails:
    """Trouble with some sequences: a fresh error each time, ``times`` times or for ever."""

    def __init__(self, error: type[Exception], *sequences: int, times: int | None = None) -> None:
        self.error = error
        self.sequences = sequences
        self.left = times

    def __call__(self, received: Received) -> Exception | None:
        if received.event is None or received.event.sequence not in self.sequences or self.left == 0:
            return None
        if self.left is not None:
            self.left -= 1
        return self.error(f"trouble with {received.event.sequence}")


class BusBehaviour:
    async def test_every_group_gets_each_record_once_and_in_the_order_of_its_key(self, bus: Harness) -> None:
        one, two = (Ledger(group) for group in named("one", "two"))
        await bus.start([one, two], Lot())
        records = [record(number, key=key) for number in range(1, 51) for key in (1, 2, 17, 30)]
        await bus.send(records)
        for ledger in (one, two):
            await ledger.until(200)
            assert {row.event_id for row in ledger.rows} == {each.event_id for each in records}
            assert inversions((row.key, row.sequence) for row in ledger.rows) == []
            assert {(row.key, row.shard) for row in ledger.rows} == {("1", 1), ("2", 2), ("17", 1), ("30", 14)}
            assert ledger.repeats == 0

    async def test_bytes_that_are_no_event_are_parked_with_their_origin_and_the_next_is_handled(
        self, bus: Harness
    ) -> None:
        group, other = named("strict", "audit")
        strict, audit, lot = Ledger(group), Audit(other), Lot()
        await bus.start([strict, audit], lot)
        bad = garbage()
        await bus.send([record(1), bad, record(2)])
        await strict.until(2)
        await audit.until(2)
        await lot.until(1)
        assert strict.sequences == audit.sequences == [1, 2]
        assert audit.malformed == [bad.raw]
        (parked,) = lot.parked
        assert (parked.group, parked.origin) == (group, bus.origin(bad, 1))
        assert parked.record == Received(None, bad.raw, CONTEXT, 1)

    async def test_a_guilty_record_is_parked_alone_and_for_its_group_alone(self, bus: Harness) -> None:
        group, other = named("fails", "fine")
        fails, fine, lot = Ledger(group, Fails(KeyError, 3, 7)), Ledger(other), Lot()
        await bus.start([fails, fine], lot)
        records = [record(number) for number in range(1, 11)]
        await bus.send(records)
        await fails.until(8)
        await fine.until(10)
        assert fails.sequences == [1, 2, 4, 5, 6, 8, 9, 10]
        assert fine.sequences == list(range(1, 11))
        assert [(each.group, each.record.raw, each.origin) for each in lot.parked] == [
            (group, records[2].raw, bus.origin(records[2], 2)),
            (group, records[6].raw, bus.origin(records[6], 6)),
        ]
        assert all(isinstance(each.error, KeyError) for each in lot.parked)
        assert bus.health(group).ready

    async def test_an_outage_blocks_and_parks_nothing(self, bus: Harness) -> None:
        (group,) = named("blocked")
        ledger, lot = Ledger(group), Lot()
        outage = Fails(ConnectionRefusedError, 5)
        ledger.trouble = outage
        await bus.start([ledger], lot)
        await bus.send([record(number) for number in range(1, 11)])
        await until(lambda: not bus.health(group).ready and len(ledger.calls) > 2)
        assert "ConnectionRefusedError" in bus.health(group).detail
        assert 5 not in ledger.sequences
        assert lot.parked == []
        outage.left = 0
        await ledger.until(10)
        assert ledger.sequences == list(range(1, 11))
        assert lot.parked == []
        await until(lambda: bus.health(group).ready)

    async def test_a_lost_race_in_the_database_is_run_again(self, bus: Harness) -> None:
        (group,) = named("races")
        ledger, lot = Ledger(group, Fails(asyncpg.SerializationError, 2, times=3)), Lot()
        await bus.start([ledger], lot)
        await bus.send([record(1), record(2), record(3)])
        await ledger.until(3)
        assert ledger.sequences == [1, 2, 3]
        assert lot.parked == []

    async def test_a_batch_that_fails_half_way_is_repeated_whole_and_stored_once(self, bus: Harness) -> None:
        (group,) = named("half")
        ledger, lot = Ledger(group, Fails(ValueError, 6, times=1)), Lot()
        await bus.start([ledger], lot)
        await bus.send([record(number) for number in range(1, 9)])
        await ledger.until(8)
        assert ledger.sequences == list(range(1, 9))
        assert lot.parked == []
        assert ledger.repeats == 0

    async def test_a_record_that_cannot_be_parked_is_not_lost(self, bus: Harness) -> None:
        (group,) = named("full")
        ledger, lot = Ledger(group, Fails(ValueError, 1)), Lot()
        lot.trouble = RuntimeError("no table dead_letter")
        await bus.start([ledger], lot)
        await bus.send([record(1), record(2)])
        await until(lambda: not bus.health(group).ready)
        assert ledger.rows == []
        lot.trouble = None
        await lot.until(1)
        await ledger.until(1)
        assert ledger.sequences == [2]

    async def test_the_audit_parks_nothing(self, bus: Harness) -> None:
        (group,) = named("audit")
        audit, lot = Audit(group), Lot()
        defect = Fails(ValueError, 2)
        audit.trouble = defect
        await bus.start([audit], lot)
        await bus.send([record(1), record(2), record(3)])
        await until(lambda: not bus.health(group).ready)
        assert lot.parked == []
        defect.left = 0
        await audit.until(3)
        assert audit.sequences == [1, 2, 3]

    async def test_stopping_while_blocked_loses_nothing(self, bus: Harness) -> None:
        (group,) = named("stopped")
        ledger, lot = Ledger(group), Lot()
        outage = Fails(ConnectionResetError, 3)
        ledger.trouble = outage
        await bus.start([ledger], lot)
        await bus.send([record(number) for number in range(1, 6)])
        await until(lambda: not bus.health(group).ready)
        await bus.restart()
        calls = len(ledger.calls)
        await until(lambda: not bus.health(group).ready and len(ledger.calls) > calls)
        outage.left = 0
        await ledger.until(5)
        assert ledger.sequences == [1, 2, 3, 4, 5]
        assert lot.parked == []
