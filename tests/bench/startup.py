"""How long `regista up` takes to its ready line, and how much memory it holds when nobody asks for anything."""

import asyncio
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench import usage
from tests.bench.figures import Effort, Figure
from tests.support.system import System

STARTS = 5
SETTLED_SECONDS = 25.0
"""At the ready line much is not loaded yet: by then every service has had its rounds."""


async def measure(effort: Effort) -> list[Figure]:
    fresh: list[float] = []
    again: list[float] = []
    idle: list[float] = []
    starts = STARTS if effort.rounds > 1 else 1
    for number in range(starts):
        directory = Path(tempfile.mkdtemp(prefix="rgb-"))
        try:
            for took in (fresh, again):
                system = System(directory, settings={"LOG_LEVEL": "error"})
                began = time.monotonic()
                await system.start()
                took.append(time.monotonic() - began)
                if number == starts - 1:
                    await asyncio.sleep(SETTLED_SECONDS)
                    idle.append(usage.memory(system))
                await system.stop()
        finally:
            shutil.rmtree(directory, ignore_errors=True)
    return [
        Figure("regista up to ready, new data directory", statistics.median(fresh), "s", 5, less=True),
        Figure("regista up to ready, existing one", statistics.median(again), "s", 5, less=True),
        Figure("memory of all processes, idle, the larger of the two", max(idle), "MiB", 300, less=True),
    ]
