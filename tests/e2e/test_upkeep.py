"""What becomes due by itself, in the whole system: the client is gone, nobody asks, and it happens all the same."""

import asyncio
import os
import re
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.commands import REGISTA
from tests.support.database import prepare
from tests.support.postgres import PostgresSession
from tests.support.system import KEY, System, log_version, ok, running_system
from tests.support.wandb_clients import NEWEST, ScriptError, run_script

OFTEN = {"UPKEEP_SECONDS": "0.2", "RUN_SILENCE_SECONDS": "2"}
PATIENCE = 30.0
DYING = """
import os, signal, time
import wandb
run = wandb.init(project="demo", id="dying", settings=wandb.Settings(console="off"))
run.log({"loss": 1})
time.sleep(1)
os.killpg(0, signal.SIGKILL)  # the machine is gone: script and service process at one stroke
"""


async def test_a_run_whose_machine_died_has_crashed_and_a_version_whose_time_is_over_is_gone(tmp_path: Path) -> None:
    async with running_system(tmp_path / "data", settings=OFTEN) as system:
        with pytest.raises(ScriptError, match="ended with -9"):
            await run_script(system.url, KEY, DYING, client=NEWEST, directory=tmp_path)
        for text in ("old", "new"):
            await log_version(system, "mnist", {"model.bin": text.encode()})
        path = "/api/v1/collections/team/demo/mnist/versions"
        await ok(await system.client.patch(f"{path}/v0", json={"ttl_seconds": 1}))

        crashed = await event(system, "run.state_changed", "team/demo/runs/dying")
        assert (crashed["data"]["state"]["from"], crashed["data"]["state"]["to"]) == ("running", "crashed")
        run = await ok(await system.client.get("/api/v1/projects/team/demo/runs/dying"))
        assert run["state"] == "crashed"
        deleted = await event(system, "artifact.deleted", "team/demo/mnist:v0")
        assert (await system.client.get(f"{path}/v0")).status_code == 404
        assert (await system.client.get(f"{path}/v1")).status_code == 200
        for each in (crashed, deleted):
            assert each["actortype"] == "system"
            rows = await ok(await system.client.get("/api/v1/audit", params={"actor": each["actor"], "limit": 200}))
            assert each["id"] in {row["event_id"] for row in rows["items"]}


async def test_the_upkeep_runs_without_a_bus_and_passes_on_when_its_process_is_killed(
    postgres: PostgresSession, tmp_path: Path
) -> None:
    async with postgres.fresh_database(prepare) as url, _upkeep(url, tmp_path) as first:
        await _held(first.url, 1)
        async with _upkeep(url, tmp_path) as second:
            await _held(second.url, 0)
            first.process.kill()
            await first.process.wait()
            async with asyncio.timeout(5):
                await _held(second.url, 1)
            second.process.terminate()
            async with asyncio.timeout(20):
                assert await second.process.wait() == 0


async def event(system: System, kind: str, subject: str) -> dict[str, Any]:
    """Wait for an event of this type on this subject."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await ok(await system.client.get("/api/v1/events", params={"type": kind, "limit": 200}))
            for item in found["items"]:
                if item["subject"] == subject:
                    return item["event"]
            await asyncio.sleep(0.1)


class _Served:
    def __init__(self, process: Process, url: str) -> None:
        self.process = process
        self.url = url


@asynccontextmanager
async def _upkeep(database: str, data: Path) -> AsyncGenerator[_Served]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGISTA_")}
    environment |= {
        "REGISTA_DATABASE_URL": database,
        "REGISTA_SECRET_KEY": "the-secret-key-of-the-upkeep-tests-0123456789",
        "REGISTA_DATA_DIR": str(data),
    }
    process = await asyncio.create_subprocess_exec(
        *(REGISTA, "serve", "upkeep", "--port", "0"), stdin=DEVNULL, stdout=PIPE, env=environment
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            while not (line := (await process.stdout.readline()).decode()).startswith("ready: "):
                assert line, "it ended before it was ready"
        yield _Served(process, line.removeprefix("ready: ").strip())
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _held(url: str, wanted: int) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(PATIENCE):
        while True:
            text = (await client.get(f"{url}/metrics")).text
            if re.search(rf"^regista_upkeep_held {wanted}\.0$", text, re.MULTILINE):
                return
            await asyncio.sleep(0.05)
