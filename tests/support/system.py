"""The whole system as a user runs it: ``regista up`` (or ``serve``) in processes of its own, spoken to over HTTP."""

import asyncio
import hashlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import httpx
import psutil

KEY = "rk-TheKeyOfTheSystemTests0123456789abcdefgh"
READY_SECONDS = 60.0


class Served(Protocol):
    """Something that speaks Regista's HTTP."""

    client: httpx.AsyncClient


class System:
    """One ``regista up``. ``settings`` are REGISTA_* variables without the prefix."""

    def __init__(self, data_dir: Path, *, workers: int = 1, settings: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.url = ""
        self.lines: list[str] = []
        self._workers = workers
        self._settings = {
            "ADMIN_API_KEY": KEY,
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "LOG_LEVEL": "warning",
            **(settings or {}),
        }
        self._process: Process | None = None
        self._port = 0
        self._reading: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self.client = httpx.AsyncClient()

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start, and wait for the ready line; a later start takes the same port."""
        self._ready.clear()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("REGISTA_")}
        environment |= {f"REGISTA_{name}": value for name, value in self._settings.items()}
        self._process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("regista")),
            "up",
            "--port",
            str(self._port),
            "--data-dir",
            str(self.data_dir),
            "--workers",
            str(self._workers),
            stdin=DEVNULL,
            stdout=PIPE,
            env=environment,
            start_new_session=True,
        )
        self._reading = asyncio.create_task(self._read(self._process))
        async with asyncio.timeout(READY_SECONDS):
            await self._ready.wait()
        if not self.url:
            raise AssertionError(f"regista up ended with {await self._process.wait()}: {self.lines}")
        self._port = int(self.url.rpartition(":")[2])
        await self.client.aclose()
        self.client = self.as_key(KEY)

    def as_key(self, key: str) -> httpx.AsyncClient:
        """Return a client with another key."""
        return httpx.AsyncClient(base_url=self.url, headers={"authorization": f"Bearer {key}"}, timeout=60)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, and return the exit status."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
        async with asyncio.timeout(60):
            status = await self._process.wait()
        await self._ended()
        return status

    async def kill(self) -> None:
        """SIGKILL the supervisor and every process below it, PostgreSQL included, at one stroke."""
        assert self._process is not None
        if self._process.returncode is None:
            # Stopped first: a supervisor that is still alive starts again what dies before it.
            self._process.send_signal(signal.SIGSTOP)
            for process in [*self.children(), psutil.Process(self._process.pid)]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        await self._process.wait()
        await self._ended()

    def children(self, role: str | None = None) -> list[psutil.Process]:
        """Return the processes below the supervisor: all, or those of a role (``api``, ``engine``)."""
        found = psutil.Process(self.pid).children(recursive=True)
        if role is None:
            return found
        chosen: list[psutil.Process] = []
        for process in found:
            with suppress(psutil.NoSuchProcess):
                line = process.cmdline()
                if "regista.supervisor.process" in line and role in line:
                    chosen.append(process)
        return chosen

    def kill_role(self, role: str) -> None:
        """SIGKILL the processes of a role; the supervisor starts them again."""
        for process in self.children(role):
            process.kill()

    def memory(self) -> int:
        """Return the proportional set size of the whole tree, in bytes."""
        return sum(process.memory_full_info().pss for process in [psutil.Process(self.pid), *self.children()])

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        while line := (await process.stdout.readline()).decode():
            self.lines.append(line.rstrip())
            if line.startswith("ready: "):
                self.url = line.removeprefix("ready: ").strip()
                self._ready.set()
        self._ready.set()

    async def _ended(self) -> None:
        if self._reading is not None:
            await self._reading
        await self.client.aclose()


@asynccontextmanager
async def running_system(data_dir: Path, **options: Any) -> AsyncGenerator[System]:
    """Run the system for the length of the block."""
    system = System(data_dir, **options)
    await system.start()
    try:
        yield system
    finally:
        await system.kill()


async def ok(answer: httpx.Response, *status: int) -> Any:
    """Return the body of a successful answer."""
    assert answer.status_code in (status or (200, 201, 204)), f"{answer.status_code}: {answer.text}"
    return answer.json() if answer.content else None


async def log_version(system: Served, name: str, files: Mapping[str, bytes], project: str = "demo") -> dict[str, Any]:
    """Log files as a version of source collection ``team/project/name`` through the signed upload URLs."""
    manifest = [
        {"path": path, "size": len(data), "md5": hashlib.md5(data, usedforsecurity=False).hexdigest()}
        for path, data in files.items()
    ]
    body = {"entity": "team", "project": project, "collection": name, "type": "model", "manifest": manifest}
    made = await ok(await system.client.post("/api/v1/artifacts", json=body))
    for file in made["uploads"]:
        if file["upload_url"] is not None:
            await ok(await system.client.put(file["upload_url"], content=files[file["path"]]))
    if made["state"] == "committed":
        return made
    return await ok(await system.client.post(f"/api/v1/artifacts/{made['id']}/commit"))


async def publish_model(system: Served, name: str = "MNIST", versions: int = 2) -> None:
    """Link ``versions`` different versions into ``team/model-registry/name``, so that its alias can move."""
    for number in range(versions):
        await log_version(system, f"{name}-source", {"model.bin": f"{name} {number}".encode()})
        link = {"source": f"team/demo/{name}-source:v{number}"}
        await ok(await system.client.post(f"/api/v1/collections/team/model-registry/{name}/versions", json=link))


async def subscribe(system: Served, name: str, url: str, scope: str, **endpoint: Any) -> dict[str, Any]:
    """Make a webhook and an automation that sends it every ``alias.added`` of the scope; return the webhook."""
    hook = await ok(await system.client.post("/api/v1/webhooks", json={"name": name, "url": url, **endpoint}))
    rule = {"name": name, "scope": scope, "on": ["alias.added"], "actions": [{"webhook": {"integration": name}}]}
    await ok(await system.client.post("/api/v1/automations", json=rule))
    return hook


async def move(system: Served, version: str, alias: str = "production", name: str = "MNIST") -> dict[str, Any]:
    """Move an alias of ``team/model-registry/name``."""
    path = f"/api/v1/collections/team/model-registry/{name}/aliases/{alias}"
    return await ok(await system.client.put(path, json={"version": version}))
