"""What the bus itself costs on Kafka: one process publishes, one consumes, the broker beside them."""

import asyncio
from collections.abc import Sequence
from time import perf_counter

import pytest

from regista.kit.bus.model import Received, Record
from tests.support.bus import Ledger, Lot, record
from tests.support.bus_behaviour import named
from tests.support.bus_kafka import fresh_topic
from tests.support.kafka import KafkaBroker

pytestmark = [pytest.mark.kafka, pytest.mark.bench, pytest.mark.timeout(300)]

EVENTS = 40_000
BATCH = 500
"""What the relay takes at once."""


class Counter:
    """Counts, so that what is measured is the bus."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.count = 0
        self.done = asyncio.Event()

    async def handle(self, batch: Sequence[Received]) -> None:
        self.count += len(batch)
        if self.count >= EVENTS:
            self.done.set()


@pytest.mark.parametrize("shards", [1, 4, 16])
async def test_twenty_thousand_events_a_second_are_published(kafka: KafkaBroker, shards: int) -> None:
    async with fresh_topic(kafka) as bus:
        batches = [[record(n + 1, key=shard, padding=660) for n in range(BATCH)] for shard in range(shards)]
        assert 1000 < len(batches[0][0].raw) < 1100
        await bus.send(batches[0][:1])

        async def shard(batch: list[Record]) -> None:
            for _ in range(EVENTS // BATCH // shards):
                await bus.publisher.publish(batch)

        began = perf_counter()
        async with asyncio.TaskGroup() as work:
            for batch in batches:
                work.create_task(shard(batch))
        rate = EVENTS / (perf_counter() - began)
        print(f"\n{shards} shards: {rate:,.0f} events/s published")  # noqa: T201 - the figure is the result
        assert rate > 20_000


async def test_ten_thousand_events_a_second_are_consumed(kafka: KafkaBroker) -> None:
    async with fresh_topic(kafka) as bus:
        batches = [[record(n + 1, key=shard, padding=660) for n in range(BATCH)] for shard in range(16)]
        for round_ in range(EVENTS // BATCH):
            await bus.send(batches[round_ % 16])
        counter = Counter(named("counter")[0])
        began = perf_counter()
        await bus.start([counter], Lot())
        await counter.done.wait()
        rate = EVENTS / (perf_counter() - began)
        print(f"\n{rate:,.0f} events/s consumed, joining the group included")  # noqa: T201 - the figure is the result
        assert rate > 10_000


async def test_from_publish_to_handle_takes_less_than_twenty_milliseconds(kafka: KafkaBroker) -> None:
    arrived: list[float] = []

    class Clocked(Ledger):
        async def handle(self, batch: Sequence[Received]) -> None:
            arrived.extend([perf_counter()] * len(batch))
            await super().handle(batch)

    async with fresh_topic(kafka) as bus:
        ledger = Clocked(named("idle")[0])
        await bus.start([ledger], Lot())
        await bus.send([record(1)])
        await ledger.until(1)
        arrived.clear()
        sent: list[float] = []
        for number in range(2, 202):
            await asyncio.sleep(0.3)
            sent.append(perf_counter())
            await bus.send([record(number)])
        await ledger.until(201)
        waits = sorted(1000 * (end - begin) for begin, end in zip(sent, arrived, strict=True))
        print(f"\nsend to handle: p50 {waits[100]:.1f} ms, p99 {waits[197]:.1f} ms, most {waits[-1]:.1f} ms")  # noqa: T201 - the figure is the result
        assert waits[197] < 20
