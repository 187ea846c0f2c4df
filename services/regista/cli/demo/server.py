"""The demo's server: ``regista up`` in a process of its own."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from regista.kit.errors import RegistaError, UnavailableError

READY_SECONDS = 60.0


class NotStartedError(RegistaError):
    """The demo's server did not start."""

    code = "not_started"


@asynccontextmanager
async def serving(data: Path, key: str, slack_api: str) -> AsyncGenerator[str]:
    """Run a server on the directory ``data``, whose admin has the key and whose Slack is there; yield its URL.

    Raises `NotStartedError` or `UnavailableError` when it does not come up.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGISTA_")}
    environment |= {
        "REGISTA_ADMIN_API_KEY": key,
        "REGISTA_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "REGISTA_SLACK_API_URL": slack_api,
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
