"""Being the one who sweeps: a session advisory lock on a connection of its own."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import asyncpg

from regista.kit.db import Database
from regista.kit.db.holding import FROZEN_SECONDS, STATEMENT_SECONDS, holding_connection

_LOCK = (0x55504B01, 0)
"""The lock's key; it reads "UPK" and a number."""
_TAKE = "SELECT pg_try_advisory_lock($1, $2)"
_BEAT = "SELECT 1"


class Tenure:
    """A connection that may hold the lock. Its methods raise what the driver raises; `TimeoutError` after 10 s."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.held = False

    async def keep(self) -> bool:
        """Take the lock if nobody has it, or show that it is still held; return whether it is."""
        if self._connection.is_closed():
            raise ConnectionResetError("the upkeep's connection to PostgreSQL has ended")
        if self.held:
            await self._connection.execute(_BEAT, timeout=STATEMENT_SECONDS)
        else:
            self.held = bool(await self._connection.fetchval(_TAKE, *_LOCK, timeout=STATEMENT_SECONDS))
        return self.held


@asynccontextmanager
async def open_tenure(
    database: Database, when_lost: Callable[[], None], *, frozen_seconds: int = FROZEN_SECONDS
) -> AsyncGenerator[Tenure]:
    """Connect; ``when_lost`` is called when the connection has ended, and the lock with it."""
    async with holding_connection(database, when_lost, frozen_seconds=frozen_seconds) as connection:
        yield Tenure(connection)
