import re
from pathlib import Path

import pytest

from regista import migrations
from regista.kit.db import Database
from regista.kit.errors import ConfigurationError
from regista.kit.vault import Vault
from regista.supervisor.secret_key import check_secret_key, keep_secret_key
from tests.support.api import Api
from tests.support.database import fresh
from tests.support.postgres import PostgresSession

OLD, NEW = "old-" * 8, "new-" * 8


async def keep(database: Database, keys: str) -> None:
    async with database.transaction() as transaction:
        await keep_secret_key(transaction, Vault(keys))


async def check(database: Database, keys: str) -> None:
    async with database.transaction() as transaction:
        await check_secret_key(transaction, Vault(keys))


async def rotating(api: Api) -> tuple[Database, str, str]:
    """Return the database with its key kept, that key, and both keys as the setting has them in a rotation."""
    old = api.runtime.settings.secret_key
    assert old is not None
    await keep(api.runtime.database, old.get_secret_value())
    return api.runtime.database, old.get_secret_value(), f"{NEW},{old.get_secret_value()}"


async def test_a_database_takes_the_first_key_and_refuses_another(postgres: PostgresSession) -> None:
    async with fresh(postgres) as database:
        await check(database, OLD)
        await keep(database, OLD)
        await keep(database, OLD)
        for refused in (check, keep):
            with pytest.raises(ConfigurationError, match="newest first, separated by commas"):
                await refused(database, NEW)
        await check(database, f"{NEW},{OLD}")
        await keep(database, f"{NEW},{OLD}")
        await check(database, NEW)
        with pytest.raises(ConfigurationError):
            await check(database, OLD)


async def test_the_old_key_is_needed_for_as_long_as_something_is_sealed_with_it(api: Api) -> None:
    database, _, both = await rotating(api)
    made = await api.client.post("/api/v1/secrets", json={"name": "TOKEN", "value": "v", "entity": "team"})
    await keep(database, both)
    with pytest.raises(ConfigurationError):
        await check(database, NEW)
    assert (await api.client.delete(f"/api/v1/secrets/{made.json()['id']}")).status_code == 204
    await keep(database, both)
    await check(database, NEW)


async def test_a_rotation_may_end_once_everything_is_sealed_with_the_new_key(api: Api) -> None:
    database, old, both = await rotating(api)
    assert (await api.client.post("/api/v1/secrets", json={"name": "T", "value": "v", "entity": "team"})).is_success
    await keep(database, both)
    async with database.transaction() as transaction:
        sealed = Vault(both).seal(b"v", organization_id=1, purpose="test")
        await transaction.connection.execute("UPDATE secret SET sealed = $1", sealed)
        await transaction.connection.execute("UPDATE webhook_key SET sealed = $1", sealed)
    await keep(database, NEW)
    with pytest.raises(ConfigurationError):
        await check(database, old)


async def test_an_installation_from_before_the_check_keeps_its_key(api: Api) -> None:
    made = await api.client.post("/api/v1/secrets", json={"name": "TOKEN", "value": "v", "entity": "team"})
    assert made.status_code == 201
    database = api.runtime.database
    async with database.transaction() as transaction:
        await transaction.connection.execute("DROP TABLE secret_key")
        await transaction.connection.execute("UPDATE alembic_version SET version_num = '0015_verbatim'")
    await migrations.migrate(database)
    with pytest.raises(ConfigurationError):
        await check(database, NEW)


def test_every_column_of_bytes_is_known_to_be_sealed_or_not() -> None:
    """A new one that a vault seals belongs into the query of `keep_secret_key`."""
    versions = Path(migrations.__file__).parent / "versions"
    sealed = {"sealed", "headers", "access_token", "token", "url"}
    written = set(re.findall(r"^\s+(\w+) bytea", "\n".join(p.read_text() for p in versions.glob("*.py")), re.MULTILINE))
    others = {
        "body",
        "context",
        "payload",
        "digest",
        "hash",
        "public_key",
        "signature",
        "md5",
        "sha256",
        "test",
        "request",
    }
    assert written - others - {"id"} == sealed
