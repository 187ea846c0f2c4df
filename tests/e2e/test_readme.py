import asyncio
import json
import os
import re
import socket
from asyncio.subprocess import DEVNULL, STDOUT
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from regista.cli.commands import app
from regista.kit.settings import Settings
from regista.supervisor.parts import Part
from tests.support.commands import REGISTA
from tests.support.readme import README, ROOT, blocks
from tests.support.slack import TOKEN, FakeSlack
from tests.support.system import KEY, System, running_system
from tests.support.wandb_clients import CLIENTS


def settings_table() -> str:
    lines = ["| variable | default | |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, ()) else f"`{field.default}`"
        description = field.description or ""
        if name == "log_level":
            description = "debug, info, warning or error"
        lines.append(f"| `REGISTA_{name.upper()}` | {default} | {description} |")
    return "\n".join(lines)


def test_the_settings_are_those_of_the_program() -> None:
    written = README.partition("<!-- settings -->\n")[2].partition("\n<!-- settings end -->")[0]
    assert written == settings_table()


@pytest.mark.parametrize("name", ["demo", "tests"])
def test_each_of_the_two_commands_is_one_line_that_ci_runs(name: str) -> None:
    (block,) = blocks(f"command: {name}")
    assert len(block.splitlines()) == 1
    assert f"readme {name}\n" in (ROOT / ".ci" / "run").read_text()


def test_every_service_is_described() -> None:
    assert set(re.findall(r"^\| `([a-z]+)`[^|]*\| ", README, re.MULTILINE)) - {"up"} == set(Part)


def test_every_command_that_is_named_exists() -> None:
    known = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    known |= {group.name or "" for group in app.registered_groups}
    assert set(re.findall(r"\bregista ([a-z]+)\b", " ".join(commands()))) <= known


def commands() -> Iterator[str]:
    yield from re.findall(r"`([^`\n]+)`", README)
    yield from re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_clients_that_are_named_are_those_that_are_tested() -> None:
    said = README.partition("## With the W&B client\n")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"\b\d+\.\d+\.\d+\b", said.partition("<!-- client -->")[0])) == CLIENTS


def test_every_file_that_is_linked_exists() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).is_file(), target


async def test_the_first_steps_lead_where_they_say(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        receiver = probe.getsockname()[1]
    _keep_fragments(tmp_path / "fragments")
    async with (
        FakeSlack() as slack,
        running_system(tmp_path / "data", settings={"SLACK_API_URL": slack.api}) as system,
    ):
        applied = "\n.venv/bin/regista automations apply -f fragments"
        script = (
            "\n".join(blocks("first steps") + blocks("automations") + blocks("presets") + blocks("slack")) + applied
        )
        for written, real in {
            "http://127.0.0.1:8080": system.url,
            "$(cat .regista/admin.key)": KEY,
            "9000": str(receiver),
            ".venv/bin/regista": REGISTA,
            "xoxb-…": TOKEN,
            "github_pat_…": "github_pat_placeholder",
        }.items():
            assert written in script
            script = script.replace(written, real)
        printed = tmp_path / "printed"
        with printed.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *("bash", "-euo", "pipefail", "-c", script),
                cwd=tmp_path,
                env={name: value for name, value in os.environ.items() if not name.startswith("REGISTA_")},
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                start_new_session=True,
            )
            try:
                async with asyncio.timeout(60):
                    status = await process.wait()
                said = printed.read_text()
                assert status == 0, said
                await _arrived(system, printed)
                assert "1 to create, 0 to change, 0 to delete, 0 unchanged\n" in said
                assert [each.title for each in slack.of("ml-ops")] == ["Hello"]
            finally:
                _end_session(process.pid)


def _keep_fragments(directory: Path) -> None:
    """Write the parts of automations that the README shows as whole ones, each with what it leaves out."""
    directory.mkdir()
    call = "actions: [{webhook: {integration: deploy}}]\n"
    for mark, rest in {"metrics": call, "messages": "on: alias.added\n"}.items():
        (fragment,) = blocks(mark, "yaml")
        (directory / f"{mark}.yaml").write_text(f"name: {mark}\nscope: org\n{rest}{fragment}")


async def _arrived(system: System, printed: Path) -> None:
    async with asyncio.timeout(30):
        while {each["state"] for each in await _items(system, "/api/v1/deliveries")} != {"succeeded"}:
            await asyncio.sleep(0.1)
    lines = await asyncio.to_thread(printed.read_text)
    received = {number: json.loads(body) for number, body in re.findall(r"^(\S+) (\{.*\})$", lines, re.MULTILINE)}
    deliveries = await _items(system, "/api/v1/deliveries")
    bodies = [received[each["id"]] for each in reversed(deliveries)]
    first, *others = bodies
    assert first["data"]["alias"] == "production"
    promoted = {"model": "team/model-registry/MNIST:v0", "by": "admin", "size": first["data"]["artifact"]["size"]}
    assert promoted in others
    (row,) = await _items(system, "/api/v1/audit?action=alias.added&resource=team/model-registry/MNIST&limit=1")
    assert row["event_id"] in {each["event_id"] for each in deliveries}


async def _items(system: System, path: str) -> list[dict[str, Any]]:
    answer: httpx.Response = await system.client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def _end_session(leader: int) -> None:
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader:
                process.kill()
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
