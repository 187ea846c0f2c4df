import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from regista.kit.bus.kafka import KafkaPublisher, PublishFailedError
from regista.kit.bus.model import Record
from tests.support.bus import CONTEXT, inversions, record, until
from tests.support.bus_kafka import TopicHarness
from tests.support.kafka import KafkaBroker

pytestmark = pytest.mark.kafka


class Relay:
    """Publishes one shard's outbox as the relay does: batch after batch, from the lowest row again after a failure."""

    def __init__(self, publisher: KafkaPublisher, key: int, *, batch: int = 20) -> None:
        self.rows: list[Record] = []
        self.failures = 0
        self.published = 0
        self._publisher = publisher
        self._key = key
        self._batch = batch

    async def run(self, count: int) -> None:
        self.rows = [record(number, key=self._key, padding=500) for number in range(1, count + 1)]
        while self.published < count:
            batch = self.rows[self.published : self.published + self._batch]
            try:
                await self._publisher.publish(batch)
            except PublishFailedError:
                self.failures += 1
                await asyncio.sleep(0.05)
            else:
                self.published += len(batch)
                await asyncio.sleep(0.01)


async def outage_amid(
    kafka: KafkaBroker, bus: TopicHarness, outage: Callable[[KafkaBroker], Coroutine[Any, Any, None]]
) -> list[Relay]:
    """Let three shards publish through an outage; return them once all is published, checking the topic."""
    publisher = KafkaPublisher(bus.bootstrap, topic=bus.topic, patience=1.5)
    relays = [Relay(publisher, key) for key in (1, 2, 3)]
    try:
        async with asyncio.TaskGroup() as work:
            for relay in relays:
                work.create_task(relay.run(1500))
            await until(lambda: min(relay.published for relay in relays) >= 300)
            await outage(kafka)
    finally:
        await publisher.close()
    seen: set[bytes] = set()
    first: list[tuple[str, int]] = []
    for each in await bus.log():
        event_id = dict(each.headers)["ce-id"]
        if event_id not in seen:
            seen.add(event_id)
            first.append((str(each.key), int((each.value or b"").split(b'"sequence": ')[1].split(b",")[0])))
    assert seen == {str(row.event_id).encode() for relay in relays for row in relay.rows}
    assert inversions(first) == []
    return relays


async def test_a_broker_that_is_killed_amid_batches_costs_repeats_only(bus: TopicHarness, kafka: KafkaBroker) -> None:
    async def kill(broker: KafkaBroker) -> None:
        await broker.kill()
        await asyncio.sleep(2)
        await broker.start()

    relays = await outage_amid(kafka, bus, kill)
    assert all(relay.failures > 0 for relay in relays)


async def test_a_broker_that_hangs_amid_batches_costs_repeats_only(bus: TopicHarness, kafka: KafkaBroker) -> None:
    async def hang(broker: KafkaBroker) -> None:
        broker.pause()
        await asyncio.sleep(4)
        broker.resume()

    relays = await outage_amid(kafka, bus, hang)
    assert all(relay.failures > 0 for relay in relays)


async def test_a_producer_that_failed_sends_nothing_more(bus: TopicHarness, kafka: KafkaBroker) -> None:
    publisher = KafkaPublisher(bus.bootstrap, topic=bus.topic, patience=1)
    try:
        await publisher.publish([record(1)])
        await kafka.kill()
        with pytest.raises(PublishFailedError, match="did not take 2 records"):
            await publisher.publish([record(2), record(3)])
        await kafka.start()
        await asyncio.sleep(1)
        assert len(await bus.log()) == 1
        await publisher.publish([record(4)])
        assert len(await bus.log()) == 2
    finally:
        await publisher.close()


async def test_a_short_outage_is_waited_for(bus: TopicHarness, kafka: KafkaBroker) -> None:
    await bus.send([record(1)])
    kafka.pause()
    late = asyncio.create_task(bus.send([record(2)]))
    await asyncio.sleep(1)
    assert not late.done()
    kafka.resume()
    await late
    assert len(await bus.log()) == 2


async def test_a_cancelled_publish_leaves_nothing_behind_and_the_next_works(
    bus: TopicHarness, kafka: KafkaBroker
) -> None:
    await bus.send([record(1)])
    kafka.pause()
    task = asyncio.create_task(bus.send([record(2)]))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    kafka.resume()
    await bus.send([record(3)])
    assert [each.key for each in await bus.log()].count(b"1") >= 2


async def test_a_topic_that_does_not_exist_is_a_failure_and_not_a_wait_for_ever(kafka: KafkaBroker) -> None:
    publisher = KafkaPublisher(kafka.bootstrap, topic="no-such-topic", patience=2)
    try:
        with pytest.raises(PublishFailedError, match="no-such-topic"):
            await publisher.publish([record(1)])
    finally:
        await publisher.close()


async def test_a_batch_larger_than_kafka_takes_at_once_arrives_in_order_with_its_headers(bus: TopicHarness) -> None:
    records = [record(number, padding=100_000) for number in range(1, 41)]
    await bus.send(records)
    log = await bus.log()
    assert [each.value for each in log] == [each.raw for each in records]
    assert {(each.partition, each.key) for each in log} == {(1, b"1")}
    assert [each.headers for each in log] == [
        (("ce-id", str(each.event_id).encode()), ("context", CONTEXT)) for each in records
    ]
