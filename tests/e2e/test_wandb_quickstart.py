"""The quickstart of W&B's own pages, as it stands in the README, with each client: nothing but its address is changed."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.readme import blocks
from tests.support.system import KEY, System, ok, running_system
from tests.support.wandb_clients import CLIENTS, run_script

QUICKSTART = """\
import wandb
import random
run = wandb.init(project="models_quickstart")
run.log({"acc": random.random()})
with open("my_model.h5", "w") as f:
    f.write("Model: " + str(random.random()))
run.link_model(path="./my_model.h5", registered_model_name="MNIST")
run.finish()
"""
PORTFOLIO = "/api/v1/collections/team/model-registry/MNIST"
RUNS = "/api/v1/projects/team/models_quickstart/runs"
HAPPENED = [
    "project.created team/models_quickstart",
    "run.created team/models_quickstart/runs/{run}",
    "collection.created team/models_quickstart/{model}",
    "artifact.created team/models_quickstart/{model}:v0",
    "alias.added team/models_quickstart/{model}:v0 latest",
    "project.created team/model-registry",
    "collection.created team/model-registry/MNIST",
    "artifact.linked team/model-registry/MNIST:v0",
    "alias.added team/model-registry/MNIST:v0 latest",
    "run.state_changed team/models_quickstart/runs/{run} running finished",
]


def test_the_readme_shows_the_quickstart_as_it_is() -> None:
    assert blocks("quickstart", "python") == [QUICKSTART]


@pytest.mark.parametrize("client", CLIENTS)
async def test_the_quickstart_runs_as_it_stands(client: str, tmp_path: Path) -> None:
    async with running_system(tmp_path / "data") as system:
        before = len(await items(system, "/api/v1/events"))
        await run_script(system.url, KEY, QUICKSTART, client=client, directory=tmp_path)

        version = await ok(await system.client.get(f"{PORTFOLIO}/versions/latest"))
        assert (version["version"], version["aliases"]) == ("v0", ["latest"])

        (run,) = await items(system, RUNS)
        assert (run["state"], run["exit_code"]) == ("finished", 0)
        (line,) = await items(system, f"{RUNS}/{run['name']}/history")
        assert line["acc"] == run["summary"]["acc"]

        events = [item["event"] for item in reversed(await items(system, "/api/v1/events"))][before:]
        names = {"run": run["name"], "model": version["source"].rpartition("/")[2].removesuffix(":v0")}
        assert [told(event) for event in events] == [each.format(**names) for each in HAPPENED]
        python = f"W&B Public Client {client}"
        rows = {row["event_id"]: row for row in await items(system, "/api/v1/audit")}
        for event in events:
            row = rows[event["id"]]
            assert row["action"] == short(event)
            # The client's service process does not say its version, its Python does.
            assert (row["user_agent"], row["cli_version"]) in {("wandb-core", None), (python, python)}
            assert row["actor_name"] == "admin"

        path = f"{PORTFOLIO}/versions/v0/files/my_model.h5?redirect=true"
        stored = (await system.client.get(path, follow_redirects=True)).content
        assert stored == (tmp_path / "my_model.h5").read_bytes()


def short(event: dict[str, Any]) -> str:
    return event["type"].removeprefix("dev.regista.")


def told(event: dict[str, Any]) -> str:
    data = event["data"]
    more = {
        "alias.added": lambda: [data["alias"]],
        "run.state_changed": lambda: [data["state"]["from"], data["state"]["to"]],
    }.get(short(event), list[str])()
    return " ".join([short(event), event["subject"], *more])


async def items(system: System, path: str) -> list[dict[str, Any]]:
    found = await ok(await system.client.get(path, params={"limit": 200}))
    assert found["next_cursor"] is None
    return found["items"]
