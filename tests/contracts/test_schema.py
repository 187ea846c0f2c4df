import asyncio
import importlib
import pkgutil
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import REAL, Float
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

import regista
from regista import migrations
from regista.kit.db import Database
from regista.kit.errors import ConfigurationError
from tests.support.database import fresh
from tests.support.postgres import PostgresSession

ABOUT_COLUMNS = {"add_table", "add_column", "remove_column", "modify_type", "modify_nullable"}
"""Indexes, checks and defaults are the migrations' alone: what a model needs of its table are its columns."""


def import_models() -> None:
    for module in pkgutil.walk_packages(regista.__path__, "regista."):
        if module.name.endswith(".models"):
            importlib.import_module(module.name)


def differences(connection: Connection) -> list[Any]:
    tables = set(SQLModel.metadata.tables)

    def of_models(_thing: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:  # noqa: FBT001 - Alembic's hook
        return kind != "table" or name in tables

    options = {"compare_type": _differ, "include_object": of_models}
    found = compare_metadata(MigrationContext.configure(connection, opts=options), SQLModel.metadata)
    flat = [one for each in found for one in (each if isinstance(each, list) else [each])]
    return [one for one in flat if one[0] in ABOUT_COLUMNS]


async def test_models_and_migrations_say_the_same_of_every_column(postgres: PostgresSession) -> None:
    import_models()
    assert {"account", "api_key", "organization"} <= SQLModel.metadata.tables.keys()
    async with fresh(postgres) as database:
        engine = create_async_engine("postgresql+asyncpg://", async_creator=database.connect, poolclass=NullPool)
        try:
            async with engine.connect() as connection:
                assert await connection.run_sync(differences) == []
                await connection.exec_driver_sql("ALTER TABLE account ALTER COLUMN name DROP NOT NULL")
                (seen,) = await connection.run_sync(differences)
                assert seen[0] == "modify_nullable"
                await connection.rollback()
        finally:
            await engine.dispose()


async def test_every_row_of_a_tenant_names_its_organization_or_the_row_that_does(postgres: PostgresSession) -> None:
    installation = {
        *("alembic_version", "organization", "automation_catalogue"),
        *("shard", "published", "outbox", "metric_outbox", "dead_letter"),
        *("dispatcher", "lane_shard"),
        *("audit_chain", "audit_checkpoint"),
        *("secret_key",),
    }
    parents = ["run_id", "artifact_id", "collection_id", "membership_id", "lane_id", "delivery_id"]
    async with fresh(postgres) as database, database.transaction() as tx:
        rows = await tx.connection.fetch(
            """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                 AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
                                 AND a.attnotnull AND a.attname = ANY($1::text[]))""",
            ["organization_id", *parents],
        )
    assert {row["relname"] for row in rows} == installation


def test_the_program_and_the_scripts_agree_on_the_newest_revision() -> None:
    scripts = migrations.script()
    assert scripts.get_heads() == [migrations.HEAD]
    chain = [revision.revision for revision in scripts.walk_revisions()]
    assert chain == sorted(chain, reverse=True)
    assert [each[:4] for each in reversed(chain)] == [f"{number:04}" for number in range(1, len(chain) + 1)]


async def test_migrating_again_changes_nothing(postgres: PostgresSession) -> None:
    async with fresh(postgres) as database:
        before = await _columns(database)
        assert await migrations.migrate(database) == (migrations.HEAD, migrations.HEAD)
        assert await _columns(database) == before


async def test_migrating_from_several_places_at_once_is_done_by_one(postgres: PostgresSession) -> None:
    async with postgres.fresh_database() as url:
        places = [Database(url, pool_size=2) for _ in range(3)]
        try:
            results = await asyncio.gather(*(migrations.migrate(place) for place in places))
            assert sorted(results, key=str) == [(migrations.HEAD, migrations.HEAD)] * 2 + [(None, migrations.HEAD)]
            assert await migrations.current(places[0]) == migrations.HEAD
        finally:
            for place in places:
                await place.close()


async def test_a_migration_that_fails_leaves_the_database_as_it_was(postgres: PostgresSession) -> None:
    async with postgres.fresh_database() as url:
        database = Database(url, pool_size=2)
        try:
            async with database.transaction() as tx:
                await tx.connection.execute("CREATE TABLE webhook_key (in_the_way int)")
            with pytest.raises(Exception, match="webhook_key"):
                await migrations.migrate(database)
            assert await migrations.current(database) is None
            async with database.transaction() as tx:
                assert await tx.connection.fetchval("SELECT to_regclass('event')") is None
                await tx.connection.execute("DROP TABLE webhook_key")
            assert await migrations.migrate(database) == (None, migrations.HEAD)
        finally:
            await database.close()


async def test_a_schema_from_the_future_is_refused_with_its_name(postgres: PostgresSession) -> None:
    async with fresh(postgres) as database:
        async with database.transaction() as tx:
            await tx.connection.execute("UPDATE alembic_version SET version_num = '9999_future'")
        with pytest.raises(ConfigurationError, match="9999_future"):
            await migrations.migrate(database)


def _differ(_context: Any, _reflected: Any, _column: Any, found: Any, said: Any) -> bool | None:
    return _bytes(found) != _bytes(said) if isinstance(found, Float) and isinstance(said, Float) else None


def _bytes(number: Any) -> int:
    # PostgreSQL keeps float(1) to float(24) in four bytes, as real, and every other float in eight.
    return 4 if isinstance(number, REAL) or (number.precision or 53) <= 24 else 8


async def _columns(database: Database) -> list[asyncpg.Record]:
    async with database.transaction() as tx:
        return await tx.connection.fetch(
            """SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
               WHERE table_schema = 'public' ORDER BY 1, 2"""
        )
