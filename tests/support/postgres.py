"""One real PostgreSQL for a whole test session, and a new database of it for each test that asks.

async def test_x(postgres: PostgresSession) -> None:
    async with postgres.fresh_database(prepare=migrate) as url:
        ...
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from regista.kit.postgres import EmbeddedPostgres

Prepare = Callable[[str], Awaitable[None]]
"""Brings the empty database at a libpq URL to the state that tests begin with: migrations."""

FAST = {"fsync": "off", "full_page_writes": "off", "max_connections": "300", "autovacuum": "off"}
"""What no test but those of the embedded server itself can tell: none survives a power cut."""


class PostgresSession:
    """The session's server. Databases are copies of a template that ``prepare`` fills once."""

    def __init__(self) -> None:
        # Short, because a socket's path is.
        self._directory = Path(tempfile.mkdtemp(prefix="rgpg-"))
        self.server = EmbeddedPostgres(self._directory, settings=FAST)
        self._templates: dict[Prepare, str] = {}
        self._lock = asyncio.Lock()
        self._made = 0

    async def start(self) -> None:
        self.server.start()
        await self.server.wait_ready()

    def stop(self) -> None:
        self.server.stop()
        shutil.rmtree(self._directory)

    def url(self, database: str) -> str:
        """The libpq URL of a database of this server."""
        return self.server.url_of(database)

    @asynccontextmanager
    async def fresh_database(self, prepare: Prepare | None = None) -> AsyncGenerator[str]:
        """Yield the URL of a new database, prepared; it is dropped afterwards, whoever is still connected."""
        template = "template0" if prepare is None else await self._template(prepare)
        name = self._name("test")
        # Copying files is slower than logging pages for databases this small.
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
        try:
            yield self.url(name)
        finally:
            await self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def _template(self, prepare: Prepare) -> str:
        async with self._lock:
            if prepare not in self._templates:
                name = self._name("template")
                await self._execute(f"CREATE DATABASE {name} TEMPLATE template0")
                await prepare(self.url(name))
                self._templates[prepare] = name
            return self._templates[prepare]

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _name(self, kind: str) -> str:
        self._made += 1
        return f"{kind}_{self._made}"
