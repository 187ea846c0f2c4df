"""One real PostgreSQL for a whole test session, and a new database of it for each test that asks.

async def test_x(postgres: PostgresSession) -> None:
    async with postgres.fresh_database(prepare=migrate) as url:
        ...
"""

import asyncio
import json
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import asyncpg

from regista.kit.postgres import EmbeddedPostgres

Prepare = Callable[[str], Awaitable[None]]
"""Brings the empty database at a libpq URL to the state that tests begin with: migrations."""

FAST = {"fsync": "off", "full_page_writes": "off", "max_connections": "300", "autovacuum": "off"}
"""What no test but those of the embedded server itself can tell: none survives a power cut."""


class PostgresSession:
    """The session's server. Databases are copies of a template that ``prepare`` fills once."""

    def __init__(self, settings: Mapping[str, str] = MappingProxyType(FAST)) -> None:
        # Short, because a socket's path is.
        self._directory = Path(tempfile.mkdtemp(prefix="rgpg-"))
        self.server = EmbeddedPostgres(self._directory, settings=settings)
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


@asynccontextmanager
async def running(data_dir: Path, **settings: str) -> AsyncGenerator[EmbeddedPostgres]:
    """Run a server of the test's own on ``data_dir``."""
    server = EmbeddedPostgres(data_dir, settings=settings)
    server.start()
    try:
        await server.wait_ready()
        yield server
    finally:
        server.stop()


async def value(url: str, statement: str) -> Any:
    """Return the one value of a statement, on a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


CHILD = Path(__file__).with_name("postgres_child.py")


class Child:
    """A process of its own with an embedded server; see ``postgres_child`` for what it may be told to do."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self._input = process.stdin
        self._output = process.stdout

    async def next(self) -> Any:
        """Return the next JSON value that it says; None at the end. Its log lines are passed over."""
        while line := await self._output.readline():
            with suppress(ValueError):
                return json.loads(line)
        return None

    async def rest(self) -> list[Any]:
        """Return all that it says until its end."""
        said: list[Any] = []
        while (value := await self.next()) is not None:
            said.append(value)
        return said

    async def end(self) -> None:
        """Let it stop its server and end."""
        self._input.close()
        await self.rest()
        await self.process.wait()


@asynccontextmanager
async def child(data_dir: Path, what: str, *flags: str, wrapper: Sequence[str] = ()) -> AsyncGenerator[Child]:
    """Run a child, behind ``wrapper`` (a command that executes its arguments); it is ended with the block."""
    command = [*wrapper, sys.executable, str(CHILD), str(data_dir), what, *flags]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, cwd="/")
    running = Child(process)
    try:
        yield running
    finally:
        await running.end()
