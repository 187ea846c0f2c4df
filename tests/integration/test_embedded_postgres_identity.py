"""As root, as an ordinary user, and as a root that may not make namespaces."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from regista.kit.postgres import launch
from tests.support.postgres import child, value

ROOT = os.geteuid() == 0
NOBODY = 65534


@pytest.fixture
def root() -> Generator[Path]:
    """A directory that every user can pass through, with a short path."""
    directory = Path(tempfile.mkdtemp(prefix="rgep-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def uid_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def user_namespace(pid: int) -> Path:
    return Path(f"/proc/{pid}/ns/user").readlink()


def as_nobody() -> Sequence[str]:
    """The wrapper that runs a command as an ordinary user, who is to reach this interpreter wherever it lies.

    Where a closed home holds the interpreter, a mount namespace shows an open directory in the home's place.
    """
    become = f"exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups"
    interpreter = Path(sys.base_prefix).resolve()
    closed = [path for path in (*interpreter.parents, interpreter) if not path.stat().st_mode & stat.S_IXOTH]
    if not closed:
        return ["sh", "-c", f'{become} "$@"', "sh"]
    home = min(closed, key=lambda path: len(path.parts))
    show = f"mount --bind '{interpreter}' /mnt && mount -t tmpfs -o mode=755 home '{home}' && mkdir -p '{interpreter}'"
    return ["unshare", "--mount", "sh", "-c", f"{show} && mount --move /mnt '{interpreter}' && {become} \"$@\"", "sh"]


@pytest.mark.skipif(not ROOT, reason="needs root")
async def test_root_under_a_closed_directory_runs_it_and_keeps_its_files(root: Path) -> None:
    closed = root / "home"
    closed.mkdir(mode=0o700)
    async with child(closed / "data", "hold") as running:
        told = await running.next()
        assert await value(told["url"], "SELECT 1") == 1
        assert user_namespace(told["pid"]) != user_namespace(os.getpid())
    assert {path.stat().st_uid for path in closed.rglob("*")} == {0}
    assert mode(closed) == 0o700


async def test_an_ordinary_user_runs_it_as_himself(root: Path) -> None:
    home = root / "home"
    home.mkdir(mode=0o700)
    if ROOT:
        os.chown(home, NOBODY, NOBODY)
    async with child(home / "data", "hold", wrapper=as_nobody() if ROOT else ()) as running:
        told = await running.next()
        assert "url" in told, told
        assert await value(told["url"], "SELECT 1") == 1
        assert Path(told["home"]) == home / "data" / "postgres"
        uid = NOBODY if ROOT else os.geteuid()
        assert uid_of(told["pid"]) == uid
    assert {path.stat().st_uid for path in home.rglob("*")} == {uid}


@pytest.mark.skipif(not ROOT, reason="needs root")
async def test_without_namespaces_root_lends_an_unprivileged_uid_under_the_system_directory(root: Path) -> None:
    closed = root / "home"
    closed.mkdir(mode=0o700)
    flags = ("--no-namespaces", "--system", str(root / "system"))
    async with child(closed / "data", "hold", *flags) as running:
        told = await running.next()
        assert "url" in told, told
        assert Path(told["home"]).parent == root / "system"
        assert uid_of(told["pid"]) != 0
        assert mode(Path(told["home"])) == 0o700
        await value(told["url"], "CREATE TABLE kept AS SELECT 7 AS number")
    assert mode(closed) == 0o700
    assert not (closed / "data" / "postgres").exists()
    # The cluster stays in use where it is, also once namespaces may be made.
    for later in (flags, flags[1:]):
        async with child(closed / "data", "hold", *later) as running:
            told = await running.next()
            assert await value(told["url"], "SELECT number FROM kept") == 7


@pytest.mark.skipif(not ROOT, reason="needs root")
async def test_without_namespaces_a_data_directory_within_reach_holds_its_own_cluster(root: Path) -> None:
    (root / "data").mkdir(mode=0o755)
    async with child(root / "data", "hold") as running:
        await value((await running.next())["url"], "CREATE TABLE kept AS SELECT 7 AS number")
    async with child(root / "data", "hold", "--no-namespaces", "--system", str(root / "system")) as running:
        told = await running.next()
        assert told["home"] == str(root / "data" / "postgres")
        assert await value(told["url"], "SELECT number FROM kept") == 7


@pytest.mark.skipif(not ROOT, reason="needs root")
async def test_where_no_way_is_open_the_error_names_the_ways_out(root: Path) -> None:
    for name in ("home", "system"):
        (root / name).mkdir(mode=0o700)
    async with child(root / "home" / "data", "hold", "--no-namespaces", "--system", str(root / "system")) as running:
        told = await running.next()
    assert told["error"] == "RootRefusedError"
    for way in ("ordinary user", "--data-dir", "REGISTA_DATABASE_URL", "Operation not permitted", "Permission denied"):
        assert way in told["message"]


@pytest.mark.parametrize(
    ("parent", "status", "said"), [(os.getpid(), 0, "executed\n"), (1, launch.ORPHANED, "")], ids=["there", "gone"]
)
def test_a_launcher_whose_parent_is_gone_executes_nothing(parent: int, status: int, said: str) -> None:
    command = [sys.executable, "-I", "-S", launch.__file__, str(parent), "self", "0", "0", "/", "/bin/echo", "executed"]
    launched = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (launched.returncode, launched.stdout) == (status, said)
