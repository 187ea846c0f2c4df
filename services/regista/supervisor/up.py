"""``regista up``: PostgreSQL, the API's processes and the engine, under one supervisor."""

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from pydantic import SecretStr

from regista.kit import backoff, ids
from regista.kit.errors import ConfigurationError
from regista.kit.postgres import EmbeddedPostgres, PostgresError
from regista.kit.settings import Settings
from regista.supervisor.installation import complete, environment, publish_database_url
from regista.supervisor.listening import bind, url_of
from regista.supervisor.signals import stop_on_signals
from regista.supervisor.tree import Child, RefusedError

log = structlog.get_logger()

POSTGRES_LOOK_SECONDS = 0.2


async def up(
    settings: Settings,
    *,
    host: str,
    port: int,
    workers: int,
    say: Callable[[str], None],
    stopping: asyncio.Event | None = None,
) -> None:
    """Run everything until SIGTERM or SIGINT (or ``stopping``), then drain it.

    ``say`` is given what a person should read; ``ready: URL`` once requests are served. Raises `ConfigurationError`
    when something cannot work as it is set, and what `EmbeddedPostgres` raises.
    """
    stopping = stopping or asyncio.Event()
    stop_on_signals(stopping)
    listening = bind(host, port)
    url = url_of(listening, host)
    installation = complete(settings, embedded=settings.database_url is None)
    settings = installation.settings
    postgres = EmbeddedPostgres(settings.data_dir) if settings.database_url is None else None
    try:
        if postgres is not None:
            postgres.start()
            await postgres.wait_ready()
            publish_database_url(settings, postgres.url)
            settings = settings.model_copy(update={"database_url": SecretStr(postgres.url)})
        settings = settings.model_copy(update={"public_url": settings.public_url or url})
        variables = environment(settings)
        engine = Child("engine", 1, variables)
        apis = [Child("api", number + 1, variables, listening) for number in range(workers)]
        for child in (engine, *apis):
            child.peers = (engine, *apis)
        if installation.new_admin_key is not None and settings.admin_api_key is not None:
            say(f"API key of {settings.admin}: {settings.admin_api_key.get_secret_value()}")
            say(f"(shown this once; kept in {installation.new_admin_key})")
        await _watch(engine, apis, postgres, stopping, lambda: say(f"ready: {url}"))
    finally:
        listening.close()
        if postgres is not None:
            postgres.stop()


async def _watch(
    engine: Child,
    apis: Sequence[Child],
    postgres: EmbeddedPostgres | None,
    stopping: asyncio.Event,
    ready: Callable[[], None],
) -> None:
    keeping = [asyncio.create_task(child.keep(), name=child.name) for child in (engine, *apis)]
    if postgres is not None:
        keeping.append(asyncio.create_task(keep_postgres(postgres), name="postgres"))
    announcing = asyncio.create_task(_announce([engine, *apis], ready))
    asked = asyncio.create_task(stopping.wait())
    try:
        done, _ = await asyncio.wait([*keeping, asked], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if task is not asked and (error := task.exception()) is not None:
                if isinstance(error, RefusedError):
                    raise ConfigurationError(f"{error} cannot work with these settings; the line above says why")
                raise error
        log.info("supervisor.stopping")
    finally:
        await asyncio.gather(*(child.stop() for child in apis))
        await engine.stop()
        every: list[asyncio.Task[Any]] = [*keeping, announcing, asked]
        for task in every:
            task.cancel()
        await asyncio.gather(*every, return_exceptions=True)


async def _announce(children: Sequence[Child], ready: Callable[[], None]) -> None:
    for child in children:
        await child.started.wait()
    log.info("supervisor.ready", pid=os.getpid(), processes={child.name: child.pid for child in children})
    ready()


async def keep_postgres(postgres: EmbeddedPostgres) -> None:
    """Start the server again whenever it has ended, and again when that fails: a full disk is freed some day."""
    failures = 0
    while True:
        pause = backoff.exponential(failures + 1, first=POSTGRES_LOOK_SECONDS, limit=5.0, jitter=ids.fraction())
        await asyncio.sleep(pause)
        # None after a start that failed before there was a process.
        if postgres.process is not None:
            if postgres.process.poll() is None:
                continue
            log.error("process.died", process="postgres", status=postgres.process.returncode)
        try:
            postgres.start()
            await postgres.wait_ready()
        except (PostgresError, OSError) as error:
            failures += 1
            log.error("postgres.not_restarted", reason=str(error), failures=failures)  # noqa: TRY400
        else:
            failures = 0
