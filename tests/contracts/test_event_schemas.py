import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from regista_events import EVENT_TYPES, codec, incompatibilities, sample, schema_of
from regista_events.__main__ import main
from regista_events.schemas import current, read_snapshots, stale_snapshots, write_snapshots

REFRESH = "run `python -m regista_events` and commit schemas/regista_events/snapshots"


def test_no_change_breaks_a_stored_event_or_a_reader() -> None:
    assert incompatibilities(read_snapshots(), current()) == []


def test_the_snapshots_are_what_the_code_has() -> None:
    assert stale_snapshots() == [], REFRESH


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_a_schema_describes_what_is_written(name: str) -> None:
    schema = schema_of(name)
    written = json.loads(codec.encode(sample(name)))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["properties"]["type"]["const"] == name
    assert set(schema["required"]) <= written.keys() <= schema["properties"].keys()
    data: dict[str, Any] = schema["$defs"][schema["properties"]["data"]["$ref"].rpartition("/")[2]]
    assert set(data["required"]) <= written["data"].keys()
    assert written["data"].keys() == data["properties"].keys()


def test_short_and_full_names_have_the_same_schema() -> None:
    assert schema_of("alias.added") == schema_of("dev.regista.alias.added")


def test_previous_may_be_null_and_must_be_there() -> None:
    data = schema_of("alias.added")["$defs"]["AliasAddedData"]
    assert "previous" in data["required"]
    assert {"type": "null"} in data["properties"]["previous"]["anyOf"]


def test_an_incompatible_change_is_not_written_unless_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_snapshots(tmp_path)
    path = tmp_path / "dev.regista.alias.added.json"
    now = path.read_text()
    richer = json.loads(now)
    richer["properties"]["gone"] = {"type": "string"}
    path.write_text(json.dumps(richer))

    assert main(["--folder", str(tmp_path)]) == 1
    assert "incompatible: dev.regista.alias.added: field gone is gone" in capsys.readouterr().err
    assert json.loads(path.read_text()) == richer

    assert main(["--folder", str(tmp_path), "--break"]) == 0
    assert path.read_text() == now


def test_check_says_what_differs_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_snapshots(tmp_path)
    assert main(["--folder", str(tmp_path), "--check"]) == 0
    path = tmp_path / "dev.regista.alias.added.json"
    path.unlink()
    assert main(["--folder", str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().err == "differs: dev.regista.alias.added\n"
    assert not path.exists()
    assert main(["--folder", str(tmp_path)]) == 0
    assert path.exists()


def test_the_command_runs_and_the_package_needs_pydantic_alone() -> None:
    code = (
        "import sys; before = set(sys.modules); import regista_events;"
        "roots = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(*sorted(root for root in roots - set(sys.stdlib_module_names) if root[0] != '_'))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(loaded.stdout.split()) <= {
        "annotated_types",
        "pydantic",
        "pydantic_core",
        "regista_events",
        "typing_extensions",
        "typing_inspection",
    }
    checked = subprocess.run(
        [sys.executable, "-W", "error", "-m", "regista_events", "--check"], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
