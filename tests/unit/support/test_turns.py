"""The tests' own order, tried by a run of three small tests in two processes."""

import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = """
import os, time
import pytest
from tests.support import turns

turns.ALONE = ("own/test_aaa",)


def pytest_xdist_make_scheduler(config, log):
    return turns.Turns(config, log)


def pytest_collection_modifyitems(items):
    items.sort(key=turns.is_late)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    with turns.turn(item):
        return (yield)


@pytest.fixture
def noted(request):
    with open(os.environ["NOTES"], "a", buffering=1) as notes:
        notes.write(f"+{request.node.name}\\n")
        yield
        time.sleep(0.4)
        notes.write(f"-{request.node.name}\\n")
"""
TESTS = {
    "test_aaa": "def test_late(noted): pass\n",
    "test_one": "def test_a(noted): pass\ndef test_b(noted): pass\n",
    "test_two": "def test_c(noted): pass\n",
    "test_zzz": "import pytest\n@pytest.mark.alone\ndef test_alone(noted): pass\n",
}


def test_what_measures_runs_last_and_with_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\nmarkers = alone\n")
    for name, text in TESTS.items():
        (tmp_path / "own" / f"{name}.py").write_text(text)
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [*command, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    notes = (tmp_path / "notes").read_text().split()
    assert notes[-2:] == ["+test_late", "-test_late"]
    assert notes.index("-test_a") < notes.index("+test_b"), "one process runs a file"
    assert notes[1] != notes[0].replace("+", "-"), "files run side by side"
    assert notes[notes.index("+test_alone") + 1] == "-test_alone", "nothing runs beside it"
