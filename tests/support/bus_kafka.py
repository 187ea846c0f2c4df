"""A topic of one's own on the session's Kafka, and members of groups on it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from regista.kit import ids
from regista.kit.bus.kafka import KafkaPublisher
from regista.kit.bus.model import Consumer, Decode, Origin, Parking, Record, Source
from regista.kit.bus.provision import ensure_topics
from regista.kit.bus.subscriber import KafkaSubscriber
from regista.kit.bus.topics import Topic
from regista.kit.service import Health, Lifecycle
from regista_events import codec
from tests.support.kafka import KafkaBroker

SESSION = 3.0
"""Seconds after which a group gives up on a silent member; short, so that tests do not wait long."""


class Member:
    """A running subscriber."""

    def __init__(self, subscriber: KafkaSubscriber) -> None:
        self.subscriber = subscriber
        self._lifecycle = Lifecycle()
        self.task = asyncio.create_task(subscriber.run(self._lifecycle))

    async def stop(self) -> None:
        self._lifecycle.stopping.set()
        await self.task


class TopicHarness:
    """One topic and everything on it."""

    def __init__(self, bootstrap: str, source: Source) -> None:
        self.bootstrap = bootstrap
        self.topic = source.topic
        self._source = source
        self.publisher = KafkaPublisher(bootstrap, topic=source.topic)
        self.members: list[Member] = []
        self._consumers: Sequence[Consumer] = ()
        self._parking: Parking | None = None

    def join(self, consumer: Consumer[Any], parking: Parking, *, drain: float = 10.0, stall: float = 60.0) -> Member:
        member = Member(
            KafkaSubscriber(
                self.bootstrap, consumer, parking, source=self._source, session=SESSION, drain=drain, stall=stall
            )
        )
        self.members.append(member)
        return member

    async def start(self, consumers: Sequence[Consumer], parking: Parking) -> None:
        self._consumers, self._parking = consumers, parking
        for consumer in consumers:
            self.join(consumer, parking)

    async def send(self, records: Sequence[Record]) -> None:
        await self.publisher.publish(records)

    async def restart(self) -> None:
        assert self._parking is not None
        await self._leave()
        await self.start(self._consumers, self._parking)

    def health(self, group: str) -> Health:
        return next(each.subscriber.health() for each in self.members if each.subscriber.name == group)

    def origin(self, record: Record, index: int) -> Origin:
        return Origin(self.topic, record.shard, index, record.event_id)

    async def log(self) -> list[ConsumerRecord[bytes, bytes]]:
        """Return everything on the topic, in order within each partition."""
        reader = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, max_partition_fetch_bytes=8 << 20)
        await reader.start()
        try:
            partitions = [TopicPartition(self.topic, number) for number in range(16)]
            reader.assign(partitions)
            await reader.seek_to_beginning()
            ends = await reader.end_offsets(partitions)
            found: list[ConsumerRecord[bytes, bytes]] = []
            while any([await reader.position(each) < ends[each] for each in partitions]):
                for records in (await reader.getmany(timeout_ms=200)).values():
                    found.extend(records)
            return found
        finally:
            await reader.stop()

    async def close(self) -> None:
        await self._leave()
        await self.publisher.close()

    async def _leave(self) -> None:
        members, self.members = self.members, []
        await asyncio.gather(*(each.stop() for each in members))


@asynccontextmanager
async def fresh_topic(kafka: KafkaBroker, decode: Decode[Any] = codec.decode) -> AsyncGenerator[TopicHarness]:
    topic = f"test-{ids.token(6)}"
    await ensure_topics(kafka.bootstrap, 1, wanted=[Topic(topic)])
    harness = TopicHarness(kafka.bootstrap, Source(topic, decode))
    try:
        yield harness
    finally:
        await harness.close()
