"""What an installation needs in Kafka before anything runs; every function may run twice, and at the same time."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from regista.kit import clock
from regista.kit.bus.topics import TOPICS, Topic
from regista.kit.errors import ConfigurationError, UnavailableError
from regista_events import topics

logger = structlog.get_logger()

_PAUSE = 0.1
_OTHERS = 15.0
"""Seconds that other members of a group have for their share; a member that died is gone after ten."""


async def ensure_topics(
    bootstrap: str, replication: int, *, wanted: Sequence[Topic] = TOPICS, patience: float = 30.0
) -> None:
    """Create the topics that do not exist, and check those that do.

    ``patience`` is how long, in seconds, all of it may take.

    Raises:
        ConfigurationError: a topic has another number of partitions, or Kafka refuses to create one.
        UnavailableError: Kafka does not answer.

    """
    async with _admin(bootstrap, patience) as admin:
        new = [
            NewTopic(topic.name, topic.partitions, replication, topic_configs=topic.settings(replication))
            for topic in wanted
        ]
        answer: Any = await admin.create_topics(new)
        for name, code, *text in answer.topic_errors:
            error = for_code(code)
            if error not in (NoError, TopicAlreadyExistsError):
                reason = text[0] if text and text[0] else error.__name__
                raise ConfigurationError(
                    f"Kafka refuses to create topic {name!r} with replication factor {replication}: {reason}. "
                    "Set REGISTA_KAFKA_REPLICATION to at most the number of brokers, or create the topic yourself."
                )
            if error is NoError:
                logger.info("topic_created", topic=name)
        await _check(admin, wanted)


async def check_topics(bootstrap: str, *, wanted: Sequence[Topic] = TOPICS, patience: float = 10.0) -> None:
    """Look at the topics and change nothing.

    Raises:
        ConfigurationError: a topic does not exist, or has another number of partitions.
        UnavailableError: Kafka does not answer within ``patience`` seconds.

    """
    async with _admin(bootstrap, patience) as admin:
        existing: set[str] = set(await admin.list_topics())
        missing = [topic.name for topic in wanted if topic.name not in existing]
        if missing:
            raise ConfigurationError(f"Kafka at {bootstrap} has no topic {', '.join(missing)}; run `regista migrate`")
        await _check(admin, wanted)


async def _check(admin: AIOKafkaAdminClient, wanted: Sequence[Topic]) -> None:
    for topic in wanted:
        found = await _partitions(admin, topic.name)
        if found != topic.partitions:
            raise ConfigurationError(
                f"Topic {topic.name!r} has {found} partitions and must have {topic.partitions}: one for each shard, "
                "fixed at installation. Delete the topic if it holds nothing that is needed, and migrate again."
            )


async def ensure_group_offsets(
    bootstrap: str, groups: Collection[str], *, topic: str = topics.EVENTS, patience: float = 60.0
) -> None:
    """Let each group without offsets begin at the present end of the topic: the moment of its installation.

    A partition for which a group has an offset is left alone. To commit for the others, we join the group: Kafka
    accepts a commit from the partition's owner only, so a twin or a consumer that just started cannot be overwritten.
    What a running consumer owns is left to it: it has begun at the start of the topic.

    Raises:
        UnavailableError: Kafka does not answer.

    """
    async with _admin(bootstrap, patience) as admin:
        partitions = [TopicPartition(topic, number) for number in range(await _partitions(admin, topic))]
        for group in groups:
            await _begin_now(admin, bootstrap, group, partitions)


async def _begin_now(
    admin: AIOKafkaAdminClient, bootstrap: str, group: str, partitions: Sequence[TopicPartition]
) -> None:
    if not await _without_offset(admin, group, partitions):
        return
    consumer = AIOKafkaConsumer(
        partitions[0].topic, bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    deadline = clock.monotonic() + _OTHERS
    try:
        while clock.monotonic() < deadline:
            # In this order: what is ours when we look, and still is when the commit arrives, nobody else committed.
            ours = consumer.assignment()
            missing = await _without_offset(admin, group, partitions)
            if not missing:
                return
            if fresh := ours & missing:
                ends = await consumer.end_offsets(list(fresh))
                with contextlib.suppress(CommitFailedError, IllegalStateError):
                    await consumer.commit(ends)
                    logger.info("group_begins", group=group, partitions=len(ends))
            await asyncio.sleep(_PAUSE)
        logger.warning("group_is_running", group=group)
    finally:
        await consumer.stop()


async def _without_offset(
    admin: AIOKafkaAdminClient, group: str, partitions: Sequence[TopicPartition]
) -> set[TopicPartition]:
    while True:
        try:
            committed = await admin.list_consumer_group_offsets(group, partitions=list(partitions))
        except KafkaError as error:
            # The first group of a cluster waits for the topic of the offsets to be made.
            if not error.retriable:
                raise
            await asyncio.sleep(_PAUSE)
        else:
            break
    return {each for each in partitions if each not in committed or committed[each].offset < 0}


async def _partitions(admin: AIOKafkaAdminClient, topic: str) -> int:
    """Return the number of partitions, waiting until a topic that was just created is known and led."""
    while True:
        for found in await admin.describe_topics([topic]):
            error = for_code(found["error_code"])
            if error is NoError and all(each["error_code"] == 0 for each in found["partitions"]):
                return len(found["partitions"])
            if not error().retriable and error not in (NoError, UnknownTopicOrPartitionError):
                raise error(topic)
        await asyncio.sleep(_PAUSE)


@contextlib.asynccontextmanager
async def _admin(bootstrap: str, patience: float) -> AsyncGenerator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        async with asyncio.timeout(patience):
            await admin.start()
            yield admin
    except (KafkaError, OSError) as error:
        raise UnavailableError(
            f"Kafka at {bootstrap} does not answer: {error!r}. "
            "Check REGISTA_KAFKA_BOOTSTRAP_SERVERS and that the broker runs."
        ) from error
    finally:
        await admin.close()
