import asyncio
import os
import shutil
import stat
import tempfile
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import psutil
import pytest

from regista.kit.postgres import (
    ClusterVersionError,
    DataDirectoryInUseError,
    EmbeddedPostgres,
    PostgresFailedError,
)
from tests.support.postgres import child, running, value


@pytest.fixture
def root() -> Generator[Path]:
    """A directory with a short path, and whatever the test lays in it."""
    directory = Path(tempfile.mkdtemp(prefix="rgep-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def data() -> Generator[Path]:
    """A data directory for the tests that do not mind who ran on it before; each leaves no server there."""
    directory = Path(tempfile.mkdtemp(prefix="rgep-"))
    yield directory
    shutil.rmtree(directory)


def socket_directory(server: EmbeddedPostgres) -> Path:
    return Path(parse_qs(urlsplit(server.url).query)["host"][0])


async def test_it_is_a_utf8_server_18_that_keeps_what_is_committed_from_one_start_to_the_next(root: Path) -> None:
    async with running(root / "data") as server:
        assert int(await value(server.url, "SHOW server_version_num")) // 10000 == 18
        assert (
            await value(
                server.url, "SELECT concat(datlocprovider, datlocale) FROM pg_database WHERE datname = 'regista'"
            )
            == "bC.UTF-8"
        )
        await value(server.url, "CREATE TABLE kept AS SELECT 'Größe' AS word")
    async with running(root / "data") as server:
        assert await value(server.url, "SELECT word FROM kept") == "Größe"


async def test_durability_is_on_and_the_machine_is_respected(data: Path) -> None:
    async with running(data, work_mem="3MB") as server:
        shown = {
            name: await value(server.url, f"SHOW {name}")
            for name in ("fsync", "synchronous_commit", "full_page_writes")
        }
        assert set(shown.values()) == {"on"}
        assert await value(server.url, "SHOW jit") == "off"
        assert await value(server.url, "SHOW wal_compression") != "off"
        assert await value(server.url, "SHOW work_mem") == "3MB"
        assert (
            await value(server.url, "SELECT setting::int * 8192 FROM pg_settings WHERE name = 'shared_buffers'")
            <= 32 << 20
        )


async def test_only_the_password_opens_it_and_only_we_can_read_the_password(data: Path) -> None:
    async with running(data) as server:
        right = parse_qs(urlsplit(server.url).query)["password"][0]
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.url.replace(right, "wrong"))
        file = server.log_path.with_name("password")
        assert file.read_text().strip() == right
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(socket_directory(server).stat().st_mode) == 0o700
        assert right not in server.log_path.read_text()


async def test_no_tcp_port_is_open_and_ctrl_c_does_not_reach_it(data: Path) -> None:
    async with running(data) as server:
        assert server.process is not None
        postmaster = psutil.Process(server.process.pid)
        family = [postmaster, *postmaster.children(recursive=True)]
        opened: list[object] = []
        for process in family:
            with suppress(psutil.NoSuchProcess):  # a worker that had its task done meanwhile
                opened += process.net_connections("inet")
        assert opened == []
        assert os.getsid(server.process.pid) != os.getsid(0)
        assert await value(server.url, "SHOW listen_addresses") == ""


async def test_a_path_with_spaces_and_quotes_will_do(root: Path) -> None:
    async with running(root / "my models, the 'best' ones" / "données %20") as server:
        assert await value(server.url, "SELECT 1") == 1


async def test_a_path_of_150_bytes_puts_the_socket_elsewhere_in_a_directory_of_ours(root: Path) -> None:
    data = root / ("x" * (150 - len(os.fsencode(root)) - 1))
    assert len(os.fsencode(data)) == 150
    async with running(data) as server:
        assert await value(server.url, "SELECT 1") == 1
        socket = socket_directory(server)
        assert not socket.is_relative_to(data)
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert not socket.exists()


async def test_the_second_of_two_is_told_who_holds_the_directory(data: Path) -> None:
    async with child(data, "hold") as first:
        await first.next()
        with pytest.raises(DataDirectoryInUseError, match=f"process {first.process.pid}"):
            EmbeddedPostgres(data).start()
    async with running(data) as server:
        assert await value(server.url, "SELECT 1") == 1


async def test_a_refused_second_start_leaves_the_first_alone(data: Path) -> None:
    async with running(data) as server:
        with pytest.raises(DataDirectoryInUseError):
            EmbeddedPostgres(data).start()
        with pytest.raises(RuntimeError, match="already runs"):
            server.start()
        assert await value(server.url, "SELECT 1") == 1


async def test_a_cluster_of_another_major_version_is_refused_with_the_way_to_move_it_and_not_touched(
    data: Path,
) -> None:
    async with running(data) as server:
        version = server.log_path.parent / "cluster" / "PG_VERSION"
    version.write_text("16\n")
    with pytest.raises(ClusterVersionError, match=r"PostgreSQL 16.*runs 18.*pg_dump.*pg_restore"):
        EmbeddedPostgres(data).start()
    version.write_text("18\n")
    async with running(data) as server:
        assert await value(server.url, "SELECT 1") == 1


async def test_an_initdb_that_a_crash_cut_short_is_begun_anew(root: Path) -> None:
    cut = root / "data" / "postgres" / "cluster.new"
    cut.mkdir(parents=True)
    (cut / "PG_VERSION").write_text("18\n")
    async with running(root / "data") as server:
        assert await value(server.url, "SELECT 1") == 1
    assert not cut.exists()


async def test_a_server_that_cannot_start_says_why_and_gives_the_directory_back(root: Path) -> None:
    with pytest.raises(PostgresFailedError, match=r'shared_buffers.*"a lot"'):
        async with running(root / "data", shared_buffers="a lot"):
            pass
    async with running(root / "data") as server:
        assert await value(server.url, "SELECT 1") == 1


async def test_permissions_of_the_directories_above_stay_as_they_are(root: Path) -> None:
    above = [root / "closed", root / "closed" / "data", *root.parents]
    (root / "closed" / "data").mkdir(parents=True, mode=0o700)
    before = [(path, path.stat().st_mode, path.stat().st_uid) for path in above]
    async with running(root / "closed" / "data") as server:
        assert await value(server.url, "SELECT 1") == 1
    assert [(path, path.stat().st_mode, path.stat().st_uid) for path in above] == before


async def test_a_server_whose_connections_are_all_taken_counts_as_ready(data: Path) -> None:
    async with running(data, max_connections="5", autovacuum_max_workers="1") as server:
        taken = [await asyncpg.connect(server.url) for _ in range(5)]
        await asyncio.wait_for(server.wait_ready(), 10)
        for connection in taken:
            await connection.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives the files to another user, which takes root")
async def test_a_cluster_that_another_user_left_is_taken_over_by_root(data: Path) -> None:
    async with running(data) as server:
        home = server.log_path.parent
    for path in (home, *home.rglob("*")):
        os.chown(path, 65534, 65534)
    async with running(data) as server:
        assert await value(server.url, "SELECT 1") == 1
