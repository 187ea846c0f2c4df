import asyncio
import os
import tempfile
from pathlib import Path

import pytest

from regista.cli.demo import demo, training
from tests.support.wandb_clients import NEWEST, fetch


@pytest.mark.timeout(180)
async def test_the_demo_shows_the_main_job_with_the_real_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    said: list[str] = []
    happened = await demo(said.append, None, fetch(NEWEST) / "bin" / "python")
    text = "\n".join(said)
    assert happened, text
    for wanted in (
        "is finished",
        "MNIST:v0",
        "byte for byte",
        "its signature is right",
        "message in #ml-ops",
        "alias.added",
        "succeeded",
    ):
        assert wanted in text
    assert await asyncio.to_thread(os.listdir, tmp_path) == []


def test_without_the_client_the_demo_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_name: str) -> None:
        return None

    monkeypatch.setattr(training, "find_spec", absent)
    with pytest.raises(training.ClientMissingError, match=r"-m pip install wandb"):
        training.interpreter(None)
