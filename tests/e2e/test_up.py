import asyncio
import json
from pathlib import Path

import pytest

from tests.support.commands import regista
from tests.support.receiver import Receiver
from tests.support.system import KEY, System, move, ok, publish_model, running_system, subscribe


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up")


async def parts(system: System) -> dict[str, bool]:
    answer = await system.client.get("/readyz")
    return {name: part["ready"] for name, part in answer.json()["parts"].items()}


async def metrics(system: System) -> str:
    async with system.as_key(KEY) as client:
        return (await client.get("/metrics")).text


async def test_one_address_tells_of_every_process_and_commands_work_beside_it(directory: Path) -> None:
    async with running_system(directory / "data", workers=2) as system, Receiver() as receiver:
        assert (await system.client.get("/readyz")).status_code == 200
        engine = ("delivery", "due of webhooks", "due of slack", "replays", "relay", "relay of metrics", "upkeep")
        assert await parts(system) == dict.fromkeys((*engine, "database"), True)

        await publish_model(system)
        await subscribe(system, "ci", receiver.url(), "collection/team/model-registry/MNIST")
        moved = await move(system, "v0")
        async with asyncio.timeout(10):
            while not receiver.requests:
                await asyncio.sleep(0.01)
        assert json.loads(receiver.requests[0].body)["id"] == moved["event_id"]

        wanted = {f'process="{name}"' for name in ("engine-1", "api-1", "api-2")}
        async with asyncio.timeout(20):
            # A new connection each time: both processes of the API accept on one socket.
            text = ""
            while not all(name in text for name in wanted):
                text = await metrics(system)

        settings = {"DATA_DIR": str(directory / "data"), "ADMIN_API_KEY": KEY}
        verified = await regista("audit", "verify", "--json", **settings)
        assert json.loads(verified.out)["intact"] is True, verified.err
        database = (directory / "data" / "database.url").stat()
        assert database.st_mode & 0o777 == 0o600

        system.kill_role("engine")
        async with asyncio.timeout(30):
            while (await system.client.get("/readyz")).status_code == 200:
                await asyncio.sleep(0.02)
            while (await system.client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.05)
        await ok(await system.client.get("/api/v1/me"))
        assert await system.stop() == 0
