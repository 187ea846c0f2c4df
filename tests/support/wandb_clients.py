"""The real W&B clients, unmodified, each in an environment of its own that uv fills from the lock file.

output = await run_script(system.url, KEY, "import wandb; ...", client=NEWEST, directory=tmp_path)
"""

import asyncio
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

NEWEST = "0.31.0"
OLDEST = "0.21.4"
CLIENTS = (NEWEST, OLDEST)
GROUPS = {NEWEST: "wandb-newest", OLDEST: "wandb-oldest"}
"""The dependency group that pins each; they conflict, so that one lock file holds both."""

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".wandb-clients"
INSTALL_SECONDS = 600.0
SCRIPT_SECONDS = 90.0


class ScriptError(AssertionError):
    """A script ended badly or too late; the message holds all that it printed."""


def fetch(client: str) -> Path:
    """Return the environment of a client, filled with what the lock file pins unless it is already."""
    environment = HOME / client
    mark = environment / ".complete"
    wanted = hashlib.sha256((ROOT / "uv.lock").read_bytes() + sys.version.encode()).hexdigest()
    HOME.mkdir(exist_ok=True)
    with (HOME / f"{client}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (mark.exists() and mark.read_text() == wanted):
            _sync(client, environment)
            mark.write_text(wanted)
    return environment


def package_of(client: str) -> Path:
    """Return the directory of the installed package ``wandb``."""
    return next(fetch(client).glob("lib/python*/site-packages/wandb"))


async def run_script(
    url: str,
    key: str,
    source: str,
    *,
    client: str,
    directory: Path,
    environment: Mapping[str, str] | None = None,
    timeout: float = SCRIPT_SECONDS,  # noqa: ASYNC109 - the process has to be ended with all that it started
) -> str:
    """Run a Python script with a client against a server, in ``directory``; return what it printed, errors included.

    Every call has a home, caches and settings of its own. Raises `ScriptError` when the script's exit status is not 0
    or it takes longer than ``timeout`` seconds.
    """
    python = await asyncio.to_thread(fetch, client) / "bin" / "python"
    home = Path(tempfile.mkdtemp(prefix="client-", dir=directory))
    script = home / "script.py"
    script.write_text(source)
    process = await asyncio.create_subprocess_exec(
        *(str(python), "-X", "faulthandler", str(script)),
        cwd=directory,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        env=_variables(url, key, home) | dict(environment or {}),
        start_new_session=True,
    )
    assert process.stdout is not None
    printed = bytearray()
    late = False
    try:
        async with asyncio.timeout(timeout):
            while chunk := await process.stdout.read(65536):
                printed += chunk
            status = await process.wait()
    except TimeoutError:
        late = True
        status = None
    finally:
        # The client's own service process is in the session too: it does not outlive a script that was cut off.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    output = printed.decode(errors="replace")
    if late:
        raise ScriptError(f"wandb {client}: the script did not end within {timeout:.0f} s\n{output}{_log_of(home)}")
    if status != 0:
        raise ScriptError(f"wandb {client}: the script ended with {status}\n{output}")
    return output


def _variables(url: str, key: str, home: Path) -> dict[str, str]:
    places = {f"WANDB_{name}_DIR": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA", "ARTIFACT")}
    for place in places.values():
        Path(place).mkdir()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONUNBUFFERED": "1",
        "WANDB_BASE_URL": url,
        "WANDB_API_KEY": key,
        "WANDB_DIR": str(home),
        "WANDB_ERROR_REPORTING": "false",
        **places,
    }


def _log_of(home: Path) -> str:
    """Return the end of the newest log of the client's service process: what it waited for."""
    logs = sorted(home.rglob("debug-internal.log"), key=lambda path: path.stat().st_mtime)
    return f"\n{logs[-1]}:\n{logs[-1].read_text(errors='replace')[-4000:]}" if logs else ""


def _sync(client: str, environment: Path) -> None:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        raise RuntimeError(f"uv is needed to install wandb {client}: {sys.executable} -m pip install uv")
    command = [uv, "sync", "--quiet", "--frozen", "--python", sys.executable, "--only-group", GROUPS[client]]
    variables = os.environ | {"UV_PROJECT_ENVIRONMENT": str(environment)}
    variables.pop("VIRTUAL_ENV", None)
    done = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"uv could not install wandb {client}:\n{done.stdout}{done.stderr}")
