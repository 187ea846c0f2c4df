"""Commands on an installation, whether ``regista up`` runs on it or not.

If it does, they connect to the embedded PostgreSQL that it runs; else they start that server for themselves.
"""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import typer
from pydantic import SecretStr

from regista import migrations
from regista.audit.verification import Mismatch, verify
from regista.kit.db import Database
from regista.kit.errors import ConfigurationError
from regista.kit.postgres import DataDirectoryInUseError, EmbeddedPostgres
from regista.kit.settings import Settings
from regista.kit.shards import SHARDS
from regista.kit.vault import Vault
from regista.supervisor.installation import complete, is_installed, published_database_url
from regista.supervisor.preparation import prepare
from regista.supervisor.secret_key import check_secret_key


@asynccontextmanager
async def installation(settings: Settings) -> AsyncGenerator[tuple[Settings, Database, str | None]]:
    """Yield completed settings, the database, and the file of an admin key generated just now (or None).

    What is not there yet is made; `require_installation` keeps a command that looks at one from that.
    """
    embedded = settings.database_url is None
    found = complete(settings, embedded=embedded)
    settings = found.settings
    postgres = EmbeddedPostgres(settings.data_dir) if embedded else None
    try:
        if postgres is not None:
            settings = settings.model_copy(update={"database_url": SecretStr(await embedded_url(postgres, settings))})
        assert settings.database_url is not None  # noqa: S101 - set, or just filled in
        database = Database(settings.database_url.get_secret_value(), name="regista maintenance")
        try:
            yield settings, database, str(found.new_admin_key) if found.new_admin_key else None
        finally:
            await database.close()
    finally:
        if postgres is not None:
            postgres.stop()


def vault_of(settings: Settings) -> Vault:
    """Return the vault of completed settings."""
    assert settings.secret_key is not None  # noqa: S101 - completed
    return Vault(settings.secret_key.get_secret_value())


async def embedded_url(postgres: EmbeddedPostgres, settings: Settings) -> str:
    """Return the URL of the embedded server: of the one that runs, else it is started."""
    try:
        postgres.start()
    except DataDirectoryInUseError:
        url = published_database_url(settings)
        if url is None:
            raise
        return url
    await postgres.wait_ready()
    return postgres.url


def require_installation(settings: Settings) -> None:
    """Return if there is something to look at. Raises `ConfigurationError`."""
    if not is_installed(settings):
        raise ConfigurationError(
            f"there is no installation in {settings.data_dir.absolute()}; name the --data-dir of one, or "
            "REGISTA_DATABASE_URL"
        )


async def migrate(settings: Settings) -> list[str]:
    """Prepare database and Kafka; return what to tell the operator."""
    async with installation(settings) as (completed, database, new_key):
        done = await prepare(completed, database, vault_of(completed), completed.public_url or "")
    lines = [
        f"schema: {done.before or 'empty'} -> {done.after}" if done.before != done.after else f"schema: {done.after}"
    ]
    lines.append("kafka: topics and groups are as they must be" if done.kafka else "kafka: not configured (local bus)")
    if done.bootstrapped:
        lines.append(f"made organization {completed.organization}, team {completed.team}, admin {completed.admin}")
    if new_key is not None:
        lines.append(f"the admin's API key is in {new_key}")
    return lines


@dataclass(frozen=True, slots=True)
class Verification:
    """What recomputing the audit's chains found."""

    rows: int
    mismatches: list[Mismatch]

    @property
    def intact(self) -> bool:
        """Whether every row fits."""
        return not self.mismatches

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        wrong = [
            {
                "shard": one.shard,
                "position": one.position,
                "event_id": str(one.event_id or "") or None,
                "reason": one.reason,
            }
            for one in self.mismatches
        ]
        return {"intact": self.intact, "rows": self.rows, "mismatches": wrong}

    def as_text(self) -> str:
        """Return it for people."""
        if self.intact:
            return f"the audit log is intact: {self.rows} rows in {SHARDS} chains"
        return "\n".join(["the audit log does not fit:", *map(str, self.mismatches)])


async def verify_audit(settings: Settings, *, progress: bool) -> Verification:
    """Recompute every chain of the audit; ``progress`` draws a bar on standard error.

    Raises `ConfigurationError` where there is no installation, for a database with another schema than this program's,
    and for another secret key than the database's.
    """
    require_installation(settings)
    done: dict[int, int] = {}
    mismatches: list[Mismatch] = []
    async with installation(settings) as (completed, database, _):
        vault = vault_of(completed)
        if (revision := await migrations.current(database)) != migrations.HEAD:
            raise ConfigurationError(
                f"the database's schema is at {revision or 'nothing: it is empty'}, this program needs {migrations.HEAD}; "
                "name the right database or --data-dir, or run `regista migrate` first"
            )
        async with database.transaction() as transaction:
            await check_secret_key(transaction, vault)
        with typer.progressbar(length=SHARDS, label="verifying", file=sys.stderr, hidden=not progress) as bar:
            async for step in verify(database, vault=vault):
                bar.update(step.shard - bar.pos)
                done[step.shard] = step.rows
                if step.mismatch is not None:
                    mismatches.append(step.mismatch)
            bar.update(SHARDS - bar.pos)
    return Verification(sum(done.values()), mismatches)
