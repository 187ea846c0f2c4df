"""What every measurement stands on: `regista up`, a receiver and a load generator, each in processes of its own."""

import asyncio
import json
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx

from tests.bench.generator import Move, Order, Outcome
from tests.support.system import KEY, System, ok, publish_model

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
"""Seconds after which what has not arrived is lost."""
_LINE = 1 << 28


class Arrival(NamedTuple):
    """One request that came to ``/fast/N``; ``at`` by the system's monotonic clock, in seconds."""

    at: float
    path: str
    webhook_id: str
    event_id: str


class Target:
    """The receiver, for the length of a block."""

    def __init__(self) -> None:
        self.url = ""
        self._process: Process | None = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._process = await _python("tests.bench.target", stdin=PIPE)
        self.url = f"http://127.0.0.1:{json.loads(await self._line())}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def count(self) -> int:
        """Return how many requests wait to be taken."""
        return await self._ask("count")

    async def take(self) -> list[Arrival]:
        """Return what has arrived since the last time."""
        return [Arrival(*each) for each in await self._ask("take")]

    async def until(self, number: int, seconds: float = PATIENCE) -> list[Arrival]:
        """Return what has arrived once that many have, or when the seconds are over."""
        try:
            async with asyncio.timeout(seconds):
                while await self.count() < number:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        return await self.take()

    async def _ask(self, command: str) -> Any:
        assert self._process is not None
        assert self._process.stdin is not None
        async with self._turn:
            self._process.stdin.write(f"{command}\n".encode())
            return json.loads(await self._line())

    async def _line(self) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        return await self._process.stdout.readline()


class Rig:
    """A running installation with ``collections`` models of two versions each."""

    def __init__(self, system: System, target: Target) -> None:
        self.system = system
        self.target = target
        self._loads = 0

    async def stage(self, collections: int) -> None:
        """Make the models whose aliases are moved."""
        for number in range(collections):
            await publish_model(self.system, _name(number))

    async def listen(self, first: int, endpoints: int, scope: str, kind: str = "fast") -> list[int]:
        """Make endpoints, each with an automation that sends it every move in the scope; return their ids."""
        post = self.system.client.post
        made: list[int] = []
        for number in range(first, first + endpoints):
            name = f"{kind}-{number}"
            hook = {"name": name, "url": f"{self.target.url}/{kind}/{number}"}
            made.append((await ok(await post("/api/v1/webhooks", json=hook)))["id"])
            rule = {
                "name": name,
                "scope": scope,
                "on": ["alias.added"],
                "actions": [{"webhook": {"integration": name}}],
            }
            await ok(await post("/api/v1/automations", json=rule))
        return made

    async def load(self, clients: int, *, spread: int = 32, first: int = 0, **limits: Any) -> Outcome:
        """Let each client move a new alias of its own, over ``spread`` collections; see `Order` for the limits.

        Raises `AssertionError` for any answer but success.
        """
        self._loads += 1
        paths = [alias(first + number % spread, f"load-{self._loads}-{number}") for number in range(clients)]
        outcome = await generate(self.system.url, paths, **limits)
        assert not outcome.refused, outcome.refused[:3]
        return outcome


def scope(number: int | None = None) -> str:
    """Return the scope of one collection, or of all."""
    return "project/team/model-registry" if number is None else f"collection/team/model-registry/{_name(number)}"


def alias(collection: int, name: str) -> str:
    """Return the path of an alias."""
    return f"/api/v1/collections/team/model-registry/{_name(collection)}/aliases/{name}"


async def generate(url: str, paths: Sequence[str], **limits: Any) -> Outcome:
    """Run the generator to its end."""
    parsed = httpx.URL(url)
    order = Order(parsed.host, parsed.port or 80, KEY, paths, **limits)
    said = await told("tests.bench.generator", json.dumps(order._asdict()))
    moves, refused, cpu = said
    return Outcome([Move(*each) for each in moves], refused, cpu)


async def told(module: str, *arguments: str) -> Any:
    """Run a module of the benchmark to its end, and return the JSON that it prints."""
    process = await _python(module, *arguments)
    out, _ = await process.communicate()
    assert process.returncode == 0, f"{module} ended with {process.returncode}"
    return json.loads(out)


@asynccontextmanager
async def rig(collections: int = 32, **settings: str) -> AsyncGenerator[Rig]:
    """Run a new installation with the durability that users get; ``settings`` without their prefix."""
    # Short, because a socket's path is.
    directory = Path(tempfile.mkdtemp(prefix="rgb-"))
    system = System(directory, settings={"LOG_LEVEL": "error", **settings})
    try:
        async with Target() as target:
            await system.start()
            try:
                made = Rig(system, target)
                await made.stage(collections)
                yield made
            finally:
                await system.kill()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _python(module: str, *arguments: str, **options: Any) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdout=PIPE, limit=_LINE, cwd=ROOT, **options
    )


def _name(number: int) -> str:
    return f"model-{number}"
