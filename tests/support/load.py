"""Load as users make it: clients that move aliases as fast as they are answered, and write down what they were told."""

import asyncio
import itertools
from collections import Counter
from typing import Any, Self

import aiohttp

from tests.support.system import KEY, Served, ok, publish_model

COLLECTIONS = 4
ALIAS = "client-"
"""What the aliases that are moved begin with; each client has one of its own."""
TIMEOUT = aiohttp.ClientTimeout(total=45)


def collection(number: int) -> str:
    return f"model-{number}"


async def stage(
    system: Served, url: str, collections: int = COLLECTIONS, *, name: str = "sink", **endpoint: Any
) -> None:
    """Make the collections that the clients use, each with two versions, and send every move to ``url``."""
    for number in range(collections):
        await publish_model(system, collection(number))
    await listen(system, name, url, **endpoint)


async def listen(system: Served, name: str, url: str, **endpoint: Any) -> None:
    """Make a webhook, and an automation that sends it every move in any of the collections."""
    await ok(await system.client.post("/api/v1/webhooks", json={"name": name, "url": url, **endpoint}))
    rule = {
        "name": name,
        "scope": "project/team/model-registry",
        "on": ["alias.added"],
        "actions": [{"webhook": {"integration": name}}],
    }
    await ok(await system.client.post("/api/v1/automations", json=rule))


class Load:
    """``clients`` that each have one request open, all the time that the block lasts; ``pause`` seconds in between."""

    def __init__(self, url: str, *, clients: int = 12, collections: int = COLLECTIONS, pause: float = 0.0) -> None:
        self.acknowledged: list[str] = []
        """Ids of the events of the moves that were answered with success, in the order of the answers."""
        self.refused: Counter[tuple[int, str]] = Counter()
        """Status and code of the problem documents that were answered instead."""
        self.broken: Counter[str] = Counter()
        """Connections that ended without an answer."""
        self.faults: list[str] = []
        """Answers that are neither."""
        self._url = url
        self._clients = clients
        self._collections = collections
        self._pause = pause
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._client(number)) for number in range(self._clients)]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let every client have its last answer."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)

    async def more(self, moves: int, seconds: float = 30.0) -> None:
        """Wait until so many more moves are acknowledged."""
        wanted = len(self.acknowledged) + moves
        try:
            async with asyncio.timeout(seconds):
                while len(self.acknowledged) < wanted:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            told = f"refused {dict(self.refused)}, broken {dict(self.broken)}, faults {self.faults[:3]}"
            raise AssertionError(f"{wanted - len(self.acknowledged)} moves short of {moves}: {told}") from None

    async def _client(self, number: int) -> None:
        name = collection(number % self._collections)
        path = f"{self._url}/api/v1/collections/team/model-registry/{name}/aliases/{ALIAS}{number}"
        headers = {"authorization": f"Bearer {KEY}"}
        async with aiohttp.ClientSession(headers=headers, timeout=TIMEOUT) as session:
            for turn in itertools.count():
                if self._stopping.is_set():
                    return
                if not await self._move(session, path, f"v{turn % 2}"):
                    await asyncio.sleep(0.05)
                if self._pause:
                    await asyncio.sleep(self._pause)

    async def _move(self, session: aiohttp.ClientSession, path: str, version: str) -> bool:
        try:
            async with session.put(path, json={"version": version}) as answer:
                status, kind, text = answer.status, answer.content_type, await answer.text()
                body = await answer.json(content_type=None) if kind.endswith("json") else {}
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.broken[type(error).__name__] += 1
            return False
        if status == 200:
            # Nothing was to be changed where the move before was carried out and its answer got lost.
            if body["event_id"] is not None:
                self.acknowledged.append(body["event_id"])
            return True
        if kind == "application/problem+json" and body.get("code"):
            self.refused[status, body["code"]] += 1
        else:
            self.faults.append(f"{status} {kind}: {text[:300]}")
        return False
