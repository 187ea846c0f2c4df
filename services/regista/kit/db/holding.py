"""A connection that holds something as long as it lives: session advisory locks, for whoever is the one to do a thing."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import asyncpg

from regista.kit.db.database import Database

STATEMENT_SECONDS = 10.0
"""How long a statement on such a connection may take."""
FROZEN_SECONDS = 10
"""A session that says nothing for so long is ended by the server: a frozen process must not keep what it holds."""

_FROZEN = "SET idle_session_timeout = '{0}s'; SET tcp_user_timeout = '{0}s'; "


@asynccontextmanager
async def holding_connection(
    database: Database, when_lost: Callable[[], None], *, frozen_seconds: int = FROZEN_SECONDS, settings: str = ""
) -> AsyncGenerator[asyncpg.Connection]:
    """Connect outside the pool; ``when_lost`` is called when the connection has ended, and with it what it held.

    ``settings`` are further SET statements. Raises what the driver raises.
    """
    connection = await database.connect()
    try:

        def ended(_: object) -> None:
            when_lost()

        connection.add_termination_listener(ended)
        await connection.execute(_FROZEN.format(frozen_seconds) + settings, timeout=STATEMENT_SECONDS)
        yield connection
        await connection.close(timeout=STATEMENT_SECONDS)
    finally:
        if not connection.is_closed():
            connection.terminate()
            # Lets the transport's own callbacks run before anyone closes the loop.
            await asyncio.sleep(0)
