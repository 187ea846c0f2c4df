"""What a team would run: takes a POST, verifies it, and remembers it."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from regista.kit import clock
from regista.kit.errors import UnavailableError

ARRIVAL_SECONDS = 15.0


class Arrival(NamedTuple):
    """A webhook as the receiver took it; ``verified`` is what its signature said, ``at`` the monotonic moment."""

    event: dict[str, Any]
    webhook_id: str
    verified: bool
    at: float


class Receiver:
    """The endpoint; ``secret`` is set when the server has told it."""

    def __init__(self) -> None:
        self.secret = ""
        self._arrivals: asyncio.Queue[Arrival] = asyncio.Queue()

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

    async def next(self) -> Arrival:
        """Return the next webhook. Raises `UnavailableError` when none comes."""
        try:
            async with asyncio.timeout(ARRIVAL_SECONDS):
                return await self._arrivals.get()
        except TimeoutError:
            raise UnavailableError(f"no webhook arrived within {ARRIVAL_SECONDS:.0f} s") from None


@asynccontextmanager
async def listening(receiver: Receiver) -> AsyncGenerator[str]:
    """Let the receiver listen on loopback; yield its URL."""
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
