"""The schema's history, and the one way to bring a database up to date.

Who writes: whoever calls `migrate`, one at a time, under an advisory lock of the session. Who reads: every process, which
refuses to serve on another revision than its own. A crash in the middle rolls the running revision back (PostgreSQL's
DDL is transactional); the next call goes on from there.
"""

import asyncio
from importlib import resources
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from regista.kit.db import Database
from regista.kit.errors import ConfigurationError

if TYPE_CHECKING:  # Alembic takes a fifth of a second to import, and most starts have nothing to migrate
    from alembic.script import ScriptDirectory

HEAD = "0016_secret_key"
"""The revision that this program works on; a test holds it to what `script` finds."""

_LOCK = 0x7265676973746100  # "regista\0": no other program is likely to take this advisory lock
_MINIMUM_VERSION = 150000


def script() -> "ScriptDirectory":
    """Return the revisions that ship with this installation."""
    from alembic.config import Config  # noqa: PLC0415 - see above
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(resources.files("regista") / "migrations"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


async def migrate(database: Database) -> tuple[str | None, str]:
    """Bring the schema up to date; return the revisions before and after.

    Safe to run twice or from two places at once: the second waits. Raises `ConfigurationError` for a PostgreSQL that
    is too old, or a schema that is newer than this program.
    """
    engine = create_async_engine("postgresql+asyncpg://", async_creator=database.connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SET statement_timeout = 0"))
            await connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
            await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            await connection.commit()
            try:
                return await connection.run_sync(_upgrade)
            finally:
                await asyncio.shield(_unlock(connection))
    finally:
        await engine.dispose()


async def current(database: Database) -> str | None:
    """Return the revision that the database is at, None when it is empty."""
    async with database.transaction() as transaction:
        if await transaction.connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return None
        return await transaction.connection.fetchval("SELECT version_num FROM alembic_version")


async def _unlock(connection: Any) -> None:
    await connection.rollback()
    await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
    await connection.commit()


def _upgrade(connection: Connection) -> tuple[str | None, str]:
    from alembic.config import Config  # noqa: PLC0415 - see above
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415

    version = connection.execute(text("SHOW server_version_num")).scalar_one()
    if int(version) < _MINIMUM_VERSION:
        raise ConfigurationError(f"PostgreSQL {int(version) // 10000} is too old; Regista needs 15 or newer")
    scripts = script()
    before = MigrationContext.configure(connection).get_current_revision()
    if before is not None and before not in {revision.revision for revision in scripts.walk_revisions()}:
        raise ConfigurationError(
            f"the database's schema is at revision {before!r}, which this version of Regista does not know; "
            "run a newer Regista"
        )

    def steps(revision: Any, _context: object) -> Any:
        return scripts._upgrade_revs(HEAD, revision)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as Alembic's `upgrade`

    with EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection, transaction_per_migration=False)
        with environment.begin_transaction():
            environment.run_migrations()
    connection.commit()
    return before, HEAD
