"""``regista demo``: the main job, on a temporary server of its own, shown as it happens.

A model is fitted and its file uploaded, linked into a registry, and given the alias ``production``. A local receiver
takes the webhook that follows, and verifies its signature with the ``standardwebhooks`` package, as any receiver would.
"""

import asyncio
import hashlib
import json
import os
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from regista.kit import clock, ids
from regista.kit.errors import RegistaError, UnavailableError

READY_SECONDS = 60.0
ARRIVAL_SECONDS = 15.0
Say = Callable[[str], None]


class Arrival(NamedTuple):
    """A webhook as the receiver took it; ``verified`` is what its signature said."""

    event: dict[str, Any]
    webhook_id: str
    verified: bool
    at: float


class _Receiver:
    """What a team would run: takes a POST, verifies it, and remembers it."""

    def __init__(self) -> None:
        self.secret = ""
        self.arrivals: asyncio.Queue[Arrival] = asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            event = Webhook(self.secret).verify(body, dict(request.headers))
        except WebhookVerificationError:
            self.arrivals.put_nowait(Arrival(json.loads(body), request.headers["webhook-id"], False, clock.monotonic()))
            return web.Response(status=401)
        self.arrivals.put_nowait(Arrival(event, request.headers["webhook-id"], True, clock.monotonic()))
        return web.Response(status=204)

    async def next(self) -> Arrival:
        try:
            async with asyncio.timeout(ARRIVAL_SECONDS):
                return await self.arrivals.get()
        except TimeoutError:
            raise UnavailableError(f"no webhook arrived within {ARRIVAL_SECONDS:.0f} s") from None


async def demo(say: Say, keep: Path | None) -> bool:
    """Run the demo; return whether all of it happened. ``keep`` is a directory for the data, None a temporary one."""
    with tempfile.TemporaryDirectory(prefix="regista-demo-") as temporary:
        data = keep or Path(temporary) / "data"
        key = f"rk_{ids.token(32)}"
        receiver = _Receiver()
        async with _listening(receiver) as hook_url:
            say("Starting a server: PostgreSQL, API, relay, webhook dispatcher, audit ...")
            began = clock.monotonic()
            async with _server(data, key) as url:
                say(f"  ready at {url} after {clock.monotonic() - began:.1f} s")
                headers = {"authorization": f"Bearer {key}"}
                async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers=headers, timeout=30) as client:
                    return await _play(say, client, receiver, hook_url, Path(temporary))


async def _play(say: Say, client: httpx.AsyncClient, receiver: _Receiver, hook_url: str, folder: Path) -> bool:
    entity = (await _call(client, "GET", "/me"))["entity"]
    say("Fitting a model and uploading its file by signed URL ...")
    file = await asyncio.to_thread(_fit, folder / "model.json")
    version = await _log(client, entity, file.name, await asyncio.to_thread(file.read_bytes))
    say(f"  {version['source']}  {version['digest']}  {version['size']} bytes")

    say("Linking it into the registry as model-registry/MNIST ...")
    collection = f"/collections/{entity}/model-registry/MNIST"
    linked = await _call(client, "POST", f"{collection}/versions", {"source": version["source"]})
    say(f"  MNIST:{linked['version']}, aliases {', '.join(linked['aliases'])}")

    say("Registering a webhook, and an automation that calls it when an alias of MNIST moves ...")
    hook = await _call(client, "POST", "/webhooks", {"name": "deploy", "url": hook_url})
    receiver.secret = hook["secret"]
    scope = f"collection/{entity}/model-registry/MNIST"
    actions = [{"webhook": {"integration": "deploy"}}]
    await _call(
        client, "POST", "/automations", {"name": "deploy", "scope": scope, "on": ["alias.added"], "actions": actions}
    )

    say("Moving alias production to it ...")
    sent = clock.monotonic()
    moved = await _call(client, "PUT", f"{collection}/aliases/production", {"version": linked["version"]})
    arrival = await receiver.next()
    signed = "right" if arrival.verified else "WRONG"
    took = (arrival.at - sent) * 1000
    say(f"  webhook {arrival.webhook_id} arrived {took:.0f} ms after the request was sent; its signature is {signed}")
    say(f"  {arrival.event['type']}  {arrival.event['subject']}  alias {arrival.event['data']['alias']}")
    same = arrival.event["id"] == moved["event_id"]

    say("Reading the audit log ...")
    rows = await _audit(client, moved["event_id"])
    for row in rows:
        say(f"  {row['time']}  {row['action']}  {row.get('resource', '')}")
    delivered = await _delivered(client, arrival.webhook_id)
    say(f"  delivery {arrival.webhook_id}: {delivered['state']} after {delivered['attempts']} attempt(s)")
    good = arrival.verified and same and bool(rows) and delivered["state"] == "succeeded"
    say("All of it happened." if good else "Something is missing: see above.")
    return good


async def _log(client: httpx.AsyncClient, entity: str, name: str, content: bytes) -> dict[str, Any]:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    manifest = [{"path": name, "size": len(content), "md5": md5}]
    made = await _call(
        client,
        "POST",
        "/artifacts",
        {"entity": entity, "project": "demo", "collection": "mnist", "type": "model", "manifest": manifest},
    )
    for upload in made["uploads"]:
        answer = await client.put(upload["upload_url"], content=content)
        answer.raise_for_status()
    return await _call(client, "POST", f"/artifacts/{made['id']}/commit")


async def _audit(client: httpx.AsyncClient, event_id: str) -> list[dict[str, Any]]:
    deadline = clock.monotonic() + ARRIVAL_SECONDS
    while True:
        rows: list[dict[str, Any]] = (await _call(client, "GET", "/audit?limit=100"))["items"]
        # The audit is a consumer like the webhooks: it may be some milliseconds behind them.
        if any(row["event_id"] == event_id for row in rows) or clock.monotonic() > deadline:
            return list(reversed(rows))
        await asyncio.sleep(0.05)


async def _delivered(client: httpx.AsyncClient, delivery: str) -> dict[str, Any]:
    deadline = clock.monotonic() + ARRIVAL_SECONDS
    while True:
        found = await _call(client, "GET", f"/deliveries/{delivery}")
        if found["state"] != "pending" or clock.monotonic() > deadline:
            return found
        await asyncio.sleep(0.05)


async def _call(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> dict[str, Any]:
    answer = await client.request(method, path, json=body)
    if answer.is_error:
        raise UnavailableError(f"{method} {path} was answered {answer.status_code}: {answer.text}")
    return answer.json()


def _fit(file: Path) -> Path:
    """Fit y = a·x + b to a line with a known disturbance, and keep the model in ``file``."""
    points = [(x, 2.0 * x + 1.0 + (-1) ** x * 0.1) for x in range(100)]
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    file.write_text(json.dumps({"slope": slope, "intercept": mean_y - slope * mean_x}))
    return file


@asynccontextmanager
async def _listening(receiver: _Receiver) -> AsyncGenerator[str]:
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/hook"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _server(data: Path, key: str) -> AsyncGenerator[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGISTA_")}
    environment |= {
        "REGISTA_ADMIN_API_KEY": key,
        "REGISTA_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "REGISTA_LOG_LEVEL": "error",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "regista.cli", "up", "--port", "0", "--data-dir", str(data)),
        stdin=DEVNULL,
        stdout=PIPE,
        env=environment,
    )
    try:
        yield await _ready(process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _ready(process: Process) -> str:
    assert process.stdout is not None  # noqa: S101 - made with a pipe
    try:
        async with asyncio.timeout(READY_SECONDS):
            while line := (await process.stdout.readline()).decode().strip():
                if line.startswith("ready: "):
                    return line.removeprefix("ready: ")
    except TimeoutError:
        raise UnavailableError(f"the server was not ready within {READY_SECONDS:.0f} s") from None
    raise NotStartedError("the server ended before it was ready; the lines above say why")


class NotStartedError(RegistaError):
    """The demo's server did not start."""

    code = "not_started"
