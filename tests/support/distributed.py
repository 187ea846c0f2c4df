"""An installation on Kafka: one ``regista serve`` process for each part, as a cluster runs them."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.commands import REGISTA, regista
from tests.support.kafka import KafkaBroker, fetch, missing
from tests.support.postgres import PostgresSession
from tests.support.system import KEY

SECRET = "the-secret-key-of-the-system-tests-0123456789"


class Service:
    """One process of ``regista serve``."""

    def __init__(self, name: str, process: Process, reading: asyncio.Task[None]) -> None:
        self.name = name
        self.url = ""
        self._process = process
        self._reading = reading

    def worked(self) -> float:
        """Return the seconds of a core that the process has used."""
        used = psutil.Process(self._process.pid).cpu_times()
        return used.user + used.system

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal, and return the exit status."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
        async with asyncio.timeout(60):
            await self._reading
            return await self._process.wait()


class Distributed:
    """The installation on one database and one broker."""

    def __init__(self, database_url: str, kafka: KafkaBroker, data_dir: Path, **settings: str) -> None:
        self.database_url = database_url
        self.kafka = kafka
        self.url = ""
        self.client = httpx.AsyncClient()
        self.services: list[Service] = []
        self._settings = {
            "DATABASE_URL": database_url,
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
            "DATA_DIR": str(data_dir),
            "SECRET_KEY": SECRET,
            "ADMIN_API_KEY": KEY,
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "LOG_LEVEL": "warning",
            **settings,
        }

    async def migrate(self) -> None:
        done = await regista("migrate", **self._settings)
        assert done.status == 0, done.err

    async def serve(self, name: str) -> Service:
        """Start a part, and return it when it is ready."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("REGISTA_")}
        environment |= {f"REGISTA_{key}": value for key, value in self._settings.items()}
        process = await asyncio.create_subprocess_exec(
            REGISTA, "serve", name, "--port", "0", stdin=DEVNULL, stdout=PIPE, env=environment
        )
        assert process.stdout is not None
        async with asyncio.timeout(60):
            line = (await process.stdout.readline()).decode()
        assert line.startswith("ready: "), f"regista serve {name}: {line}"
        service = Service(name, process, asyncio.create_task(_discard(process.stdout)))
        service.url = line.removeprefix("ready: ").strip()
        self.services.append(service)
        if name == "api":
            self.url = service.url
            await self.client.aclose()
            self.client = httpx.AsyncClient(base_url=self.url, headers={"authorization": f"Bearer {KEY}"}, timeout=60)
        return service

    async def close(self) -> None:
        await self.client.aclose()
        await asyncio.gather(*(service.end(signal.SIGKILL) for service in self.services))


async def _discard(lines: asyncio.StreamReader) -> None:
    while await lines.readline():
        pass


@asynccontextmanager
async def broker(directory: Path) -> AsyncGenerator[KafkaBroker]:
    """Run a broker for one installation: topics and groups have the same names in every one."""
    if reason := missing():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    await asyncio.to_thread(fetch)
    (directory / "kafka").mkdir()
    kafka = KafkaBroker(directory / "kafka")
    try:
        await kafka.start()
        yield kafka
    finally:
        await kafka.kill()


@asynccontextmanager
async def distributed(
    postgres: PostgresSession, directory: Path, *parts: str, **settings: str
) -> AsyncGenerator[Distributed]:
    """Run ``parts`` on a broker and a database of their own; ``settings`` are REGISTA_* variables without the prefix."""
    async with broker(directory) as kafka, postgres.fresh_database() as url:
        installation = Distributed(url, kafka, directory, **settings)
        try:
            await installation.migrate()
            await asyncio.gather(*(installation.serve(part) for part in parts))
            yield installation
        finally:
            await installation.close()
