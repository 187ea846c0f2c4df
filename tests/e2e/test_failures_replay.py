"""kill -9 in the middle of a replay: every event goes out once more, under one id, and nothing under another."""

import asyncio
import json
from pathlib import Path

from tests.support.sink import Sink
from tests.support.system import move, ok, publish_model, running_system

ALIASES = 8
MOVES = 30
"""Of each alias: some chunks of the log."""


async def test_kill_9_of_the_engine_in_the_middle_of_a_replay_loses_nothing_and_sends_nothing_twice(
    tmp_path: Path,
) -> None:
    async with running_system(tmp_path) as system, Sink(pause=0.02) as sink:
        await publish_model(system)

        async def move_about(alias: str) -> None:
            for number in range(MOVES):
                await move(system, f"v{number % 2}", alias)

        await asyncio.gather(*(move_about(f"alias-{number}") for number in range(ALIASES)))
        hook = await ok(await system.client.post("/api/v1/webhooks", json={"name": "ci", "url": sink.url()}))
        wanted = {"types": ["alias.added"], "subject": "team/model-registry/"}
        path = f"/api/v1/webhooks/{hook['id']}/replay"
        lines = (await system.client.post(path, json={**wanted, "dry_run": True})).text.splitlines()
        expected = json.loads(lines[-1])["fires"]
        assert expected >= ALIASES * MOVES

        replay = await ok(await system.client.post(path, json=wanted), 202)
        for seen in (1, expected // 2):
            async with asyncio.timeout(30):
                while len(sink.ids) < seen:
                    await asyncio.sleep(0.01)
            system.kill_role("engine")
        async with asyncio.timeout(60):
            while len(sink.ids) < expected:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        ended = await ok(await system.client.get(f"/api/v1/replays/{replay['id']}"))
        assert (ended["state"], ended["examined"], ended["fired"]) == ("finished", expected, expected)
        # What was on its way when it was killed may come again, as the same message.
        assert all(len({each.webhook_id for each in arrivals}) == 1 for arrivals in sink.by_event().values())
        assert len(sink.ids) == expected
        assert all(request.headers["regista-replayed"] == "true" for request in sink.requests)
