"""The client's own commands for whoever installs a server: ``wandb login`` and ``wandb verify``."""

import re
from pathlib import Path

import pytest

from tests.support.system import ok, running_system
from tests.support.wandb_clients import CLIENTS, run_script

COMMAND = """
import os, subprocess, sys
command = [os.path.join(os.path.dirname(sys.executable), "wandb"), *{arguments}]
done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
print(done.stdout, "ended with", done.returncode)
"""
REFUSED = {
    "Checking requests to base url": "the test's server speaks plain HTTP",
    "Checking requests made over signed URLs": "the test's server speaks plain HTTP",
    "Checking CORs configuration of the bucket": "no page of another origin has to read what is stored",
    "Checking sweep creation and agent execution": "sweeps: Regista runs none",
}


@pytest.mark.timeout(240)
async def test_a_key_that_the_server_makes_logs_in_and_the_clients_check_finds_all_but_what_there_is_not(
    tmp_path: Path,
) -> None:
    async with running_system(tmp_path / "data") as system:
        made = await ok(await system.client.post("/api/v1/api-keys", json={"user": "admin", "name": "laptop"}))
        for client in CLIENTS:
            login = COMMAND.format(arguments=["login", "--relogin", "--host", system.url, made["key"]])
            said = await run_script(system.url, made["key"], login, client=client, directory=tmp_path)
            assert "ended with 0" in said
            verify = COMMAND.format(arguments=["verify", "--host", system.url])
            said = await run_script(system.url, made["key"], verify, client=client, directory=tmp_path)
            marks = dict(re.findall(r"^(Checking [^.\n]+?)\.+\s*([✅❌])", said, re.MULTILINE))
            assert {name for name, mark in marks.items() if mark == "❌"} == REFUSED.keys(), said
            assert len(marks) == 10
            assert "Regista does not support the operation UpsertSweep" in said
