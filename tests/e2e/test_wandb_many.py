"""Many clients at once on one project: all that they logged is there, and every account of it agrees."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.system import KEY, System, ok, running_system
from tests.support.wandb_clients import CLIENTS, fetch, run_script

SCRIPT = """
import json, os
from pathlib import Path
import wandb

client, runs = {client}, {runs}
made = []
for number in range(runs):
    with wandb.init(project="many", name=f"{{client}}-{{number}}", settings=wandb.Settings(console="off")) as run:
        for step in range(5):
            run.log({{"loss": step + number}})
        Path("model.txt").write_text(f"{{client}} {{number}}")
        artifact = wandb.Artifact("shared", type="model", metadata={{"client": client, "number": number}})
        artifact.add_file("model.txt")
        logged = run.log_artifact(artifact)
        logged.wait()
        used = run.use_artifact("shared:latest")
        own = wandb.Artifact(f"own-{{client}}", type="model")
        own.add_file("model.txt")
        run.log_artifact(own).wait()
        run.link_artifact(logged, "team/model-registry/All")
        made.append([run.id, logged.version, used.version])
print("MADE " + json.dumps(made))
"""
SHARED = "/api/v1/collections/team/many/shared"
ALL = "/api/v1/collections/team/model-registry/All"


@pytest.mark.timeout(300)
async def test_eight_clients_log_three_runs_each_into_one_project(tmp_path: Path) -> None:
    await _many(tmp_path, clients=8, runs=3)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_fifty_clients_log_twenty_runs_each_into_one_project(tmp_path: Path) -> None:
    await _many(tmp_path, clients=50, runs=20)


async def _many(directory: Path, *, clients: int, runs: int) -> None:
    for client in CLIENTS:
        fetch(client)
    async with running_system(directory / "data", workers=2) as system:
        made = await asyncio.gather(*(_client(system, directory, number, runs) for number in range(clients)))
        await _agree(system, [run for each in made for run in each], clients * runs)


async def _client(system: System, directory: Path, number: int, runs: int) -> list[tuple[str, str, str]]:
    """Run a client; return the name of each run with the version it logged and the one it used."""
    own = directory / f"client-{number}"
    own.mkdir()
    source = SCRIPT.format(client=number, runs=runs)
    version = CLIENTS[number % len(CLIENTS)]
    said = await run_script(system.url, KEY, source, client=version, directory=own, timeout=250 + 60 * runs)
    line = next(line for line in said.splitlines() if line.startswith("MADE "))
    return [(run, logged, used) for run, logged, used in json.loads(line.removeprefix("MADE "))]


async def _agree(system: System, made: list[tuple[str, str, str]], total: int) -> None:
    expected = {f"v{index}" for index in range(total)}
    runs = await _items(system, "/api/v1/projects/team/many/runs")
    assert {run["name"] for run in runs} == {run for run, _, _ in made}
    assert Counter(run["state"] for run in runs) == {"finished": total}

    # One number for each version, from 0, and what the client was told is what is there.
    assert Counter(logged for _, logged, _ in made) == dict.fromkeys(expected, 1)
    versions = await _items(system, f"{SHARED}/versions")
    assert sorted(int(each["version"][1:]) for each in versions) == list(range(total))
    assert [each["version"] for each in versions if "latest" in each["aliases"]] == [f"v{total - 1}"]
    portfolio = await _items(system, f"{ALL}/versions")
    assert sorted(int(each["version"][1:]) for each in portfolio) == list(range(total))
    assert {each["source"] for each in portfolio} == {f"team/many/shared:{version}" for version in expected}

    events = [item["event"] for item in await _items(system, "/api/v1/events")]
    by_type: dict[str, list[Any]] = {}
    for event in reversed(events):
        by_type.setdefault(event["type"].removeprefix("dev.regista."), []).append(event)
    ends = [each["subject"] for each in by_type["run.state_changed"] if each["data"]["state"]["to"] == "finished"]
    assert sorted(ends) == sorted(f"team/many/runs/{run}" for run, _, _ in made)
    created = [each["subject"] for each in by_type["artifact.created"] if "/shared:" in each["subject"]]
    # Within a collection the log has the order of the versions.
    assert created == [f"team/many/shared:v{index}" for index in range(total)]
    linked = [each["subject"] for each in by_type["artifact.linked"]]
    assert linked == [f"team/model-registry/All:v{index}" for index in range(total)]

    used: Counter[str] = Counter(each["subject"] for each in by_type["artifact.used"])
    assert used == Counter(f"team/many/shared:{version}" for _, _, version in made)
    for run, logged, _ in made:
        lineage = await ok(await system.client.get(f"{SHARED}/versions/{logged}/lineage"))
        assert lineage["logged_by"] == [f"team/many/runs/{run}"]
        users = {f"team/many/runs/{name}" for name, _, version in made if version == logged}
        assert set(lineage["used_by"]) == users
        assert len(lineage["linked_as"]) == 1
        lines = await _items(system, f"/api/v1/projects/team/many/runs/{run}/history")
        assert [line["_step"] for line in lines] == list(range(5))


async def _items(system: System, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        query = {"limit": 200} | ({"cursor": cursor} if cursor else {})
        page = await ok(await system.client.get(path, params=query))
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
