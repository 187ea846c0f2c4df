import asyncio
import contextlib
from collections.abc import AsyncGenerator

import asyncpg
import pytest
from sqlalchemy import text

from regista.kit.db import Database, Transaction, Wakeups
from regista.kit.errors import UnavailableError
from tests.support.postgres import PostgresSession


@pytest.fixture
async def database(postgres: PostgresSession) -> AsyncGenerator[Database]:
    async with postgres.fresh_database() as url:
        database = Database(url, pool_size=4)
        async with database.transaction() as tx:
            await tx.connection.execute("CREATE TABLE note (id int PRIMARY KEY, text text)")
        yield database
        await database.close()


async def count(database: Database) -> int:
    async with database.transaction() as tx:
        return int(await tx.connection.fetchval("SELECT count(*) FROM note") or 0)


class AskedForError(Exception):
    pass


async def test_a_rollback_leaves_nothing_when_only_raw_statements_ran(database: Database) -> None:
    with pytest.raises(AskedForError):
        async with database.transaction() as tx:
            await tx.connection.execute("INSERT INTO note VALUES (1, 'raw')")
            raise AskedForError
    assert await count(database) == 0


async def test_a_rollback_leaves_nothing_of_session_and_raw_statements_together(database: Database) -> None:
    with pytest.raises(AskedForError):
        async with database.transaction() as tx:
            await tx.connection.execute("INSERT INTO note VALUES (1, 'raw')")
            await (await tx.session.connection()).execute(text("INSERT INTO note VALUES (2, 'session')"))
            await tx.session.commit()  # ends nothing: only the gate does
            raise AskedForError
    assert await count(database) == 0


async def test_a_swallowed_error_is_no_commit(database: Database) -> None:
    async def command(tx: Transaction) -> str:
        await tx.connection.execute("INSERT INTO note VALUES (1, 'raw')")
        with contextlib.suppress(asyncpg.UniqueViolationError):
            await tx.connection.execute("INSERT INTO note VALUES (1, 'again')")
        return "done"

    with pytest.raises(RuntimeError, match="rolled the transaction back"):
        await database.run(command)
    assert await count(database) == 0


async def test_session_and_connection_see_one_transaction(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.connection.execute("INSERT INTO note VALUES (1, 'raw')")
        assert (await (await tx.session.connection()).execute(text("SELECT text FROM note"))).scalar_one() == "raw"
        await (await tx.session.connection()).execute(text("INSERT INTO note VALUES (2, 'session')"))
        assert await tx.connection.fetchval("SELECT count(*) FROM note") == 2
    assert await count(database) == 2


async def test_a_cancelled_transaction_is_rolled_back_and_its_connection_serves_again(database: Database) -> None:
    async def forever() -> None:
        async with database.transaction() as tx:
            await tx.connection.execute("INSERT INTO note VALUES (1, 'raw')")
            await tx.connection.execute("SELECT pg_sleep(60)")

    for _ in range(6):  # more than the pool holds
        task = asyncio.create_task(forever())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await count(database) == 0


async def test_connections_lost_while_idle_are_replaced_unseen(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
        own = await tx.connection.fetchval("SELECT pg_backend_pid()")
    async with database.transaction() as tx:
        assert await tx.connection.fetchval("SELECT pg_backend_pid()") == own
    killer = await database.connect()
    await killer.execute("SELECT pg_terminate_backend($1)", own)
    await killer.close()
    assert await count(database) == 0


async def test_a_connection_lost_in_the_middle_leaves_nothing_and_says_so(database: Database) -> None:
    killer = await database.connect()

    async def command(tx: Transaction) -> None:
        connection = tx.connection
        await connection.execute("INSERT INTO note VALUES (1, 'raw')")
        await killer.execute("SELECT pg_terminate_backend($1)", await connection.fetchval("SELECT pg_backend_pid()"))
        await connection.execute("INSERT INTO note VALUES (2, 'raw')")

    with pytest.raises(UnavailableError, match="nothing was changed"):
        await database.run(command)
    await killer.close()
    assert await count(database) == 0


async def test_a_lost_race_is_run_again(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.connection.execute("INSERT INTO note VALUES (1, '0'), (2, '0')")
    tries = 0

    async def crosswise(first: int, second: int) -> None:
        async def command(tx: Transaction) -> None:
            nonlocal tries
            tries += 1
            connection = tx.connection
            await connection.execute("UPDATE note SET text = (text::int + 1)::text WHERE id = $1", first)
            await asyncio.sleep(0.1)
            await connection.execute("UPDATE note SET text = (text::int + 1)::text WHERE id = $1", second)

        await database.run(command)

    await asyncio.gather(crosswise(1, 2), crosswise(2, 1))
    async with database.transaction() as tx:
        assert [row["text"] for row in await tx.connection.fetch("SELECT text FROM note")] == ["2", "2"]
    assert tries >= 3


async def test_wake_ups_arrive_after_the_commit_and_survive_a_lost_connection(database: Database) -> None:
    heard: list[str] = []
    database.wakeups.subscribe("bell", heard.append)
    for _ in range(200):
        if database.wakeups.listening:
            break
        await asyncio.sleep(0.02)
    heard.clear()
    async with database.transaction() as tx:
        tx.wake("bell")
        await asyncio.sleep(0.05)
        assert heard == []
    for _ in range(100):
        if heard:
            break
        await asyncio.sleep(0.02)
    assert heard
    async with database.transaction() as tx:
        await tx.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
    for _ in range(250):
        heard.clear()
        async with database.transaction() as tx:
            tx.wake("bell")
        await asyncio.sleep(0.02)
        if heard:
            break
    assert heard


async def test_a_listener_outlives_whatever_the_driver_raises_of_a_server_that_goes(database: Database) -> None:
    failures = iter((asyncpg.InternalClientError("got result for unknown protocol state"), OSError("refused")))

    async def connect() -> asyncpg.Connection:
        if (failure := next(failures, None)) is not None:
            raise failure
        return await database.connect()

    wakeups = Wakeups(connect)
    wakeups.subscribe("bell", lambda _: None)
    try:
        async with asyncio.timeout(10):
            while not wakeups.listening:
                await asyncio.sleep(0.02)
    finally:
        await wakeups.close()
