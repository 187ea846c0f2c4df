"""``regista serve NAME``: one service of a distributed installation."""

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence

import uvloop
from fastapi import FastAPI
from prometheus_client import generate_latest

from regista.kit.errors import InvalidError
from regista.kit.health import probes
from regista.kit.runtime import Runtime, open_runtime
from regista.kit.service import Health, Service
from regista.kit.settings import Settings
from regista.supervisor.listening import bind, url_of
from regista.supervisor.parts import Part
from regista.supervisor.process import api_services, wait_for_schema
from regista.supervisor.running import health_of, run_services
from regista.supervisor.server import HttpServer
from regista.supervisor.signals import stop_on_signals


def serve(settings: Settings, name: str, *, host: str, port: int, say: Callable[[str], None]) -> None:
    """Run the service until SIGTERM or SIGINT; ``say`` is given ``ready: URL`` once it serves.

    Raises `InvalidError` for an unknown name, `ConfigurationError` for settings under which it cannot run.
    """
    if name not in set(map(str, Part)):
        raise InvalidError(f"there is no service {name!r}; there are {', '.join(Part)}")
    uvloop.run(_serve(settings, Part(name), host, port, say))


async def _serve(settings: Settings, part: Part, host: str, port: int, say: Callable[[str], None]) -> None:
    stopping = asyncio.Event()
    stop_on_signals(stopping)
    listening = bind(host, port)
    url = url_of(listening, host)
    if settings.public_url is None:
        settings = settings.model_copy(update={"public_url": url})

    async def tell() -> None:
        say(f"ready: {url}")

    async with open_runtime(settings, f"regista {part}") as runtime:
        if part is Part.API:
            services, _ = await api_services(runtime, listening, stopping)
        else:
            from regista.supervisor import composition  # noqa: PLC0415 - the API never pays for it

            parts = composition.part(runtime, part)
            await wait_for_schema(runtime, stopping)
            services = [_probe_server(runtime, parts, listening), *parts]
        if not stopping.is_set():
            await run_services(services, stopping, tell)


def _probe_server(runtime: Runtime, services: Sequence[Service], listening: socket.socket) -> HttpServer:
    """Return the server of ``/livez``, ``/readyz`` and ``/metrics`` beside services that speak no HTTP themselves."""

    async def checks() -> Mapping[str, Health]:
        return health_of(services)

    async def metrics() -> bytes:
        return generate_latest(runtime.metrics)

    app = FastAPI(openapi_url=None)
    app.include_router(probes(checks, metrics))
    return HttpServer("probes", app, listening)
