"""A file of more than 2 GiB through the real client, which uploads it in parts and downloads it in ranges.

The client's bound is a constant of its core. With parts of some bytes, the same path is tried by
``tests/integration/wandb/test_multipart.py``.
"""

from pathlib import Path

import pytest

from tests.support.system import KEY, ok, running_system
from tests.support.wandb_clients import NEWEST, run_script

SIZE = 2 * 2**30 + 12345
SCRIPT = f"""
import os, wandb
with open("big.bin", "wb") as file:
    for place in range(0, {SIZE}, 1 << 28):
        file.seek(place)
        file.write(str(place).encode())
    file.truncate({SIZE})
with wandb.init(project="large") as run:
    artifact = wandb.Artifact("large", "dataset")
    artifact.add_file("big.bin", policy="immutable", skip_cache=True)
    run.log_artifact(artifact).wait()
    assert artifact.version == "v0" and artifact.size == {SIZE}
os.unlink("big.bin")
read = wandb.Api().artifact("large/large:v0")
place = read.download("whole", skip_cache=True)
read.verify(place)
"""
MEMORY = 200 * 2**20
"""Bytes by which the server may grow: parts and their join pass through, whatever their size."""


@pytest.mark.soak
async def test_a_file_of_more_than_2_gib_is_uploaded_in_parts_and_downloaded_in_bounded_memory(tmp_path: Path) -> None:
    async with running_system(tmp_path / "system") as system:
        before = system.memory()
        await run_script(system.url, KEY, SCRIPT, client=NEWEST, directory=tmp_path, timeout=900)
        assert system.memory() - before < MEMORY
        version = await ok(await system.client.get("/api/v1/collections/team/large/large/versions/v0"))
        assert version["size"] == SIZE
        staged = list((tmp_path / "system/blobs/staged").rglob("*"))
        assert [path for path in staged if path.is_file()] == []
