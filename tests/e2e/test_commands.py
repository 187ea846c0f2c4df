import asyncio
import json
import stat
from pathlib import Path

import pytest

from tests.support.commands import regista
from tests.support.database import prepare
from tests.support.postgres import PostgresSession

SECRET = "a-secret-key-of-the-command-tests-0123456789"


async def test_every_command_explains_itself() -> None:
    ended = await regista("--help")
    assert ended.status == 0
    for command in ("up", "serve", "migrate", "doctor", "demo", "audit", "automations"):
        assert f"  {command} " in ended.out
        assert (await regista(command, "--help")).status == 0


async def test_migrate_runs_twice_and_from_two_places_at_once(postgres: PostgresSession, tmp_path: Path) -> None:
    async with postgres.fresh_database() as url:
        settings = {"DATABASE_URL": url, "SECRET_KEY": SECRET, "DATA_DIR": str(tmp_path)}
        first, second = await asyncio.gather(regista("migrate", **settings), regista("migrate", **settings))
        assert (first.status, second.status) == (0, 0), first.err + second.err
        assert sorted(["made organization" in first.out, "made organization" in second.out]) == [False, True]
        again = await regista("migrate", **settings)
        assert (again.status, "->" in again.out) == (0, False)
    key = tmp_path / "admin.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_text().strip() not in first.out + second.out + again.out


async def test_a_database_of_ones_own_needs_a_secret_key(tmp_path: Path) -> None:
    ended = await regista("migrate", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", DATA_DIR=str(tmp_path))
    assert ended.status == 2
    assert "REGISTA_SECRET_KEY" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("command", [("migrate",), ("audit", "verify")])
async def test_a_database_out_of_reach_or_a_directory_that_cannot_be_made_is_said_in_a_sentence(
    postgres: PostgresSession, tmp_path: Path, command: tuple[str, ...]
) -> None:
    own = {"SECRET_KEY": SECRET, "DATA_DIR": str(tmp_path)}
    gone = await regista(*command, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", **own)
    async with postgres.fresh_database() as url:
        none = await regista(
            *command, DATABASE_URL=url.replace("?", "_gone?", 1) if "?" in url else f"{url}_gone", **own
        )
    (tmp_path / "file").touch()
    blocked = await regista(*command, "--data-dir", str(tmp_path / "file" / "below"))
    for ended, named in ((gone, "REGISTA_DATABASE_URL"), (none, "REGISTA_DATABASE_URL"), (blocked, "--data-dir")):
        assert (ended.status, named in ended.err, "Traceback" in ended.err) == (2, True, False), ended.err


async def test_an_empty_database_is_not_verified(postgres: PostgresSession, tmp_path: Path) -> None:
    async with postgres.fresh_database() as url:
        ended = await regista("audit", "verify", DATABASE_URL=url, SECRET_KEY=SECRET, DATA_DIR=str(tmp_path))
    assert ended.status == 2
    assert "regista migrate" in ended.err
    assert "Traceback" not in ended.err


async def test_a_service_without_kafka_is_refused_with_the_reason(postgres: PostgresSession) -> None:
    async with postgres.fresh_database(prepare) as url:
        for name in ("relay", "webhooks", "slack", "audit"):
            ended = await regista("serve", name, "--port", "0", DATABASE_URL=url, SECRET_KEY=SECRET)
            assert ended.status == 2, ended.err
            assert "needs Kafka" in ended.err
    ended = await regista("serve", "nothing", DATABASE_URL="x", SECRET_KEY=SECRET)
    assert ended.status == 2
    assert "there is no service 'nothing'" in ended.err


@pytest.mark.parametrize(
    ("name", "value"), [("DATABASE_POOL", "many"), ("LOG_LEVEL", "loud"), ("WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/99")]
)
async def test_a_setting_that_cannot_be_read_is_named(name: str, value: str) -> None:
    ended = await regista("doctor", **{name: value})
    assert ended.status == 2
    assert f"REGISTA_{name}" in ended.err
    assert "Traceback" not in ended.err


async def test_doctor_masks_secrets_and_says_what_is_wrong(postgres: PostgresSession, tmp_path: Path) -> None:
    settings = {"SECRET_KEY": SECRET, "ADMIN_API_KEY": "k" * 40, "DATA_DIR": str(tmp_path)}
    async with postgres.fresh_database(prepare) as url:
        well = await regista("doctor", "--json", DATABASE_URL=url, **settings)
        assert well.status == 0, well.out
        report = json.loads(well.out)
        assert report["healthy"] is True
        assert report["settings"]["REGISTA_DATABASE_URL"] == "********"
        assert SECRET not in well.out
        assert url not in well.out
    async with postgres.fresh_database() as url:
        empty = await regista("doctor", DATABASE_URL=url, **settings)
        assert empty.status == 1
        assert "regista migrate" in empty.out
    gone = await regista("doctor", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1", **settings)
    assert gone.status == 1
    assert "BAD  kafka" in gone.out
