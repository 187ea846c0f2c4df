"""What a crash leaves behind, and that nothing acknowledged is lost in it."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs

from regista.kit.postgres import EmbeddedPostgres, FormerServerError, former
from regista.kit.postgres import server as server_module
from regista.kit.postgres.binaries import find
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


async def ended(cluster: Path, seconds: float) -> bool:
    """Whether every process on the cluster ends within that time."""
    for _ in range(int(seconds / 0.05)):
        if not former.processes(cluster):
            return True
        await asyncio.sleep(0.05)
    return False


async def numbers(url: str) -> set[int]:
    connection = await asyncpg.connect(url)
    try:
        return {row["number"] for row in await connection.fetch("SELECT number FROM row")}
    finally:
        await connection.close()


@asynccontextmanager
async def left_alive(cluster: Path, socket: Path) -> AsyncGenerator[subprocess.Popen[bytes]]:
    """A postmaster whose parent is none of ours and which nothing ties to anybody's life."""
    namespace = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []
    postmaster = subprocess.Popen(  # noqa: ASYNC220 - returns at once
        [*namespace, str(find() / "postgres"), "-D", str(cluster), "-k", str(socket), "-c", "listen_addresses="],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    try:
        while former.postmaster_pid(cluster) not in former.processes(cluster):
            await asyncio.sleep(0.02)
        yield postmaster
    finally:
        postmaster.kill()
        postmaster.wait()


async def test_kill_9_of_the_parent_ends_the_server_and_loses_nothing_acknowledged(data: Path) -> None:
    async with child(data, "write") as writer:
        acknowledged = {await writer.next() for _ in range(300)}
        writer.process.kill()
        assert await ended(data / "postgres" / "cluster", 10)
        acknowledged |= set(await writer.rest())
    async with running(data) as server:
        assert acknowledged <= await numbers(server.url)


async def test_kill_9_of_everything_under_load_loses_nothing_acknowledged(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "REPORT_SECONDS", 0.0)
    cluster = data / "postgres" / "cluster"
    async with child(data, "write") as writer:
        acknowledged = {await writer.next() for _ in range(300)}
        for pid in [writer.process.pid, *former.processes(cluster)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        acknowledged |= set(await writer.rest())
    with capture_logs() as logged:
        server = EmbeddedPostgres(data)
        server.start()
        await server.wait_ready()
    try:
        assert "not properly shut down" in server.log_path.read_text()
        assert acknowledged <= await numbers(server.url)
    finally:
        server.stop()
    waits = [entry for entry in logged if entry["event"] == "postgres.waiting"]
    assert waits
    assert all(entry["waiting_for"] for entry in waits)


async def test_a_server_that_is_killed_can_be_started_again_by_the_same_parent(data: Path) -> None:
    async with running(data) as server:
        await value(server.url, "CREATE TABLE kept_once AS SELECT 7 AS number")
        assert server.process is not None
        server.process.kill()
        server.process.wait()
        server.start()
        await server.wait_ready()
        assert await value(server.url, "SELECT number FROM kept_once") == 7


async def test_a_postmaster_left_alive_is_stopped_first(data: Path) -> None:
    async with running(data) as server:
        await value(server.url, "CREATE TABLE kept_twice AS SELECT 7 AS number")
        cluster = server.log_path.with_name("cluster")
    async with left_alive(cluster, data) as postmaster, running(data) as server:
        assert postmaster.poll() == 0
        assert await value(server.url, "SELECT number FROM kept_twice") == 7


async def test_a_postmaster_that_will_not_end_is_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(former, "FAST_SECONDS", 0.1)
    monkeypatch.setattr(former, "IMMEDIATE_SECONDS", 0.1)
    async with running(data) as server:
        cluster = server.log_path.with_name("cluster")
    async with left_alive(cluster, data) as postmaster:
        postmaster.send_signal(signal.SIGSTOP)
        with pytest.raises(FormerServerError, match=str(postmaster.pid)):
            EmbeddedPostgres(data).start()
        postmaster.send_signal(signal.SIGCONT)


async def test_the_pid_of_a_stranger_in_the_pid_file_does_not_keep_it_from_starting(data: Path) -> None:
    async with running(data) as server:
        cluster = server.log_path.with_name("cluster")
    stranger = subprocess.Popen(["sleep", "60"])  # noqa: ASYNC220 - returns at once
    try:
        (cluster / "postmaster.pid").write_text(f"{stranger.pid}\n{cluster}\n0\n5432\n{data}\n\n0 0\nready\n")
        async with running(data) as server:
            assert await value(server.url, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def mounting(directory: Path) -> list[str]:
    """The wrapper that shows a command a small disk of its own on ``directory``; skips where mounting is refused."""
    namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    mount = f"mount -t tmpfs -o size=160m,mode=755 small '{directory}'"
    if subprocess.run([*namespace, "sh", "-c", mount], check=False, capture_output=True).returncode != 0:
        pytest.skip("a mount namespace is refused here")
    return [*namespace, "sh", "-c", f'{mount} && exec "$@"', "sh"]


async def test_a_disk_full_of_rows_is_an_error_and_loses_nothing(root: Path) -> None:
    async with child(root / "data", "fill", wrapper=mounting(root)) as filler:
        told = await filler.next()
    assert told["lost"] == []
    assert told["acknowledged"] > 50
    assert all("No space left on device" in error for error in told["errors"])


async def test_a_disk_full_of_write_ahead_log_ends_the_server_and_loses_nothing(root: Path) -> None:
    async with child(root / "data", "fill-log", wrapper=mounting(root)) as filler:
        told = await filler.next()
    assert told["lost"] == []
    assert told["acknowledged"] > 50
    assert any("No space left on device" in error for error in told["errors"])
    assert "Free space" in told["refused"]
