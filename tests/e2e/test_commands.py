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
    ("name", "value", "said"),
    [
        ("DATABASE_POOL", "many", ": Input should be a valid integer"),
        ("LOG_LEVEL", "loud", ": Input should be 'debug'"),
        ("WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/99", ": '10.0.0.0/99' is no network; write one as 10.0.0.0/8"),
        ("WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/8,127.0.0.1/8", ": '127.0.0.1/8' is no network; write 127.0.0.0/8"),
        ("SECRET_KEY", "abc", ": it holds a key shorter than 32 characters; make one with: openssl rand -hex 32"),
        ("SECRET_KEY", f"{SECRET},{SECRET}", ": it holds the same key twice"),
        ("PUBLIC_URL", "foo", ": 'foo' is no URL that users could reach; write http://HOST or https://HOST"),
        ("ARTIFACT_STORE", "s4://bucket", ": 's4://bucket' names no store; write file:///DIRECTORY, s3://BUCKET"),
    ],
)
async def test_a_setting_that_cannot_work_is_named_before_anything_is_made(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    place = tmp_path / "data"
    for command in (("doctor",), ("up", "--port", "0")):
        ended = await regista(*command, DATA_DIR=str(place), **{name: value})
        assert ended.status == 2
        assert f"regista: REGISTA_{name} is not valid{said}" in ended.err
        assert SECRET not in ended.err
        assert "Traceback" not in ended.err
        assert not place.exists()


async def test_what_looks_at_an_installation_makes_none(tmp_path: Path) -> None:
    place = tmp_path / "data"
    verified = await regista("audit", "verify", "--data-dir", str(place))
    assert (verified.status, verified.out) == (2, "")
    assert verified.err.startswith(f"regista: there is no installation in {place}; name the --data-dir of one")
    assert (await regista("doctor", "--data-dir", str(place))).status == 0
    assert not place.exists()


async def test_a_key_that_the_database_was_not_sealed_with_is_refused_by_all_that_need_it(
    postgres: PostgresSession, tmp_path: Path
) -> None:
    wrong = "another-secret-key-of-the-tests-0123456789"
    said = "REGISTA_SECRET_KEY is not the key that this database was sealed with"
    async with postgres.fresh_database() as url:
        own = {"DATABASE_URL": url, "DATA_DIR": str(tmp_path)}
        assert (await regista("migrate", **own, SECRET_KEY=SECRET)).status == 0
        for command in (
            ("up", "--port", "0"),
            ("serve", "api", "--port", "0"),
            ("serve", "upkeep", "--port", "0"),
            ("migrate",),
            ("audit", "verify"),
        ):
            ended = await regista(*command, **own, SECRET_KEY=wrong)
            assert (ended.status, "ready:" in ended.out) == (2, False), (command, ended)
            assert said in ended.err + ended.out, (command, ended)
            assert "Traceback" not in ended.err
        doctor = await regista("doctor", **own, SECRET_KEY=wrong)
        assert (doctor.status, f"BAD  secret key: {said}" in doctor.out) == (1, True), doctor.out
        assert (await regista("doctor", **own, SECRET_KEY=f"{wrong},{SECRET}")).status == 0
        assert (await regista("audit", "verify", **own, SECRET_KEY=SECRET)).status == 0


async def test_doctor_knows_the_key_of_an_embedded_database_whether_it_runs_or_not(tmp_path: Path) -> None:
    own = {"DATA_DIR": str(tmp_path)}
    assert (await regista("migrate", **own)).status == 0
    well = await regista("doctor", **own)
    assert (well.status, "ok   secret key: set, and the one" in well.out) == (0, True), well.out
    wrong = await regista("doctor", **own, SECRET_KEY=SECRET)
    assert (wrong.status, "BAD  secret key: REGISTA_SECRET_KEY is not" in wrong.out) == (1, True), wrong.out
    (tmp_path / "secret.key").unlink()
    lost = await regista("doctor", **own)
    assert (lost.status, "BAD  secret key: there is none in" in lost.out) == (1, True), lost.out
    assert not (tmp_path / "secret.key").exists()


async def test_doctor_looks_at_the_artifact_store(tmp_path: Path) -> None:
    own = {"DATA_DIR": str(tmp_path)}
    inside = await regista("doctor", **own, ARTIFACT_STORE=f"file://{tmp_path}/store")
    assert (inside.status, f"ok   artifact store: {tmp_path}/store, made at" in inside.out) == (0, True), inside.out
    assert not (tmp_path / "store").exists()
    (tmp_path / "file").touch()
    blocked = await regista("doctor", **own, ARTIFACT_STORE=f"file://{tmp_path}/file/store")
    assert (blocked.status, "BAD  artifact store" in blocked.out) == (1, True), blocked.out


async def test_doctor_names_variables_that_nobody_reads(tmp_path: Path) -> None:
    ended = await regista("doctor", DATA_DIR=str(tmp_path), PUBLIC_ULR="http://x", URL="http://y", API_KEY="k")
    assert ended.status == 0
    assert ended.out.splitlines()[-1] == "warn REGISTA_PUBLIC_ULR is no setting; the nearest is REGISTA_PUBLIC_URL"


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
