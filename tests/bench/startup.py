"""How long `regista up` takes to its ready line, and how much memory it holds before anybody asks for anything."""

import shutil
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench import usage
from tests.bench.figures import Effort, Figure
from tests.support.system import System

STARTS = 5


async def measure(effort: Effort) -> list[Figure]:
    fresh: list[float] = []
    again: list[float] = []
    idle: list[float] = []
    for _ in range(STARTS if effort.rounds > 1 else 1):
        directory = Path(tempfile.mkdtemp(prefix="rgb-"))
        try:
            for took in (fresh, again):
                system = System(directory, settings={"LOG_LEVEL": "error"})
                began = time.monotonic()
                await system.start()
                took.append(time.monotonic() - began)
                idle.append(usage.memory(system))
                await system.stop()
        finally:
            shutil.rmtree(directory, ignore_errors=True)
    return [
        Figure("regista up to ready, new data directory", statistics.median(fresh), "s", 5, less=True),
        Figure("regista up to ready, existing one", statistics.median(again), "s", 5, less=True),
        Figure("memory of all processes, idle", statistics.median(idle), "MiB", 300, less=True),
    ]
