"""``regista doctor``: every setting with secrets masked, and whether what they point to is there."""

import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
from pydantic import SecretStr

from regista import migrations
from regista.kit.bus.provision import check_topics
from regista.kit.db import Database
from regista.kit.errors import RegistaError
from regista.kit.settings import Settings

LEAST_FREE_BYTES = 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    good: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """All settings and findings."""

    settings: dict[str, str | None]
    findings: list[Finding]

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return all(finding.good for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return the report for programs."""
        checks = [{"name": one.name, "ok": one.good, "detail": one.detail} for one in self.findings]
        return {"healthy": self.healthy, "settings": self.settings, "checks": checks}

    def as_text(self) -> str:
        """Return the report for people."""
        lines = [f"{name} = {'(unset)' if value is None else value}" for name, value in self.settings.items()]
        lines += ["", *(f"{'ok  ' if one.good else 'BAD '} {one.name}: {one.detail}" for one in self.findings)]
        return "\n".join(lines)


async def examine(settings: Settings) -> Report:
    """Look at everything and change nothing."""
    checks: list[tuple[str, Callable[[Settings], Awaitable[str]]]] = [
        ("data directory", _data_directory),
        ("secret key", _secret_key),
        ("database", _database),
        ("kafka", _kafka),
    ]
    findings: list[Finding] = []
    for name, check in checks:
        try:
            findings.append(Finding(name, good=True, detail=await check(settings)))
        except (RegistaError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            findings.append(Finding(name, good=False, detail=str(error)))
    return Report({f"REGISTA_{name.upper()}": _shown(settings, name) for name in type(settings).model_fields}, findings)


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


async def _secret_key(settings: Settings) -> str:
    if settings.secret_key is not None:
        return "set"
    if settings.database_url is not None:
        raise ValueError("REGISTA_SECRET_KEY must be set when REGISTA_DATABASE_URL is")
    return "generated into the data directory"


async def _database(settings: Settings) -> str:
    if settings.database_url is None:
        return "embedded PostgreSQL, started by `regista up`"
    database = Database(settings.database_url.get_secret_value(), pool_size=2, name="regista doctor")
    try:
        async with database.transaction() as transaction:
            version: Any = await transaction.connection.fetchval("SHOW server_version")
        revision = await migrations.current(database)
    finally:
        await database.close()
    if revision != migrations.HEAD:
        raise ValueError(
            f"PostgreSQL {version}; its schema is at {revision}, {migrations.HEAD} is needed: regista migrate"
        )
    return f"PostgreSQL {version}, schema {revision}"


async def _kafka(settings: Settings) -> str:
    if settings.kafka_bootstrap_servers is None:
        return "not configured: the local bus"
    await check_topics(settings.kafka_bootstrap_servers)
    return f"{settings.kafka_bootstrap_servers} answers, topics are as they must be"
