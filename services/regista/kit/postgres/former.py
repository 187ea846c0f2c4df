"""The server that a crash left behind on a cluster: found, and stopped before the next one starts.

Called by the holder of the data directory's lock, so whatever still runs on the cluster has lost its parent.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import structlog

from regista.kit import clock
from regista.kit.postgres.errors import FormerServerError

log = structlog.get_logger()

FAST_SECONDS = 60.0
"""How long a fast shutdown may take (it writes a checkpoint) before an immediate one is asked for."""

IMMEDIATE_SECONDS = 10.0


def stop(cluster: Path) -> None:
    """End every process of a former server on ``cluster`` and clear a pid file that points at something else.

    Blocks while the former server writes its checkpoint. Raises ``FormerServerError``.
    """
    for number, limit in ((signal.SIGINT, FAST_SECONDS), (signal.SIGQUIT, IMMEDIATE_SECONDS)):
        found = processes(cluster)
        if not found:
            break
        postmaster = postmaster_pid(cluster)
        if postmaster not in found:
            # Backends without a postmaster: they share its memory, and nothing is left that could flush it.
            number, limit = signal.SIGQUIT, IMMEDIATE_SECONDS  # noqa: PLW2901 - the milder way is not open
        log.warning("postgres.former_server", cluster=str(cluster), pids=found, signal=number.name)
        for pid in [postmaster] if postmaster in found else found:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        _await_end(cluster, limit)
    if found := processes(cluster):
        raise FormerServerError(
            f"A PostgreSQL server left by a crash still runs on {cluster} (process {', '.join(map(str, found))}) and does "
            f"not end. End it by hand, then start again."
        )
    _clear_pid_file(cluster)


def processes(cluster: Path) -> list[int]:
    """Return the pids of the server processes on ``cluster``: where /proc is, each; elsewhere the postmaster's alone."""
    if sys.platform == "linux":
        return sorted(
            int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _on(entry, cluster)
        )
    pid = postmaster_pid(cluster)
    if pid is None:
        return []
    listed = subprocess.run(  # noqa: S603 - a fixed program
        ["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, errors="replace", check=False
    )
    return [pid] if "postgres" in listed.stdout and str(cluster) in listed.stdout else []


def postmaster_pid(cluster: Path) -> int | None:
    """Return the pid in ``postmaster.pid``; None when there is none."""
    try:
        return int((cluster / "postmaster.pid").read_text(encoding="utf-8", errors="replace").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _on(entry: Path, cluster: Path) -> bool:
    """Whether the process of this /proc entry is a PostgreSQL one on the cluster: they all stand in its directory."""
    try:
        state = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
        return (
            state != "Z"
            and (entry / "exe").readlink().name.startswith("postgres")
            and (entry / "cwd").samefile(cluster)
        )
    except OSError:
        return False


def _await_end(cluster: Path, limit: float) -> None:
    end = clock.monotonic() + limit
    while processes(cluster) and clock.monotonic() < end:
        time.sleep(0.05)


def _clear_pid_file(cluster: Path) -> None:
    """Remove a pid file whose pid a stranger has by now, or a zombie still: the server would take it for its predecessor."""
    pid = postmaster_pid(cluster)
    if pid is None:
        return
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        log.warning("postgres.stale_pid_file", cluster=str(cluster), pid=pid)
        (cluster / "postmaster.pid").unlink(missing_ok=True)
