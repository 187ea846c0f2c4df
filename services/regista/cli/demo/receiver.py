"""What stands outside: a team's endpoint, which verifies what it takes, and a stand-in for Slack."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from regista.kit import clock
from regista.kit.errors import UnavailableError

ARRIVAL_SECONDS = 15.0
T = TypeVar("T")


class Arrival(NamedTuple):
    """A webhook as the receiver took it; ``verified`` is what its signature said, ``at`` the monotonic moment."""

    event: dict[str, Any]
    webhook_id: str
    verified: bool
    at: float


class Receiver:
    """The endpoint and the channel; ``secret`` is set when the server has told it."""

    def __init__(self) -> None:
        self.secret = ""
        self._arrivals: asyncio.Queue[Arrival] = asyncio.Queue()
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        """Answer 204 to what is signed right, 401 to all else."""
        body = await request.read()
        try:
            event = Webhook(self.secret).verify(body, dict(request.headers))
        except WebhookVerificationError:
            event, verified = json.loads(body), False
        else:
            verified = True
        self._arrivals.put_nowait(Arrival(event, request.headers["webhook-id"], verified, clock.monotonic()))
        return web.Response(status=204 if verified else 401)

    async def know(self, _request: web.Request) -> web.Response:
        """Answer as Slack's ``auth.test`` does of a token that it knows."""
        return web.json_response({"ok": True, "team": "Demo"})

    async def post(self, request: web.Request) -> web.Response:
        """Take a message as Slack's ``chat.postMessage`` does."""
        self._messages.put_nowait(await request.json())
        return web.json_response({"ok": True, "channel": "C0000000001", "ts": "1.000100"})

    async def next(self) -> Arrival:
        """Return the next webhook. Raises `UnavailableError` when none comes."""
        return await _first(self._arrivals, "webhook")

    async def next_message(self) -> dict[str, Any]:
        """Return the next message. Raises `UnavailableError` when none comes."""
        return await _first(self._messages, "message")


async def _first(queue: asyncio.Queue[T], what: str) -> T:
    try:
        async with asyncio.timeout(ARRIVAL_SECONDS):
            return await queue.get()
    except TimeoutError:
        raise UnavailableError(f"no {what} arrived within {ARRIVAL_SECONDS:.0f} s") from None


@asynccontextmanager
async def listening(receiver: Receiver) -> AsyncGenerator[tuple[str, str]]:
    """Let the receiver listen on loopback; yield the URLs of the endpoint and of Slack's methods."""
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    app.router.add_post("/slack/auth.test", receiver.know)
    app.router.add_post("/slack/chat.postMessage", receiver.post)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/hook", f"http://{host}:{port}/slack/"
    finally:
        await runner.cleanup()
