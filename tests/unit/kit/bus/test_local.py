import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from regista.kit.bus.local import LocalBus
from regista.kit.bus.model import Consumer, Origin, Parking, Received, Record
from regista.kit.service import Health
from tests.support.bus import Ledger, Lot, record, until
from tests.support.bus_behaviour import BusBehaviour, Fails


class LocalHarness:
    def __init__(self) -> None:
        self._consumers: Sequence[Consumer] = ()
        self._parking: Parking = Lot()
        self._bus = LocalBus((), self._parking)
        self._sent: list[tuple[asyncio.Task[None], Sequence[Record]]] = []

    async def start(self, consumers: Sequence[Consumer], parking: Parking) -> None:
        self._consumers, self._parking = consumers, parking
        self._bus = LocalBus(consumers, parking, least=0.01, most=0.05)

    async def send(self, records: Sequence[Record]) -> None:
        self._sent.append((asyncio.create_task(self._bus.publish(records)), records))

    async def restart(self) -> None:
        unfinished = [records for task, records in self._sent if not task.done()]
        await self.stop()
        await self.start(self._consumers, self._parking)
        for records in unfinished:
            await self.send(records)

    def health(self, group: str) -> Health:
        return self._bus.health()[group]

    def origin(self, record: Record, index: int) -> Origin:
        del index
        return Origin("outbox", record.shard, None, record.event_id)

    async def stop(self) -> None:
        tasks = [task for task, _ in self._sent]
        self._sent = []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def bus() -> AsyncIterator[LocalHarness]:
    harness = LocalHarness()
    yield harness
    await harness.stop()


class TestLocalBus(BusBehaviour):
    pass


async def test_publish_returns_when_every_group_has_committed() -> None:
    slow, fast = Ledger("slow"), Ledger("fast")
    slow.pace = 0.05
    await LocalBus([slow, fast], Lot()).publish([record(1), record(2)])
    assert slow.sequences == fast.sequences == [1, 2]


async def test_groups_stand_side_by_side() -> None:
    blocked, free = Ledger("blocked", Fails(OSError, 1)), Ledger("free")
    task = asyncio.create_task(LocalBus([blocked, free], Lot()).publish([record(1)]))
    await free.until(1)
    await until(lambda: bool(blocked.calls))
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert blocked.rows == []


async def test_a_group_has_one_batch_at_a_time_however_many_shards_publish() -> None:
    running = 0
    most = 0

    class Watch(Ledger):
        async def handle(self, batch: Sequence[Received]) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await super().handle(batch)
            running -= 1

    watch = Watch("watch")
    watch.pace = 0.01
    bus = LocalBus([watch], Lot())
    async with asyncio.TaskGroup() as shards:
        for key in range(4):
            shards.create_task(bus.publish([record(1, key=key)]))
    assert most == 1


async def test_records_of_another_outbox_are_what_its_decoder_makes_of_them() -> None:
    taken: list[int | None] = []

    class Counts:
        group = "counts"

        async def handle(self, batch: Sequence[Received[int]]) -> None:
            taken.extend(each.event for each in batch)

    lot = Lot()
    bus = LocalBus([Counts()], lot, outbox="counter", decode=int)
    numbers = [record(1)._replace(raw=raw) for raw in (b"7", b"seven", b"8")]
    await bus.publish(numbers)
    assert taken == [7, 8]
    assert [each.origin for each in lot.parked] == [Origin("counter", 1, None, numbers[1].event_id)]
