"""What the processes of an installation use: CPU seconds by role, and memory."""

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress

import psutil

from tests.support.system import System

ROLES = ("api", "engine", "postgres")
MIB = 1024 * 1024


def cpu(system: System) -> Mapping[str, float]:
    """Return the CPU seconds that each role has used; what ended since the start is left out."""
    used: defaultdict[str, float] = defaultdict(float)
    for process in system.children():
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used[_role(process)] += times.user + times.system
    return used


def since(system: System, before: Mapping[str, float]) -> Mapping[str, float]:
    """Return what each role has used since ``before``."""
    after = cpu(system)
    return {role: after[role] - before[role] for role in ROLES}


def memory(system: System) -> float:
    """Return the memory of all processes in MiB, what they share counted once."""
    return system.memory() / MIB


def _role(process: psutil.Process) -> str:
    line = process.cmdline()
    if "regista.supervisor.process" not in line:
        return "postgres"
    return line[line.index("regista.supervisor.process") + 1]
