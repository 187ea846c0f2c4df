import asyncio
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("services/regista", "schemas/regista_events")


def run(command: Sequence[object], cwd: Path) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel and the source distribution, built as a publisher builds them."""
    directory = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "hatchling", "build", "-d", directory], ROOT)
    return directory


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of a clean environment in which nothing but the wheel and its dependencies is installed."""
    directory = tmp_path_factory.mktemp("venv")
    venv.create(directory, with_pip=True, symlinks=True)
    wheel = next(built.glob("*.whl"))
    run([directory / "bin" / "pip", "install", "--quiet", wheel], directory)
    return directory / "bin"


def sources() -> set[str]:
    """The files of the packages that version control does not ignore, as paths inside of a wheel."""
    listed = run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *PACKAGES], ROOT).splitlines()
    return {path.partition("/")[2] for path in listed}


def test_the_wheel_holds_every_file_of_both_packages_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
        entry_points = wheel.read(f"regista-{metadata.version('regista')}.dist-info/entry_points.txt").decode()
        described = wheel.read(f"regista-{metadata.version('regista')}.dist-info/METADATA").decode()
        licenses = [name for name in wheel.namelist() if name.endswith("/licenses/LICENSE")]
    assert {"regista/py.typed", "regista_events/py.typed", "regista/migrations/env.py"} <= held
    assert any(name.startswith("regista/migrations/versions/0001_") for name in held)
    assert "regista_events/snapshots/dev.regista.alias.added.json" in held
    assert held == sources()
    assert "regista = regista.cli:main" in entry_points
    assert re.findall(r"^Provides-Extra: (.+)$", described, re.MULTILINE) == ["demo"]
    assert "regista/wandb/schema.graphql" in held
    assert len(licenses) == 1


def test_the_source_distribution_builds_the_same_wheel(built: Path, tmp_path: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], unpacked)
    again = next(tmp_path.glob("*.whl"))
    assert {(each.filename, each.CRC) for each in zipfile.ZipFile(again).infolist()} == {
        (each.filename, each.CRC) for each in zipfile.ZipFile(next(built.glob("*.whl"))).infolist()
    }


@pytest.mark.timeout(300)
def test_the_installed_command_says_its_version_and_what_it_can(installed: Path, tmp_path: Path) -> None:
    version = metadata.version("regista")
    assert run([installed / "regista", "--version"], tmp_path) == f"regista {version}\n"
    said = run([installed / "regista", "--help"], tmp_path)
    for command in ("up", "serve", "migrate", "doctor", "demo", "audit"):
        assert f" {command} " in said, said


@pytest.mark.timeout(300)
def test_the_installed_packages_import_without_the_repository(installed: Path, tmp_path: Path) -> None:
    program = (
        "import regista_events, regista.app, regista.supervisor.composition\n"
        "from regista import migrations\n"
        "from regista_events.schemas import stale_snapshots\n"
        "assert migrations.script().get_heads() == [migrations.HEAD]\n"
        "assert stale_snapshots() == []\n"
        "print(regista_events.__file__)"
    )
    assert str(ROOT) not in run([installed / "python", "-I", "-c", program], tmp_path)
    alone = (
        "import sys, regista_events\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'regista', 'sqlalchemy', 'fastapi', 'aiokafka'}))"
    )
    assert run([installed / "python", "-I", "-c", alone], tmp_path) == "[]\n"


@pytest.mark.timeout(300)
async def test_the_installed_command_serves(installed: Path, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        installed / "regista", "up", "--port", "0", cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while (line := await process.stdout.readline()) and not line.startswith(b"ready: "):
                pass
        assert line.startswith(b"ready: http://127.0.0.1:")
    finally:
        process.terminate()
        async with asyncio.timeout(60):
            assert await process.wait() == 0
    assert (tmp_path / ".regista").is_dir()
