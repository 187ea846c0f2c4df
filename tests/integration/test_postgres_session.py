import asyncpg
import pytest

from tests.support.postgres import PostgresSession


async def fill(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE model (name text)")
    await connection.execute("INSERT INTO model VALUES ('prepared')")
    await connection.close()


async def names(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [row["name"] for row in await connection.fetch("SELECT name FROM model ORDER BY name")]
    finally:
        await connection.close()


async def test_a_fresh_database_has_what_was_prepared_and_nothing_of_other_tests(postgres: PostgresSession) -> None:
    async with postgres.fresh_database(fill) as first, postgres.fresh_database(fill) as second:
        connection = await asyncpg.connect(first)
        await connection.execute("INSERT INTO model VALUES ('another')")
        await connection.close()
        assert await names(first) == ["another", "prepared"]
        assert await names(second) == ["prepared"]


async def test_a_fresh_database_is_dropped_under_those_still_connected(postgres: PostgresSession) -> None:
    async with postgres.fresh_database() as url:
        left = await asyncpg.connect(url)
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.InterfaceError)):
        await left.execute("SELECT 1")
    left.terminate()
