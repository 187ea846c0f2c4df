"""A record that is no event: one group cannot take it, and nobody else is the worse for it."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from regista.audit.chain import GENESIS, link
from regista.kit import ids
from regista_events import topics
from tests.support.distributed import SECRET, Distributed, distributed
from tests.support.load import Load, stage
from tests.support.outcome import assert_verified, assert_whole, becomes, database_of, rows, value
from tests.support.postgres import PostgresSession
from tests.support.sink import Sink
from tests.support.system import ok, running_system

GARBAGE = b'\xff\xfe{"specversion": '
LOGGED = """
WITH place AS (SELECT organization_id, id, shard FROM aggregate WHERE id = $2), logged AS (
    INSERT INTO event (id, organization_id, aggregate_id, sequence, shard, type, subject, time, actor, body, context)
    SELECT $1, organization_id, id, 1000000, shard, 'dev.regista.alias.added', 'x', now(), '1', $3, '{}' FROM place
)
INSERT INTO outbox (shard, event_id) SELECT shard, $1 FROM place
"""
PARKED = 'SELECT "group", origin, event_id, body FROM dead_letter'


async def test_garbage_in_the_outbox_is_parked_by_each_planner_kept_by_the_audit_and_passed_by_the_rest(
    tmp_path: Path,
) -> None:
    async with running_system(tmp_path) as system, Sink() as sink:
        await stage(system, sink.url(), 2)
        url, secret = database_of(system)
        poison = ids.uuid7()
        async with Load(system.url, clients=4, collections=2) as load:
            await load.more(50)
            key = int(sink.arrivals[-1].event["partitionkey"])
            await rows(url, LOGGED, poison, key, GARBAGE)
            await load.more(50)
        await sink.has(load.acknowledged)
        await becomes(url, "SELECT count(*) FROM outbox", 0)
        shard = await value(url, "SELECT shard FROM aggregate WHERE id = $1", key)
        assert {tuple(row) for row in await rows(url, PARKED)} == {
            (group, f"outbox/{shard}", poison, GARBAGE) for group in ("webhooks", "slack")
        }
        (kept,) = await rows(url, "SELECT action, shard, body FROM audit WHERE body = $1", GARBAGE)
        assert (kept["action"], kept["shard"]) == ("malformed", shard)
        assert sink.repeats() == {}
        assert await value(url, "SELECT count(*) FROM audit") == await value(url, "SELECT count(*) FROM event")
        await assert_verified(url, secret)


@pytest.fixture(scope="module")
async def installation(
    postgres: PostgresSession, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Distributed]:
    parts = ("api", "relay", "webhooks", "audit", "metrics")
    async with distributed(postgres, tmp_path_factory.mktemp("kafka"), *parts) as running:
        yield running


@pytest.mark.kafka
async def test_log_topic_receiver_and_audit_have_the_same_bytes(installation: Distributed) -> None:
    url = installation.database_url
    async with Sink() as sink:
        await stage(installation, sink.url())
        async with Load(installation.url, clients=4) as load:
            await load.more(50)
        moves = await assert_whole(url, SECRET, load, sink)
    logged = {row["id"]: (row["body"], row["context"]) for row in await rows(url, "SELECT * FROM event")}
    published = await topic_of(installation)
    assert published == logged
    assert {each.event_id for each in sink.arrivals} == moves
    for arrival in sink.arrivals:
        assert arrival.body == logged[UUID(arrival.event_id)][0]
    chains = dict.fromkeys(range(16), GENESIS)
    chained = await rows(url, "SELECT event_id, shard, hash FROM audit ORDER BY shard, position")
    assert {row["event_id"] for row in chained} == logged.keys()
    for row in chained:
        chains[row["shard"]] = link(chains[row["shard"]], *logged[row["event_id"]])
        assert row["hash"] == chains[row["shard"]]


@pytest.mark.kafka
async def test_garbage_on_the_topic_is_parked_by_webhooks_kept_by_the_audit_and_passed_by_the_rest(
    installation: Distributed,
) -> None:
    url = installation.database_url
    async with Sink() as sink:
        await stage(installation, sink.url(), 2, name="beside poison")
        producer = AIOKafkaProducer(bootstrap_servers=installation.kafka.bootstrap)
        await producer.start()
        expected: set[tuple[str, str, None, bytes]] = set()
        async with Load(installation.url, clients=4, collections=2) as load:
            await load.more(25)
            for shard in range(16):
                # The audit knows garbage by its bytes: the same again would be a repeat.
                garbage = GARBAGE + str(shard).encode()
                sent = await producer.send_and_wait(topics.EVENTS, garbage, b"1", partition=shard)
                expected.add(("webhooks", f"{topics.EVENTS}/{shard}@{sent.offset}", None, garbage))
            await load.more(25)
        await producer.stop()
        await sink.has(load.acknowledged)
    await becomes(url, "SELECT count(*) FROM dead_letter", 16)
    assert {tuple(row) for row in await rows(url, PARKED)} == expected
    await becomes(url, "SELECT count(*) FROM audit WHERE action = 'malformed'", 16)
    await becomes(url, "SELECT count(*) FROM event WHERE id NOT IN (SELECT event_id FROM audit)", 0)
    await assert_verified(url, SECRET)


@pytest.mark.kafka
async def test_garbage_among_metrics_is_parked_and_what_comes_behind_it_fires(installation: Distributed) -> None:
    url = installation.database_url
    path = "/api/v1/projects/team/train/runs"
    await ok(await installation.client.post(path, json={"name": "r1"}))
    rule = {
        "name": "high",
        "scope": "org",
        "on": ["run.metric_triggered"],
        "trigger": {"metric": {"test": "threshold", "name": "loss", "window": 1, "comparison": ">", "value": 1}},
        "actions": [{"no_op": {}}],
    }
    await ok(await installation.client.post("/api/v1/automations", json=rule))
    producer = AIOKafkaProducer(bootstrap_servers=installation.kafka.bootstrap)
    await producer.start()
    for shard in range(16):
        await producer.send_and_wait(topics.RUN_METRICS, GARBAGE, b"1", partition=shard)
    await producer.stop()
    lines = {"wandb-history.jsonl": {"offset": 0, "content": ['{"loss": 2}']}}
    await ok(await installation.client.post("/files/team/train/r1/file_stream", json={"files": lines}))
    await becomes(url, "SELECT count(*) FROM event WHERE type = 'dev.regista.run.metric_triggered'", 1)
    await becomes(url, """SELECT count(*) FROM dead_letter WHERE "group" = 'metrics'""", 16)
    await becomes(url, "SELECT (SELECT count(*) FROM metric_batch) + (SELECT count(*) FROM metric_outbox)", 0)


async def topic_of(installation: Distributed) -> dict[UUID, tuple[bytes, bytes]]:
    """Return value and context of every record on the topic, by the id in its header."""
    reader = AIOKafkaConsumer(bootstrap_servers=installation.kafka.bootstrap)
    await reader.start()
    try:
        partitions = [TopicPartition(topics.EVENTS, number) for number in range(16)]
        reader.assign(partitions)
        await reader.seek_to_beginning()
        ends = await reader.end_offsets(partitions)
        found: dict[UUID, tuple[bytes, bytes]] = {}
        async with asyncio.timeout(20):
            while any([await reader.position(each) < ends[each] for each in partitions]):
                for records in (await reader.getmany(timeout_ms=200)).values():
                    for record in records:
                        headers = dict(record.headers)
                        assert record.value is not None
                        found[UUID(headers["ce-id"].decode())] = (record.value, headers["context"])
        return found
    finally:
        await reader.stop()
