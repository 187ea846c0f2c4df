"""The demo's training: a script that knows of W&B alone, run with the client as it is on the package index."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from regista.kit.errors import RegistaError

TRAINING_SECONDS = 120.0
PROJECT = "demo"
REGISTERED = "MNIST"
EPOCHS = 40
SCRIPT = f"""\
import json
import wandb

run = wandb.init(project="{PROJECT}", config={{"rate": 0.5}})
points = [(x / 20, 2 * x / 20 + 1) for x in range(20)]
slope = intercept = 0.0
for epoch in range({EPOCHS}):
    errors = [slope * x + intercept - y for x, y in points]
    slope -= run.config.rate * sum(e * x for e, (x, _) in zip(errors, points)) / len(points)
    intercept -= run.config.rate * sum(errors) / len(points)
    run.log({{"loss": sum(e * e for e in errors) / len(points)}})
with open("model.json", "w") as file:
    json.dump({{"slope": slope, "intercept": intercept}}, file)
run.link_model(path="model.json", registered_model_name="{REGISTERED}")
run.finish()
"""


class ClientMissingError(RegistaError):
    """The W&B client is not installed here."""

    code = "client_missing"


class TrainingFailedError(RegistaError):
    """The script did not end well."""

    code = "training_failed"


def interpreter(client: Path | None) -> str:
    """Return the Python that has the W&B client: ``client``, or this one.

    Raises `ClientMissingError` with what to do where this one has it not.
    """
    if client is not None:
        return str(client)
    if find_spec("wandb") is None:
        raise ClientMissingError(
            "the demo trains with the W&B client, which is not installed here; "
            f"install it: {sys.executable} -m pip install wandb"
        )
    return sys.executable


async def train(python: str, url: str, key: str, folder: Path, say: Callable[[str], None]) -> bytes:
    """Run the script against the server in a new ``folder``; ``say`` is given each line it prints. Return the model's bytes.

    Raises `TrainingFailedError` when it ends badly or takes more than two minutes.
    """
    variables = _variables(url, key, folder)
    process = await asyncio.create_subprocess_exec(
        python, "-c", SCRIPT, cwd=folder, env=variables, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
    )
    assert process.stdout is not None  # noqa: S101 - made with a pipe
    try:
        async with asyncio.timeout(TRAINING_SECONDS):
            while line := await process.stdout.readline():
                say(line.decode(errors="replace").rstrip())
            status = await process.wait()
    except TimeoutError:
        raise TrainingFailedError(f"the training did not end within {TRAINING_SECONDS:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if status != 0:
        raise TrainingFailedError(f"the training ended with status {status}; the lines above say why")
    return await asyncio.to_thread((folder / "model.json").read_bytes)


def _variables(url: str, key: str, folder: Path) -> dict[str, str]:
    """Return an environment in which the person's own settings of W&B are neither read nor changed."""
    places = {f"WANDB_{name}_DIR": folder / name.lower() for name in ("CACHE", "CONFIG", "DATA")}
    for place in places.values():
        place.mkdir(parents=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTA_", "WANDB_"))}
    return {
        **kept,
        **{name: str(place) for name, place in places.items()},
        "HOME": str(folder),
        "WANDB_BASE_URL": url,
        "WANDB_API_KEY": key,
        "WANDB_DIR": str(folder),
        "WANDB_ERROR_REPORTING": "false",
    }
