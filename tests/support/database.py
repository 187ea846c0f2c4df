"""A migrated database for a test, and things to commit into it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from regista.kit.db import Database, Origin
from regista.migrations import migrate
from tests.support.postgres import PostgresSession

SYSTEM = Origin("system", "system", 1, "home", public_url="http://test")


async def prepare(url: str) -> None:
    """Bring an empty database to the newest schema."""
    database = Database(url)
    try:
        await migrate(database)
    finally:
        await database.close()


@asynccontextmanager
async def fresh(postgres: PostgresSession, *, pool_size: int = 10) -> AsyncGenerator[Database]:
    """Yield a `Database` on a new, migrated database."""
    async with postgres.fresh_database(prepare) as url:
        database = Database(url, pool_size=pool_size)
        try:
            yield database
        finally:
            await database.close()
