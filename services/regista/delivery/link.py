"""A connection to PostgreSQL that outlives its failures: opened when asked for, dropped when it breaks."""

import asyncpg

from regista.kit.db import Database


class Link:
    """One connection of its own, outside the pool. For one user at a time."""

    def __init__(self, database: Database, setup: str | None = None) -> None:
        self._database = database
        self._setup = setup
        self._connection: asyncpg.Connection | None = None

    async def get(self) -> asyncpg.Connection:
        """Return the connection, a new one if there is none. Raises what connecting raises."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._database.connect()
            if self._setup is not None:
                await self._connection.execute(self._setup)
        return self._connection

    def drop(self) -> None:
        """Give up the connection: after an error nobody knows its state."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
