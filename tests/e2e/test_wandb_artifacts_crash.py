"""The API dies while a real client logs artifacts: the client repeats, and what it logged is there once."""

import asyncio
from pathlib import Path

from tests.support.system import KEY, ok, running_system
from tests.support.wandb_clients import NEWEST, run_script

VERSIONS = 8
KILLS = 3
SCRIPT = f"""
import os, wandb
with wandb.init(project="crash") as run:
    for place in range({VERSIONS}):
        artifact = wandb.Artifact("model", "model")
        with artifact.new_file("weights.bin", "wb") as file:
            file.write(place.to_bytes(4, "big") * 500_000)
        with artifact.new_file("same.bin", "wb") as file:
            file.write(b"same" * 500_000)
        artifact = run.log_artifact(artifact, aliases=[f"a{{place}}"]).wait()
        assert artifact.version == f"v{{place}}", artifact.version
        print(f"logged {{place}}", flush=True)
"""


async def test_artifacts_that_are_logged_while_the_api_dies_are_there_once_and_whole(tmp_path: Path) -> None:
    async with running_system(tmp_path / "system") as system:

        async def kill() -> None:
            for place in range(KILLS):
                await asyncio.sleep(1.5 + place / 3)
                system.kill_role("api")

        killing = asyncio.create_task(kill())
        await run_script(system.url, KEY, SCRIPT, client=NEWEST, directory=tmp_path, timeout=180)
        await killing
        async with asyncio.timeout(30):
            while (await system.client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.2)
        at = "/api/v1/collections/team/crash/model/versions"
        versions = (await ok(await system.client.get(at, params={"limit": 100})))["items"]
        assert [one["version"] for one in versions] == [f"v{place}" for place in reversed(range(VERSIONS))]
        for place, one in enumerate(reversed(versions)):
            assert f"a{place}" in one["aliases"]
            url = (await ok(await system.client.get(f"{at}/v{place}/files/weights.bin")))["url"]
            assert (await system.client.get(url)).content == place.to_bytes(4, "big") * 500_000
        log = await ok(await system.client.get("/api/v1/events", params={"type": "artifact.created", "limit": 500}))
        created = [one["subject"] for one in log["items"] if one["subject"].startswith("team/crash/model:")]
        assert sorted(created) == sorted(f"team/crash/model:v{place}" for place in range(VERSIONS))
