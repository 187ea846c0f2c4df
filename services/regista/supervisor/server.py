"""An HTTP server on a socket that somebody else bound."""

import asyncio
import socket

import uvicorn
from starlette.types import ASGIApp

from regista.kit.service import Health, Lifecycle
from regista.supervisor.listening import BACKLOG

GRACE_SECONDS = 20


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handlers: the process's owner decides when to stop."""

    def install_signal_handlers(self) -> None:
        """Install none."""


class HttpServer:
    """A service that serves an ASGI application."""

    def __init__(self, name: str, app: ASGIApp, listening: socket.socket) -> None:
        self.name = name
        self._listening = listening
        self._server = _Server(
            uvicorn.Config(
                app,
                loop="none",
                http="httptools",
                ws="none",
                lifespan="on",
                access_log=False,
                log_config=None,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

    def health(self) -> Health:
        """Return whether requests are accepted."""
        return Health(ready=self._server.started)

    async def run(self, lifecycle: Lifecycle) -> None:
        """Serve until asked to stop; requests in flight are answered."""
        serving = asyncio.create_task(self._server._serve([self._listening]))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - `serve` would take the signals
        stopping = asyncio.create_task(lifecycle.stopping.wait())
        try:
            while not self._server.started and not serving.done():  # noqa: ASYNC110 - uvicorn tells no other way
                await asyncio.sleep(0.005)
            if not serving.done():
                lifecycle.started.set()
            await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
            self._server.should_exit = True
            await serving
        finally:
            stopping.cancel()
            serving.cancel()
            await asyncio.gather(stopping, serving, return_exceptions=True)
