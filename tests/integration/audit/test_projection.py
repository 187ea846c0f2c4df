import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from regista.audit.consumer import AuditProjection
from regista.audit.verification import first_mismatch
from regista.kit.bus.local import LocalBus
from regista.kit.bus.model import Received, Record
from regista.kit.db import Database
from regista.kit.dead_letter import DeadLetters
from regista_events import codec
from regista_events.catalog import short_names
from tests.support.log import CONTEXT, installed, log, made, received
from tests.support.postgres import PostgresSession


@pytest.fixture
async def database(postgres: PostgresSession) -> AsyncGenerator[Database]:
    async with installed(postgres) as database:
        yield database


async def rows(database: Database) -> list[dict[str, Any]]:
    async with database.transaction() as tx:
        found = await tx.connection.fetch("SELECT *, before::text, after::text FROM audit ORDER BY shard, position")
    return [dict(row) for row in found]


async def test_each_row_s_hash_is_over_the_one_before_and_the_stored_bytes(database: Database) -> None:
    projection = AuditProjection(database)
    batches = [[received(made(number=n), shard=n % 3) for n in range(first, first + 7)] for first in (0, 7, 14)]
    for batch in batches:
        await projection.handle(batch)
    heads = {shard: bytes(32) for shard in range(3)}
    for row in await rows(database):
        previous = heads[row["shard"]]
        heads[row["shard"]] = hashlib.sha256(previous + row["body"] + row["context"]).digest()
        assert row["hash"] == heads[row["shard"]]
    sent = [each for batch in batches for each in batch]
    for shard in range(3):
        of_shard = [row for row in await rows(database) if row["shard"] == shard]
        assert [row["body"] for row in of_shard] == [each.raw for each in sent if each.shard == shard]
        assert [row["position"] for row in of_shard] == list(range(1, 8))
    assert await first_mismatch(database) is None


async def test_every_type_of_the_catalogue_has_its_row_and_verifies(database: Database) -> None:
    await AuditProjection(database).handle([received(made(kind, n)) for n, kind in enumerate(short_names())])
    assert [row["action"] for row in await rows(database)] == list(short_names())
    assert await first_mismatch(database) is None


async def test_a_row_says_who_did_what_to_what_from_where(database: Database) -> None:
    await AuditProjection(database).handle([received(made("alias.added", actor="1"))])
    (row,) = await rows(database)
    expected = {
        "action": "alias.added",
        "organization_id": 1,
        "actor_user_id": "1",
        "actor_name": "admin",
        "actor_email": None,
        "actor_ip": "192.0.2.7",
        "cli_version": "wandb/0.19",
        "request_id": "r-1",
        "response_code": 200,
        "resource": "vision/model-registry/MNIST:v3",
        "artifact_qualified_name": "vision/model-registry/MNIST:v3",
        "artifact_version": "v3",
        "entity_name": "vision",
        "project_name": "model-registry",
        "artifact_sequence_asset": 42,
        "artifact_asset": 1203,
        "artifact_digest": "9e1f8a0c4f0b6f6f3f0f9a1f5c2d7e4b",
    }
    assert {name: row[name] for name in expected} == expected
    assert json.loads(row["before"]) == {"alias": "production", "version": "v2"}
    assert json.loads(row["after"]) == {"alias": "production", "version": "v3"}


async def test_repeats_are_dropped_within_a_batch_and_for_ever(database: Database) -> None:
    batch = [received(made(number=n)) for n in range(5)]
    garbage = Received(None, b"\xff{", b"", 3)
    await AuditProjection(database).handle([*batch, batch[2], garbage, garbage])
    before = await rows(database)
    await AuditProjection(database).handle([*batch[::-1], garbage])
    fresh = received(made(number=9))
    await AuditProjection(database).handle([batch[0], fresh, garbage])
    after = await rows(database)
    assert len(before) == 6
    assert after[:6] == before
    assert [row["body"] for row in after[6:]] == [fresh.raw]
    assert await first_mismatch(database) is None


async def test_two_projections_at_once_extend_one_chain(database: Database) -> None:
    batches = [[received(made(number=20 * b + n), shard=n % 2) for n in range(20)] for b in range(8)]
    one, other = AuditProjection(database), AuditProjection(database)

    async def feed(projection: AuditProjection, order: list[list[Received]]) -> None:
        for batch in order:
            await projection.handle(batch)

    # Both are given everything, as after a rebalance, in different orders.
    await asyncio.gather(feed(one, batches), feed(other, batches[::-1]))
    found = await rows(database)
    assert len(found) == 160
    for shard in (0, 1):
        assert [row["position"] for row in found if row["shard"] == shard] == list(range(1, 81))
    assert await first_mismatch(database) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"id": 7}',
        b'{"id": "x", "time": "y"}',
        b'{"source": "/orgs/home", "type": "a\\u0000b"}',
        b'{"source": "/orgs/nowhere"}',
        b"[" * 3000,
        b"\x00" * 5000,
    ],
)
async def test_bytes_that_are_no_event_become_a_row(database: Database, raw: bytes) -> None:
    bus = LocalBus([AuditProjection(database)], DeadLetters(database))
    await bus.publish([Record(UUID(int=1), b"1", 5, raw, b"\xfe")])
    (row,) = await rows(database)
    assert (row["action"], row["body"], row["context"]) == ("malformed", raw, b"\xfe")
    assert row["organization_id"] == (0 if b"nowhere" in raw else 1)
    assert await first_mismatch(database) is None
    async with database.transaction() as tx:
        assert await tx.connection.fetchval("SELECT count(*) FROM dead_letter") == 0


async def test_an_event_from_the_future_with_anything_in_it_becomes_a_row(database: Database) -> None:
    event = json.loads(codec.encode(made()))
    strange = {
        "type": "dev.regista.cake.baked",
        "subject": "s" * 10_000,
        "actor": "9" * 30,
        "time": "0001-01-02T00:00:00+00:00",
        "data": {
            "collection": {"id": -1, "entity": 5},
            "artifact": "x",
            "alias": "a",
            "changes": {"size": {"from": 1e308, "to": [None, "\ud83d\ude00"]}},
            "member": {"id": 2**70, "email": []},
            "delivery": "no uuid",
        },
    }
    latest = {"id": str(UUID(int=9)), "time": "9999-12-31T23:59:58.999999Z", "data": None}
    end = {"id": str(UUID(int=8)), "time": "9999-12-31T23:59:59.999999Z"}
    raws = [json.dumps(event | each).encode() for each in (strange, strange | latest, strange | end)]
    batch = [Received(codec.decode(raw), raw, b"{}", 1) for raw in raws]
    await AuditProjection(database).handle(batch)
    early, late, ending = await rows(database)
    assert ending["action"] == "malformed"
    assert (early["action"], early["resource"], early["time"].year) == ("cake.baked", "s" * 500, 1)
    assert json.loads(early["before"]) == {"size": 1e308}
    assert (late["before"], late["time"].year) == (None, 9999)
    assert await first_mismatch(database) is None


async def test_the_log_the_bus_and_the_row_agree_byte_for_byte(database: Database) -> None:
    event = made("artifact.created")
    async with database.transaction() as tx:
        await log(tx, [event])
        stored = await tx.connection.fetchrow("SELECT id, body, context, shard FROM event WHERE id = $1", event.id)
    assert stored is not None
    bus = LocalBus([AuditProjection(database)], DeadLetters(database))
    await bus.publish([Record(stored["id"], b"1", stored["shard"], stored["body"], stored["context"])])
    (row,) = await rows(database)
    assert (row["event_id"], row["body"], row["context"]) == (event.id, codec.encode(event), CONTEXT)
    assert row["hash"] == hashlib.sha256(bytes(32) + stored["body"] + stored["context"]).digest()


async def test_a_month_s_partition_is_there_before_its_first_row_and_may_be_dropped(database: Database) -> None:
    projection = AuditProjection(database)
    moments = [datetime(2026, 12, 31, 23, 59, 59, 999999, UTC), datetime(2027, 1, 1, tzinfo=UTC)]
    await projection.handle([received(made(time=moment)) for moment in moments])
    async with database.transaction() as tx:
        found = await tx.connection.fetch("SELECT tableoid::regclass::text AS name FROM audit ORDER BY time")
        assert [row["name"] for row in found] == ["audit_2026_12", "audit_2027_01"]
        assert await tx.connection.fetchval("SELECT to_regclass('audit_2027_02') IS NOT NULL")
        await tx.connection.execute("DROP TABLE audit_2027_01")
    await projection.handle([received(made(time=moments[1]))])
    assert len(await rows(database)) == 2


async def test_processes_that_make_one_partition_at_once_do_not_collide(database: Database) -> None:
    events = [received(made(number=n), shard=n) for n in range(8)]
    await asyncio.gather(*(AuditProjection(database).handle([each]) for each in events))
    assert len(await rows(database)) == 8
