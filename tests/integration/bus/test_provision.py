import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from regista.kit import ids
from regista.kit.bus.provision import ensure_group_offsets, ensure_topics
from regista.kit.bus.topics import MAX_MESSAGE_BYTES, Topic
from regista.kit.errors import ConfigurationError, UnavailableError
from tests.support.bus import Ledger, Lot, record
from tests.support.bus_behaviour import named
from tests.support.bus_kafka import TopicHarness
from tests.support.kafka import KafkaBroker, free_port

pytestmark = pytest.mark.kafka


async def offsets(bus: TopicHarness, group: str) -> dict[int, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bus.bootstrap)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(group)
        return {partition.partition: each.offset for partition, each in found.items()}
    finally:
        await admin.close()


async def test_migrating_several_times_at_once_makes_each_topic_once(kafka: KafkaBroker) -> None:
    wanted = [Topic(f"made-{ids.token(6)}"), Topic(f"made-{ids.token(6)}")]
    async with asyncio.TaskGroup() as migrations:
        for _ in range(3):
            migrations.create_task(ensure_topics(kafka.bootstrap, 1, wanted=wanted))
    await ensure_topics(kafka.bootstrap, 1, wanted=wanted)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        found = await admin.describe_topics([topic.name for topic in wanted])
    finally:
        await admin.close()
    assert [len(each["partitions"]) for each in found] == [16, 16]


async def test_a_topic_with_another_number_of_partitions_is_refused(kafka: KafkaBroker) -> None:
    name = f"odd-{ids.token(6)}"
    await ensure_topics(kafka.bootstrap, 1, wanted=[Topic(name, partitions=3)])
    with pytest.raises(ConfigurationError, match=rf"'{name}' has 3 partitions and must have 16"):
        await ensure_topics(kafka.bootstrap, 1, wanted=[Topic(name)])


async def test_more_replicas_than_brokers_are_refused_with_what_to_set(kafka: KafkaBroker) -> None:
    with pytest.raises(ConfigurationError, match="REGISTA_KAFKA_REPLICATION"):
        await ensure_topics(kafka.bootstrap, 3, wanted=[Topic(f"wide-{ids.token(6)}")])


async def test_a_kafka_that_is_not_there_is_said_to_be_unavailable(kafka: KafkaBroker) -> None:
    del kafka
    with pytest.raises(UnavailableError, match="REGISTA_KAFKA_BOOTSTRAP_SERVERS"):
        await ensure_topics(f"127.0.0.1:{free_port()}", 1)


def test_two_of_three_replicas_must_have_a_record_before_it_is_acknowledged() -> None:
    settings = Topic("any").settings(3)
    assert settings["min.insync.replicas"] == "2"
    assert settings["max.message.bytes"] == str(MAX_MESSAGE_BYTES)
    assert Topic("any").settings(1)["min.insync.replicas"] == "1"


async def test_a_new_group_begins_at_its_installation(bus: TopicHarness) -> None:
    (group,) = named("new")
    await bus.send([record(number, key=key) for number in range(1, 11) for key in (1, 2)])
    await ensure_group_offsets(bus.bootstrap, [group], topic=bus.topic)
    await bus.send([record(number, key=key) for number in range(11, 16) for key in (1, 3)])
    ledger = Ledger(group)
    await bus.start([ledger], Lot())
    await ledger.until(10)
    assert sorted((row.key, row.sequence) for row in ledger.rows) == [
        (key, sequence) for key in "13" for sequence in range(11, 16)
    ]


async def test_a_group_on_an_empty_topic_begins_at_its_start(bus: TopicHarness) -> None:
    (group,) = named("empty")
    await ensure_group_offsets(bus.bootstrap, [group], topic=bus.topic)
    assert await offsets(bus, group) == dict.fromkeys(range(16), 0)


async def test_the_offsets_of_a_group_that_has_some_are_never_moved(bus: TopicHarness) -> None:
    (group,) = named("old")
    await ensure_group_offsets(bus.bootstrap, [group], topic=bus.topic)
    await bus.send([record(number) for number in range(1, 6)])
    await ensure_group_offsets(bus.bootstrap, [group], topic=bus.topic)
    ledger = Ledger(group)
    await bus.start([ledger], Lot())
    await ledger.until(5)
    assert ledger.sequences == [1, 2, 3, 4, 5]


async def test_two_migrations_at_once_give_a_group_one_beginning(bus: TopicHarness) -> None:
    group, other = named("twice", "also")
    await bus.send([record(1)])
    async with asyncio.TaskGroup() as migrations:
        for _ in range(2):
            migrations.create_task(ensure_group_offsets(bus.bootstrap, [group, other], topic=bus.topic))
    for each in (group, other):
        assert await offsets(bus, each) == dict.fromkeys(range(16), 0) | {1: 1}
