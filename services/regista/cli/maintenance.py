"""Commands on an installation that need no running server: they start its embedded PostgreSQL for themselves."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from regista.kit.db import Database
from regista.kit.postgres import EmbeddedPostgres
from regista.kit.settings import Settings
from regista.supervisor.installation import complete
from regista.supervisor.preparation import prepare


@asynccontextmanager
async def installation(settings: Settings) -> AsyncGenerator[tuple[Settings, Database, str | None]]:
    """Yield completed settings, the database, and the file of an admin key generated just now (or None)."""
    embedded = settings.database_url is None
    found = complete(settings, embedded=embedded)
    settings = found.settings
    postgres = EmbeddedPostgres(settings.data_dir) if embedded else None
    try:
        if postgres is not None:
            postgres.start()
            await postgres.wait_ready()
            settings = settings.model_copy(update={"database_url": SecretStr(postgres.url)})
        assert settings.database_url is not None  # noqa: S101 - set, or just filled in
        database = Database(settings.database_url.get_secret_value(), name="regista maintenance")
        try:
            yield settings, database, str(found.new_admin_key) if found.new_admin_key else None
        finally:
            await database.close()
    finally:
        if postgres is not None:
            postgres.stop()


async def migrate(settings: Settings) -> list[str]:
    """Prepare database and Kafka; return what to tell the operator."""
    async with installation(settings) as (completed, database, new_key):
        done = await prepare(completed, database, completed.public_url or "")
    lines = [
        f"schema: {done.before or 'empty'} -> {done.after}" if done.before != done.after else f"schema: {done.after}"
    ]
    lines.append("kafka: topics and groups are as they must be" if done.kafka else "kafka: not configured (local bus)")
    if done.bootstrapped:
        lines.append(f"made organization {completed.organization}, team {completed.team}, admin {completed.admin}")
    if new_key is not None:
        lines.append(f"the admin's API key is in {new_key}")
    return lines
