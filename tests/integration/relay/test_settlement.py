"""Reads, deletes and positions as statements, without a relay around them."""

import asyncio
import random

import pytest

from regista.kit import aggregate, ids
from regista.kit.db import Database
from regista.kit.shards import SHARDS
from regista.relay import EVENTS, METRICS
from regista.relay.repository import BATCH_BYTES, ShardSession, open_session
from regista.tracking import metric_repository
from tests.support import relay
from tests.support.database import SYSTEM

ALL = range(SHARDS)


def ignored() -> None:
    """Stand for nobody who asks about the end of the connection."""


async def scans(database: Database) -> int:
    """Return how often whole tables were read; a session's own numbers are there once it has ended."""
    return await relay.value(
        database, "SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname IN ('event', 'outbox', 'published')"
    )


async def test_two_holders_that_overlap_give_each_event_one_position(database: Database) -> None:
    ids = await relay.aggregates(database, 20)
    await relay.commit(database, ids, events=40)
    chance = random.Random(3)

    async def drain(session: ShardSession) -> int:
        settled = 0
        while rows := await session.pending_of_all(ALL, limit=chance.randint(1, 200)):
            await asyncio.sleep(chance.uniform(0, 0.01))
            settled += await session.settle(rows)
        return settled

    async with open_session(database, EVENTS, ignored) as one, open_session(database, EVENTS, ignored) as other:
        counts = await asyncio.gather(drain(one), drain(other))
    assert sum(counts) == 800
    assert min(counts) > 0
    await relay.check_published(database, 800)


async def test_a_settlement_repeated_changes_nothing(database: Database) -> None:
    await relay.commit(database, await relay.aggregates(database, 3))
    async with open_session(database, EVENTS, ignored) as session:
        rows = await session.pending_of_all(ALL)
        assert await session.settle(rows) == 3
        assert await session.settle(rows) == 0
    await relay.check_published(database, 3)


async def test_a_row_that_commits_after_a_higher_id_is_read_and_nothing_unread_is_deleted(database: Database) -> None:
    early, late = (await relay.aggregates(database, 17))[::16]
    async with open_session(database, EVENTS, ignored) as session:
        async with database.transaction(SYSTEM) as slow:
            (hidden,) = await relay.append(slow, early)
            (seen,) = await relay.commit(database, [late])
            rows = await session.pending_of_all([early % SHARDS])
            assert [row.record.event_id for row in rows] == [seen]
        assert await session.settle(rows) == 1
        rows = await session.pending_of_all([early % SHARDS])
        assert [row.record.event_id for row in rows] == [hidden]


async def test_each_shard_gives_its_oldest_rows_by_id_up_to_the_limit(database: Database) -> None:
    ids = await relay.aggregates(database, 16)
    made = [await relay.commit(database, ids) for _ in range(3)]
    async with open_session(database, EVENTS, ignored) as session:
        found = await session.pending_of_each([1, 2], limit=2)
    by_shard = {ids[place] % SHARDS: [batch[place] for batch in made[:2]] for place in range(16)}
    assert {shard: [row.record.event_id for row in rows] for shard, rows in found.items()} == {
        shard: by_shard[shard] for shard in (1, 2)
    }


async def test_all_shards_together_give_the_oldest_rows_there_are(database: Database) -> None:
    made = await relay.commit(database, await relay.aggregates(database, 16), events=3)
    async with open_session(database, EVENTS, ignored) as session:
        rows = await session.pending_of_all(ALL, limit=20)
        none = await session.pending_of_all([])
    assert [row.record.event_id for row in rows] == made[:20]
    assert none == []


@pytest.mark.parametrize("size", [BATCH_BYTES // 2 + 1, BATCH_BYTES + 1])
async def test_large_bodies_make_small_batches_and_never_an_empty_one(database: Database, size: int) -> None:
    (only,) = await relay.aggregates(database, 1)
    await relay.commit(database, [only], events=3)
    async with database.transaction() as transaction:
        await transaction.connection.execute("UPDATE event SET body = $1", b"x" * size)
    async with open_session(database, EVENTS, ignored) as session:
        together = await session.pending_of_all(ALL)
        each = await session.pending_of_each(ALL)
    rows = 2 if size < BATCH_BYTES else 1
    assert len(together) == rows
    assert [len(found) for found in each.values()] == [rows]


async def test_reads_and_deletes_walk_indexes_whatever_the_statistics_say(database: Database) -> None:
    (only,) = await relay.aggregates(database, 1)
    before = await scans(database)
    async with open_session(database, EVENTS, ignored) as session:
        await session.pending_of_all(ALL)
        await relay.commit(database, [only], events=5000)
        rows = await session.pending_of_all([only % SHARDS])
        assert len(await session.pending_of_all(ALL)) < len(rows)
        await session.pending_of_each(ALL)
        await session.settle(rows)
        await session.lag(ALL)
    assert len(rows) == 500
    assert await scans(database) == before


async def test_lag_counts_rows_and_tells_the_age_of_the_oldest(database: Database) -> None:
    async with open_session(database, EVENTS, ignored) as session:
        assert await session.lag(ALL) == (0, 0.0)
        await relay.commit(database, await relay.aggregates(database, 3), events=2)
        await asyncio.sleep(0.05)
        lag = await session.lag(ALL)
    assert lag.pending == 6
    assert 0.05 <= lag.seconds < relay.PATIENCE


async def test_a_vacuum_makes_room_where_rows_were_deleted(database: Database) -> None:
    (only,) = await relay.aggregates(database, 1)
    await relay.commit(database, [only], events=2000)
    block = "SELECT max((ctid::text::point)[0])::int FROM outbox"
    last = await relay.value(database, block)
    async with open_session(database, EVENTS, ignored) as session:
        while rows := await session.pending_of_all([only % SHARDS]):
            await session.settle(rows)
        await session.vacuum()
        await relay.commit(database, [only])
        assert len(await session.pending_of_all(ALL)) == 1
    assert await relay.value(database, block) < last


async def test_an_outlet_whose_log_is_not_permanent_forgets_what_has_gone_and_gives_no_positions(
    database: Database,
) -> None:
    (only,) = await relay.aggregates(database, 1)
    await relay.commit(database, [only])
    async with database.transaction(SYSTEM) as transaction:
        place = await aggregate.lock_one(transaction, only)
        batches = [metric_repository.Batch(ids.uuid7(), f"batch {number}".encode()) for number in range(3)]
        await metric_repository.add_batches(transaction, place, b"{}", batches)
    async with (
        open_session(database, METRICS, ignored) as session,
        open_session(database, EVENTS, ignored) as events,
    ):
        # Each outlet has locks of its own.
        assert await session.take(ALL) == await events.take(ALL) == set(ALL)
        rows = await session.pending_of_all(ALL)
        assert [row.record.event_id for row in rows] == [each.id for each in batches]
        assert rows[0].record == (batches[0].id, str(only).encode(), only % SHARDS, b"batch 0", b"{}")
        assert await session.settle(rows[:2]) == 2
        assert await session.settle(rows[:2]) == 0
        assert [row.record.raw for row in (await session.pending_of_each(ALL))[only % SHARDS]] == [b"batch 2"]
        assert (await session.lag(ALL)).pending == 1
        await session.vacuum()
    assert await relay.value(database, "SELECT count(*) FROM metric_batch") == 1
    assert await relay.value(database, "SELECT count(*) FROM published") == 0
    assert await relay.value(database, "SELECT sum(position) FROM shard") == 0
