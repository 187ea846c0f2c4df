"""The installed ``regista`` command, run to its end."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import NamedTuple

SECONDS = 60.0
REGISTA = str(Path(sys.executable).with_name("regista"))


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


async def regista(*arguments: str, **settings: str) -> Ended:
    """Run ``regista`` with REGISTA_* settings (given without the prefix) and no others."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGISTA_")}
    environment |= {f"REGISTA_{name}": value for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        REGISTA, *arguments, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environment
    )
    async with asyncio.timeout(SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())
