import pytest

from regista.kit import ids
from regista.kit.bus.model import Origin, Received
from regista.kit.db import Database
from regista.kit.dead_letter import ERROR_LIMIT, DeadLetters
from tests.support.database import fresh
from tests.support.postgres import PostgresSession

EVENT = ids.uuid7()
GARBAGE = Received(None, b"\xff\x00{", b'{"ip":"127.0.0.1"}', 3)


async def rows(database: Database) -> list[tuple[object, ...]]:
    async with database.transaction() as transaction:
        found = await transaction.connection.fetch(
            'SELECT "group", origin, event_id, shard, body, context, error FROM dead_letter ORDER BY id'
        )
    return [tuple(row) for row in found]


async def test_a_parked_record_is_kept_as_it_came_with_its_origin_and_its_error(postgres: PostgresSession) -> None:
    async with fresh(postgres) as database:
        await DeadLetters(database).park("audit", GARBAGE, Origin("t", 3, 17, EVENT), ValueError("no event"))
        assert await rows(database) == [
            ("audit", "t/3@17", EVENT, 3, GARBAGE.raw, GARBAGE.context, "ValueError: no event")
        ]


@pytest.mark.parametrize(
    ("again", "kept"),
    [
        (("audit", Origin("t", 3, 17, EVENT)), 1),
        (("audit", Origin("t", 3, 99, EVENT)), 1),
        (("webhooks", Origin("t", 3, 17, EVENT)), 2),
        (("audit", Origin("t", 3, 17, ids.uuid7())), 2),
    ],
)
async def test_a_record_with_an_id_is_the_same_one_in_its_group_wherever_it_stood(
    postgres: PostgresSession, again: tuple[str, Origin], kept: int
) -> None:
    async with fresh(postgres) as database:
        letters = DeadLetters(database)
        await letters.park("audit", GARBAGE, Origin("t", 3, 17, EVENT), ValueError("first"))
        await letters.park(again[0], GARBAGE, again[1], ValueError("second"))
        found = await rows(database)
        assert len(found) == kept
        assert found[0][-1] == "ValueError: first"


async def test_a_record_without_an_id_is_the_same_one_in_its_group_and_place(postgres: PostgresSession) -> None:
    async with fresh(postgres) as database:
        letters = DeadLetters(database)
        for offset in (17, 17, 18):
            await letters.park("audit", GARBAGE, Origin("t", 3, offset, None), ValueError("no event"))
        assert [row[1] for row in await rows(database)] == ["t/3@17", "t/3@18"]


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 10_000])
async def test_an_error_that_postgresql_cannot_hold_is_parked_all_the_same(
    postgres: PostgresSession, text: str
) -> None:
    async with fresh(postgres) as database:
        await DeadLetters(database).park("audit", GARBAGE, Origin("t", 3, 17, None), ValueError(text))
        ((*_, error),) = await rows(database)
        assert str(error).startswith("ValueError: ")
        assert len(str(error)) <= ERROR_LIMIT
