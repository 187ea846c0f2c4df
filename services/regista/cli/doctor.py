"""``regista doctor``: every setting with secrets masked, and whether what they point to is there."""

import difflib
import os
import shutil
from collections.abc import AsyncGenerator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from pydantic import SecretStr

from regista import migrations
from regista.cli.maintenance import embedded_url
from regista.kit.blobs.store import check_store
from regista.kit.bus.provision import check_topics
from regista.kit.db import Database
from regista.kit.errors import RegistaError
from regista.kit.postgres import EmbeddedPostgres
from regista.kit.settings import Settings
from regista.kit.vault import Vault
from regista.supervisor.installation import is_installed, kept_secret_key
from regista.supervisor.secret_key import check_secret_key

LEAST_FREE_BYTES = 1024**3
_OF_CLIENTS = ("REGISTA_URL", "REGISTA_API_KEY")
"""Variables that name a server to commands, and are no settings of one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    good: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """All settings and findings; ``warnings`` name what is read by nobody."""

    settings: dict[str, str | None]
    findings: list[Finding]
    warnings: list[str]

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return all(finding.good for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return the report for programs."""
        checks = [{"name": one.name, "ok": one.good, "detail": one.detail} for one in self.findings]
        return {"healthy": self.healthy, "settings": self.settings, "checks": checks, "warnings": self.warnings}

    def as_text(self) -> str:
        """Return the report for people."""
        lines = [f"{name} = {'(unset)' if value is None else value}" for name, value in self.settings.items()]
        lines += ["", *(f"{'ok  ' if one.good else 'BAD '} {one.name}: {one.detail}" for one in self.findings)]
        lines += [f"warn {warning}" for warning in self.warnings]
        return "\n".join(lines)


async def examine(settings: Settings) -> Report:
    """Look at everything and change nothing; an embedded server that does not run is started for as long as that takes."""
    findings = [
        await _found("data directory", _data_directory(settings)),
        *await _of_database(settings),
        await _found("artifact store", check_store(settings.artifact_store, settings.data_dir)),
        await _found("kafka", _kafka(settings)),
    ]
    shown = {f"REGISTA_{name.upper()}": _shown(settings, name) for name in type(settings).model_fields}
    return Report(shown, findings, _unread(shown))


async def _found(name: str, looking: Awaitable[str]) -> Finding:
    try:
        return Finding(name, good=True, detail=await looking)
    except (RegistaError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        return Finding(name, good=False, detail=str(error))


def _unread(known: Iterable[str]) -> list[str]:
    known = {*known, *_OF_CLIENTS}
    warnings: list[str] = []
    for name in sorted(os.environ):
        if name.startswith("REGISTA_") and name.upper() not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
            warnings.append(f"{name} is no setting" + (f"; the nearest is {nearest[0]}" if nearest else ""))
    return warnings


def _shown(settings: Settings, name: str) -> str | None:
    value = getattr(settings, name)
    if value is None:
        return None
    if isinstance(value, SecretStr):
        return "********"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)  # pyright: ignore[reportUnknownArgumentType]


async def _data_directory(settings: Settings) -> str:
    path = settings.data_dir.absolute()
    standing = next(parent for parent in (path, *path.parents) if parent.exists())
    if not os.access(standing, os.W_OK | os.X_OK):
        raise ValueError(f"{standing} cannot be written to; choose another REGISTA_DATA_DIR")
    free = shutil.disk_usage(standing).free
    if free < LEAST_FREE_BYTES:
        raise ValueError(f"{free // 1024**2} MiB are free at {standing}; at least 1024 are needed")
    return f"{path} ({free // 1024**3} GiB free)" + ("" if path.exists() else ", made at the first start")


async def _of_database(settings: Settings) -> list[Finding]:
    if not is_installed(settings):
        made = "embedded PostgreSQL, made at the first start"
        return [
            Finding("secret key", good=True, detail="set" if settings.secret_key else "generated at the first start"),
            Finding("database", good=True, detail=made),
        ]
    try:
        async with _opened(settings) as database:
            schema = await _found("database", _schema(settings, database))
            return [await _found("secret key", _secret_key(settings, database if schema.good else None)), schema]
    except (RegistaError, OSError) as error:
        return [Finding("database", good=False, detail=str(error))]


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncGenerator[Database]:
    postgres = EmbeddedPostgres(settings.data_dir) if settings.database_url is None else None
    try:
        url = settings.database_url.get_secret_value() if settings.database_url else None
        if postgres is not None:
            url = await embedded_url(postgres, settings)
        database = Database(url or "", pool_size=2, name="regista doctor")
        try:
            yield database
        finally:
            await database.close()
    finally:
        if postgres is not None:
            postgres.stop()


async def _schema(settings: Settings, database: Database) -> str:
    async with database.transaction() as transaction:
        version: Any = await transaction.connection.fetchval("SHOW server_version")
    revision = await migrations.current(database)
    if settings.database_url is None:
        return f"embedded PostgreSQL {version}, schema {revision or 'empty'}"
    if revision != migrations.HEAD:
        raise ValueError(
            f"PostgreSQL {version}; its schema is at {revision}, {migrations.HEAD} is needed: regista migrate"
        )
    return f"PostgreSQL {version}, schema {revision}"


async def _secret_key(settings: Settings, database: Database | None) -> str:
    if settings.database_url is not None and settings.secret_key is None:
        raise ValueError("REGISTA_SECRET_KEY must be set when REGISTA_DATABASE_URL is")
    key = settings.secret_key or kept_secret_key(settings)
    if key is None:
        raise ValueError(
            f"there is none in {settings.data_dir.absolute()} and REGISTA_SECRET_KEY is not set; put it back: what is "
            "stored was sealed with it"
        )
    if database is None or await migrations.current(database) != migrations.HEAD:
        return "set"
    async with database.transaction() as transaction:
        await check_secret_key(transaction, Vault(key.get_secret_value()))
    return "set, and the one that the database was sealed with"


async def _kafka(settings: Settings) -> str:
    if settings.kafka_bootstrap_servers is None:
        return "not configured: the local bus"
    await check_topics(settings.kafka_bootstrap_servers)
    return f"{settings.kafka_bootstrap_servers} answers, topics are as they must be"
