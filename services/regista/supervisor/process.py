"""The main function of the children of ``regista up`` and of ``regista serve``."""

import argparse
import asyncio
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence

if __name__ == "__main__":
    # structlog and httpx take these where they are installed: 11 MB in each child, for terminals that none of them has.
    sys.modules.update(dict.fromkeys(("pygments", "rich")))  # pyright: ignore[reportArgumentType,reportCallIssue] - None tells Python not to import

import structlog
import uvloop

from regista import migrations
from regista.kit.db import is_outage
from regista.kit.errors import RegistaError
from regista.kit.peers import Checks, Peer, answer_peers
from regista.kit.runtime import Runtime, open_runtime
from regista.kit.service import Health, Service
from regista.kit.settings import Settings
from regista.kit.telemetry import configure_logging
from regista.supervisor.running import health_of, run_services
from regista.supervisor.secret_key import check_secret_key
from regista.supervisor.signals import stop_on_signals

log = structlog.get_logger()

_PR_SET_PDEATHSIG = 1
SCHEMA_PAUSE = 0.02


def follow_parent(parent: int) -> None:
    """Ask the kernel for SIGTERM when the parent ends (Linux); leave at once if it has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit(0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``api`` or ``engine`` as a child of ``regista up``."""
    parser = argparse.ArgumentParser(prog="python -m regista.supervisor.process")
    parser.add_argument("role", choices=["api", "engine"])
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--ready", type=int, required=True, help="descriptor to write a line to when serving")
    parser.add_argument("--status", type=int, required=True, help="descriptor of the socket that peers ask on")
    parser.add_argument("--peers", required=True, help="name=port,… of every process (api)")
    parser.add_argument("--socket", type=int, default=-1, help="descriptor of the listening socket (api)")
    given = parser.parse_args(arguments)
    follow_parent(given.parent)
    settings = Settings()
    configure_logging(settings.log_level, given.role)
    try:
        uvloop.run(_child(settings, given))
    except RegistaError as error:
        log.error("process.refused", reason=error.message)  # noqa: TRY400 - the sentence is for the operator
        raise SystemExit(2) from None


async def _child(settings: Settings, given: argparse.Namespace) -> None:
    async def tell() -> None:
        os.write(given.ready, b"ready\n")
        os.close(given.ready)

    stopping = asyncio.Event()
    stop_on_signals(stopping)
    async with open_runtime(settings, f"regista {given.role}") as runtime:
        if given.role == "api":
            peers = [Peer(name, int(port)) for name, _, port in (one.partition("=") for one in given.peers.split(","))]
            services, checks = await api_services(runtime, socket.socket(fileno=given.socket), stopping, peers)
        else:
            services, checks = await _engine_services(runtime)
        async with await answer_peers(socket.socket(fileno=given.status), checks, runtime.metrics):
            await run_services(services, stopping, tell)


async def api_services(
    runtime: Runtime, listening: socket.socket, stopping: asyncio.Event, peers: Sequence[Peer] = ()
) -> tuple[Sequence[Service], Checks]:
    """Return the API's services and their checks, once the schema is the one that this program works on."""
    from regista.app import create_app, own_checks  # noqa: PLC0415 - the engine never pays for it
    from regista.supervisor.server import HttpServer  # noqa: PLC0415

    app = create_app(runtime, stopping, peers)
    await wait_for_schema(runtime, stopping)
    return [HttpServer("api", app, listening)], lambda: own_checks(runtime)


async def _engine_services(runtime: Runtime) -> tuple[Sequence[Service], Checks]:
    from regista.supervisor.composition import engine  # noqa: PLC0415 - the API never pays for it
    from regista.supervisor.preparation import prepare  # noqa: PLC0415

    await prepare(runtime.settings, runtime.database, runtime.vault, runtime.public_url)
    services = engine(runtime)

    async def checks() -> Mapping[str, Health]:
        return health_of(services)

    return services, checks


async def wait_for_schema(runtime: Runtime, stopping: asyncio.Event) -> None:
    """Wait until somebody has migrated the database. Raises `ConfigurationError` for another secret key than its own."""
    database = runtime.database
    told = False
    while not stopping.is_set():
        try:
            if await migrations.current(database) == migrations.HEAD:
                async with database.transaction() as transaction:
                    await check_secret_key(transaction, runtime.vault)
                return
        except Exception as error:
            if not is_outage(error):
                raise
        if not told:
            log.info("process.waiting_for_schema", wanted=migrations.HEAD)
            told = True
        await asyncio.sleep(SCHEMA_PAUSE)


if __name__ == "__main__":
    main()
