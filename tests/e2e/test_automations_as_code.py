"""Automations as files, by the installed command, on a running server."""

import asyncio
import json
from pathlib import Path

import httpx
import jsonschema_rs
from typer.testing import CliRunner

from regista.cli.commands import app
from tests.support.commands import Ended, regista
from tests.support.receiver import Receiver
from tests.support.system import KEY, System, move, ok, publish_model, running_system

SCOPE = "collection/team/model-registry/MNIST"
DEPLOY = f"""\
name: deploy
scope: {SCOPE}
on: alias.added
where: alias == "production" && previous == null
actions:
  - webhook:
      integration: ci
      payload: {{ref: "${{alias}}", version: "${{artifact_version_string}}", deep: [1.0, null, {{"no": "12:30"}}]}}
limits: {{cooldown: 600s}}
"""
WATCH = """\
name: watch
scope: project/team/demo
on: run.metric_triggered
trigger:
  metric: {test: change, name: loss, window: 3, prior_window: 3, change: relative, direction: increase, value: 0.5}
actions: [{no_op: {}}]
enabled: false
---
name: all of it
scope: registry/model
on: [artifact.linked, tag.added]
where: |
  event.actortype == "user" &&   // people
    event.subject != ""
actions:
  - no_op: {}
  - webhook: {integration: team/ci}
"""


async def run(system: System, *arguments: str | Path) -> Ended:
    """Run the command in this process: a process of its own takes a second to start."""
    environment = {"REGISTA_URL": system.url, "REGISTA_API_KEY": KEY}
    command = ["automations", *map(str, arguments)]
    result = await asyncio.to_thread(CliRunner().invoke, app, command, env=environment)
    return Ended(result.exit_code, result.stdout, result.stderr)


async def test_files_become_automations_that_fire_and_what_is_exported_is_what_was_declared(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "deploy.yaml").write_text(DEPLOY)
    (files / "rest.yml").write_text(WATCH)
    async with Receiver() as receiver, running_system(tmp_path / "data") as system:
        await publish_model(system)
        await ok(await system.client.post("/api/v1/registries", json={"name": "model"}))
        # What only the server knows is said at its line, and nothing is applied.
        ended = await run(system, "apply", "-f", files)
        assert ended.status == 1
        assert f"{files}/deploy.yaml:7:20: there is no webhook 'ci'" in ended.err
        assert f"{files}/rest.yml:17:28: there is no webhook 'team/ci'" in ended.err
        assert await listed(system) == []

        await ok(await system.client.post("/api/v1/webhooks", json={"name": "ci", "url": receiver.url()}))
        planned = await regista("automations", "plan", "-f", str(files), URL=system.url, API_KEY=KEY)
        assert planned.status == 2, planned.err
        assert planned.out.endswith("3 to create, 0 to change, 0 to delete, 0 unchanged\n")
        applied = await run(system, "apply", "-f", files)
        assert applied.status == 0, applied.err
        made = await listed(system)
        assert len(made) == 3
        for _ in range(2):
            again = await run(system, "apply", "-f", files)
            assert (again.status, again.out) == (0, "0 to create, 0 to change, 0 to delete, 3 unchanged\n")
        assert await listed(system) == made

        await move(system, "v0")
        async with asyncio.timeout(10):
            while not receiver.requests:
                await asyncio.sleep(0.02)
        sent = json.loads(receiver.requests[0].body)
        assert sent == {"ref": "production", "version": sent["version"], "deep": [1.0, None, {"no": "12:30"}]}

        (files / "deploy.yaml").write_text(DEPLOY.replace("[1.0, null", "[1, null"))
        assert (await run(system, "apply", "-f", files)).status == 0
        (files / "deploy.yaml").write_text(DEPLOY.replace("[1.0, null", "[true, null"))
        assert (await run(system, "apply", "-f", files)).status == 0
        assert (await run(system, "plan", "-f", files)).status == 0, "true is not 1"
        await export_and_compare(system, tmp_path / "exported")
        await rename_and_prune(system, files)


async def export_and_compare(system: System, directory: Path) -> None:
    exported = await run(system, "export", "--dir", directory)
    assert exported.status == 0, exported.err
    assert exported.out == f"3 files in {directory}\n"
    planned = await run(system, "plan", "-f", directory, "--json")
    assert (planned.status, len(json.loads(planned.out)["unchanged"])) == (0, 3)
    printed = await run(system, "export", "--scope", "project/team/demo")
    everything = directory.with_suffix(".yaml")
    everything.write_text(printed.out)
    assert (await run(system, "plan", "-f", everything)).status == 0
    assert (await run(system, "export", "--dir", directory)).status == 1
    async with httpx.AsyncClient() as anybody:
        schema = (await anybody.get(f"{system.url}/schemas/automations.json")).json()
        assert (await anybody.get(f"{system.url}/schemas/alias.added.json")).status_code == 200
    assert schema == json.loads((await run(system, "schema")).out)
    jsonschema_rs.validator_for(schema)


async def rename_and_prune(system: System, files: Path) -> None:
    """What a scope is called may change; that it is the same automation does not."""
    (files / "deploy.yaml").write_text(DEPLOY.replace("production", "prod"))
    await ok(await system.client.patch("/api/v1/registries/model", json={"name": "renamed"}))
    (files / "rest.yml").write_text(WATCH.partition("---\n")[2].replace("registry/model", "registry/renamed"))
    planned = await run(system, "plan", "-f", files)
    assert planned.status == 2
    assert '  - where: alias == "production" && previous == null\n' in planned.out
    assert planned.out.endswith("0 to create, 1 to change, 0 to delete, 1 unchanged\n")
    scopes = ("--scope", "project/team/model-registry", "--scope", "registry/renamed", "--scope", "project/team/demo")
    pruned = await run(system, "apply", "-f", files, "--prune", *scopes)
    assert pruned.status == 0, pruned.err
    assert "- project/team/demo  watch    (in no file)" in pruned.out
    assert {each["name"]: each["scope"] for each in await listed(system)} == {
        "deploy": SCOPE,
        "all of it": "registry/renamed",
    }
    assert (await run(system, "plan", "-f", files)).status == 0
    unreachable = await run(system, "plan", "-f", files, "--url", "http://127.0.0.1:9")
    assert (unreachable.status, "does not answer" in unreachable.err) == (1, True)


async def listed(system: System) -> list[dict[str, object]]:
    return (await ok(await system.client.get("/api/v1/automations")))["items"]
