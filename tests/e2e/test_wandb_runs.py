"""Runs through the unmodified clients: what they log arrives, what the public API reads and changes is what was logged."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from tests.support.system import KEY, System, ok, running_system
from tests.support.wandb_clients import CLIENTS, NEWEST, run_script

RUNS = "/api/v1/projects/team/train/runs"

LOG = """
import time
import numpy as np
import wandb

with wandb.init(
    project="train", id=RUN, name="first", config={"lr": 0.1, "model": {"depth": 3}}, tags=["t1", "t2"],
    notes="some notes", group="g1", job_type="fit", settings=wandb.Settings(x_stats_sampling_interval=0.1),
) as run:
    run.define_metric("val/*", step_metric="epoch")
    for step in range(100):
        run.log({"loss": 1 / (step + 1), "acc": step / 100, "nan": float("nan")})
    run.log({
        "val/loss": 0.5, "epoch": 11, "nested": {"a": {"b": 7}},
        "image": wandb.Image(np.zeros((8, 8, 3), dtype=np.uint8)),
        "histogram": wandb.Histogram([1, 2, 3]),
        "table": wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]]),
    })
    print("hello from the program")
    for part in range(0, 101, 10):
        print(f"\\rprogress {part} %", end="", flush=True)
        time.sleep(0.1)
    print()
    run.summary["best"] = 0.99
    with open("weights.txt", "w") as file:
        file.write("w" * 100_000)
    run.save("weights.txt")
    run.alert("High loss", "it rises", level="WARN", wait_duration=300)
    run.alert("High loss", "it still rises")
    run.alert("Other", "text")
"""

READ = """
import os
import wandb

def fresh():
    return wandb.Api().run(f"team/train/{RUN}")

run = fresh()
assert (run.id, run.name, run.state, run.notes, run.group, run.job_type) == (RUN, "first", "finished", "some notes", "g1", "fit")
assert run.config == {"lr": 0.1, "model": {"depth": 3}} and run.tags == ["t1", "t2"] and run.user.username == "admin"
assert "m" in run.rawconfig["_wandb"] and run.metadata["program"].endswith("script.py")
summary = run.summary
assert (summary["best"], summary["acc"], summary["epoch"], summary["nested"]["a"]["b"]) == (0.99, 0.99, 11, 7)
assert summary["image"]["_type"] == "image-file" and summary["histogram"]["_type"] == "histogram"

assert run.lastHistoryStep == 100
assert len(run.history(samples=10)) == 10 and len(run.history(samples=1000)) == 101
rows = run.history(keys=["loss", "acc"], samples=7, pandas=False)
assert [row["_step"] for row in rows] == [0, 16, 33, 49, 66, 82, 99] and rows[-1] == {"_step": 99, "loss": 0.01, "acc": 0.99}
assert list(run.history(keys=["nested.a.b"], pandas=False)) == [{"_step": 100, "nested.a.b": 7}]
scanned = list(run.scan_history(page_size=30))
assert [row["_step"] for row in scanned] == list(range(101)) and scanned[10]["acc"] == 0.1
assert len(list(run.scan_history(keys=["loss"], page_size=30))) == 100
assert [row["acc"] for row in run.scan_history(keys=["acc"], min_step=10, max_step=13)] == [0.1, 0.11, 0.12]
assert [(row["val/loss"], row["epoch"]) for row in run.scan_history(keys=["val/loss", "epoch"])] == [(0.5, 11)]

machine = run.history(stream="system", pandas=False)
assert machine and all(any(key.startswith("system.") for key in row) for row in machine)
assert any(key.startswith("system.") for key in run.system_metrics)

names = {file.name: file for file in run.files(per_page=3)}
for name in ("weights.txt", "config.yaml", "wandb-metadata.json", "requirements.txt", "wandb-summary.json", "output.log"):
    assert name in names, names
assert any(name.startswith("media/images/image_100_") for name in names)
assert any(name.startswith("media/table/table_100_") for name in names)
assert len(run.files()) == len(names) and [each.name for each in run.files(pattern="%.yaml")] == ["config.yaml"]
assert names["weights.txt"].size == 100_000 and names["weights.txt"].mimetype == "text/plain"
assert run.file("weights.txt").download(root="downloaded", replace=True).read() == "w" * 100_000
assert "hello from the program" in run.file("output.log").download(root="downloaded", replace=True).read()
if hasattr(run, "console_logs"):
    lines = list(run.console_logs(per_page=2))
    said = [line.content for line in lines]
    assert "hello from the program" in said and lines[0].timestamp is not None
    assert [line for line in said if line.startswith("progress")] == ["progress 100 %"], said
    assert list(run.console_logs(last=1)) == lines[-1:]

run.config["new"] = [1, 2]
run.tags.append("t3")
run.notes, run.name = "other notes", "renamed"
run.update()
run.summary["extra"] = {"a": 1}
run.summary.update()
run = fresh()
assert (run.config["new"], run.tags, run.notes, run.name, run.state) == ([1, 2], ["t1", "t2", "t3"], "other notes", "renamed", "finished")
assert run.summary["extra"]["a"] == 1 and run.summary["best"] == 0.99
os.makedirs("up/inner", exist_ok=True)
with open("up/inner/a file ü.txt", "w") as file:
    file.write("uploaded")
run.upload_file("up/inner/a file ü.txt", root="up")
sent = run.file("inner/a file ü.txt")
assert (sent.size, sent.download(root="downloaded", replace=True).read()) == (8, "uploaded")
sent.delete()
assert "inner/a file ü.txt" not in [each.name for each in run.files()]

api = wandb.Api()
def found(filters, **options):
    return [each.id for each in api.runs("team/train", filters={"$and": [filters, {"name": RUN}]}, **options)]
for filters in (
    {"config.lr": 0.1}, {"config.lr.value": {"$gt": 0.05}}, {"config.model.depth": 3}, {"summary_metrics.best": {"$gte": 0.99}},
    {"state": "finished"}, {"display_name": "renamed"}, {"displayName": {"$regex": "^ren"}}, {"tags": "t1"},
    {"tags": {"$in": ["t3", "t9"]}}, {"group": "g1"}, {"jobType": "fit"}, {"username": "admin"}, {"createdAt": {"$gt": "2020-01-01"}},
    {"$or": [{"state": "failed"}, {"config.lr": {"$lt": 1}}]}, {"$not": {"state": "running"}}, {"summary_metrics.nothing": {"$exists": False}},
):
    assert found(filters) == [RUN], filters
for filters in ({"state": "running"}, {"tags": {"$nin": ["t1"]}}, {"config.lr": "0.1"}, {"summary_metrics.best": {"$gt": 1}}):
    assert found(filters) == [], filters
assert "train" in [project.name for project in api.projects("team")] and api.project("train", "team").name == "train"

def fails(text, do):
    try:
        do()
    except Exception as error:
        assert text in str(error), str(error)
    else:
        raise AssertionError(f"nothing was raised, not {text!r}")
fails("Could not find run", lambda: api.run("team/train/there-is-none"))
fails("there is no field 'bogus'", lambda: list(api.runs("team/train", filters={"bogus": 1})))
fails("Could not find project", lambda: list(api.runs("team/there-is-none")))
"""

PAGES = """
import wandb
for number in range(7):
    with wandb.init(project="pages", id=f"r{number}", config={"n": number % 3}, settings=wandb.Settings(x_disable_stats=True)) as run:
        run.log({"loss": 10 - number})
        if number == 3:
            run.log_artifact(wandb.Artifact("kept", "dataset", metadata={"n": 3})).wait()
runs = wandb.Api().runs("team/pages", order="-summary_metrics.loss", per_page=2)
assert len(runs) == 7 and [run.id for run in runs] == [f"r{number}" for number in range(7)]
assert [run.id for run in wandb.Api().runs("team/pages", order="-config.n.value", per_page=3)] == ["r5", "r2", "r4", "r1", "r6", "r3", "r0"]
assert [run.id for run in wandb.Api().runs("team/pages", per_page=4)] == [f"r{number}" for number in range(7)]
assert len(wandb.Api().runs("team/pages", filters={"config.n": 0}, per_page=1)) == 3
run = wandb.Api().run("team/pages/r3")
assert [artifact.name for artifact in run.logged_artifacts()] == ["kept:v0"]
run.delete(delete_artifacts=True)
assert len(wandb.Api().runs("team/pages")) == 6 and not wandb.Api().artifact_exists("team/pages/kept:v0")
"""

RESUME = """
import wandb

def quiet():
    return wandb.Settings(x_disable_stats=True)

def check(steps, config):
    run = wandb.Api().run(f"team/train/{RUN}")
    rows = list(run.scan_history())
    assert (run.state, [row["_step"] for row in rows], run.config) == ("finished", steps, config), (run.state, rows, run.config)

with wandb.init(project="train", id=RUN, config={"a": 1}, resume="never", settings=quiet()) as run:
    for step in range(5):
        run.log({"x": step})
    print("line one")
check([0, 1, 2, 3, 4], {"a": 1})
for mode in ("must", "allow"):
    with wandb.init(project="train", id=RUN, resume=mode, config={"b": mode}, settings=quiet()) as run:
        assert run.resumed and run.summary["x"] in (4, 12)
        for step in range(3):
            run.log({"x": 10 + step})
        print("line", mode)
check(list(range(11)), {"a": 1, "b": "allow"})
# The same id without `resume` is another session of the run: nothing of either is lost.
with wandb.init(project="train", id=RUN, config={"c": 1}, settings=quiet()) as run:
    run.log({"x": 100})
    print("another session")
check([0, 0, *range(1, 11)], {"c": 1})
with wandb.init(project="train", resume_from=f"{RUN}?_step=3", settings=quiet()) as run:
    run.log({"x": 77})
check([0, 1, 2, 3, 4], {"c": 1})
"""
REFUSED = """
import wandb
for run, mode, text in ((RUN, "never", "resum"), ("was-never-there", "must", "resum")):
    try:
        wandb.init(project="train", id=run, resume=mode)
    except wandb.errors.UsageError as error:
        assert text in str(error)
    else:
        raise AssertionError(f"{mode} was taken")
"""
STOPPED = """
import os, signal, time
import requests
import wandb

# The client stops its program by a KeyboardInterrupt, which a program does not get where whoever started it ignores it.
signal.signal(signal.SIGINT, signal.default_int_handler)
run = wandb.init(project="train", id=RUN, settings=wandb.Settings(x_disable_stats=True, x_file_stream_transmit_interval=1))
run.log({"a": 1})
run.mark_preempting()
until = time.monotonic() + 10
while (state := wandb.Api().run(run.path).state) != "preempting":
    assert time.monotonic() < until, state
    time.sleep(0.2)
stored = wandb.Api().run(run.path)
if hasattr(stored, "stop"):
    stored.stop()
else:
    query = "mutation StopRun($id: ID!) { stopRun(input: {id: $id}) { success } }"
    body = {"query": query, "variables": {"id": stored.storage_id}}
    url, key = os.environ["WANDB_BASE_URL"], os.environ["WANDB_API_KEY"]
    assert requests.post(f"{url}/graphql", auth=("api", key), json=body).json()["data"]["stopRun"]["success"]
try:
    for _ in range(400):
        run.log({"a": 1})
        time.sleep(0.1)
except KeyboardInterrupt:
    print("was interrupted")
    run.finish(exit_code=1)
"""
FAILED = """
import wandb
run = wandb.init(project="train", id=RUN, settings=wandb.Settings(x_disable_stats=True))
run.log({"a": 1})
run.finish(exit_code=3)
"""
OFFLINE = """
import glob, os, subprocess, sys
import wandb

with wandb.init(project="train", id=RUN, mode="offline", config={"o": 1}, settings=wandb.Settings(x_disable_stats=True)) as run:
    for step in range(3000):
        run.log({"x": step, "y": 2 * step})
(directory,) = glob.glob(os.environ["WANDB_DIR"] + "/wandb/offline-run-*")
for _ in range(2):
    # A run that is synced once more, as after a failure halfway, has every line once.
    subprocess.run([sys.executable, "-m", "wandb", "sync", "--include-synced", directory], check=True)
run = wandb.Api().run(f"team/train/{RUN}")
assert [row["x"] for row in run.scan_history()] == list(range(3000)) and run.config == {"o": 1} and run.state == "finished"
"""
SHARED = """
import subprocess, sys
import wandb

WRITER = '''
import sys
import wandb
name, first = sys.argv[2], sys.argv[2] == "a"
settings = wandb.Settings(mode="shared", x_label=name, x_primary=first, x_update_finish_state=first, x_disable_stats=True)
with wandb.init(project="train", id=sys.argv[1], config={name: 1}, settings=settings) as run:
    for step in range(20):
        run.log({name: step})
    if first:
        print("begun", flush=True)
        sys.stdin.readline()
'''

def start(name):
    return subprocess.Popen([sys.executable, "-c", WRITER, RUN, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

first = start("a")
assert first.stdout.readline() == "begun\\n"
others = [start(name) for name in "bc"]
assert [other.wait() for other in others] == [0, 0]
first.communicate("\\n")
assert first.returncode == 0
run = wandb.Api().run(f"team/train/{RUN}")
assert (run.state, run.config) == ("finished", {"a": 1, "b": 1, "c": 1}), (run.state, run.config)
for name in "abc":
    assert sorted(row[name] for row in run.scan_history(keys=[name])) == list(range(20))
"""


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[System]:
    async with running_system(tmp_path_factory.mktemp("runs")) as system:
        yield system


async def run(system: System, source: str, client: str, directory: Path, name: str = "") -> str:
    source = f"RUN = {name!r}\n{source}" if name else source
    return await run_script(system.url, KEY, source, client=client, directory=directory)


async def events(system: System, name: str) -> list[dict[str, Any]]:
    """Return the events of a run, oldest first."""
    query = {"limit": "1000", "entity": "team"}
    found = (await ok(await system.client.get("/api/v1/events", params=query)))["items"]
    return [one["event"] for one in reversed(found) if one["subject"] == f"team/train/runs/{name}"]


def told(event: dict[str, Any]) -> str:
    words = [event["type"].removeprefix("dev.regista.")]
    if "state" in event["data"]:
        words += [event["data"]["state"]["from"], event["data"]["state"]["to"]]
    return " ".join([*words, *([event["data"]["title"]] if "title" in event["data"] else [])])


def named(client: str, what: str) -> str:
    return f"{what}-{client.replace('.', '')}"


@pytest.mark.parametrize("client", CLIENTS)
async def test_what_a_run_logs_is_what_the_public_api_reads(client: str, system: System, tmp_path: Path) -> None:
    name = named(client, "logged")
    said = await run(system, LOG, client, tmp_path, name)
    assert "ERROR" not in said
    assert "retrying" not in said
    await run(system, READ, client, tmp_path, name)
    happened = await events(system, name)
    assert [told(event) for event in happened] == [
        "run.created",
        "run.alerted High loss",
        "run.alerted Other",
        "run.state_changed running finished",
    ]
    assert happened[1]["data"]["severity"] == "warn"
    assert happened[-1]["data"]["summary"]["best"] == 0.99
    shown = await ok(await system.client.get(f"{RUNS}/{name}/history", params={"keys": "loss", "samples": 3}))
    assert [row["loss"] for row in shown["items"]] == [1, 1 / 50, 1 / 100]


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_run_is_taken_up_again_as_its_client_asks(client: str, system: System, tmp_path: Path) -> None:
    name = named(client, "resumed")
    await run(system, RESUME, client, tmp_path, name)
    await run(system, REFUSED, client, tmp_path, name)
    happened = [told(event) for event in await events(system, name)]
    assert happened == [
        "run.created",
        *["run.state_changed running finished", "run.state_changed finished running"] * 4,
        "run.state_changed running finished",
    ]


async def test_runs_end_as_their_programs_do(system: System, tmp_path: Path) -> None:
    ends = {STOPPED: ("killed", 1), FAILED: ("failed", 3), OFFLINE: ("finished", 0)}
    expected = {named(client, f"end{place}"): end for client in CLIENTS for place, end in enumerate(ends.values())}
    # Side by side: the clients ask every 15 s whether they are to stop.
    said = await asyncio.gather(
        *(
            run(system, source, client, tmp_path, named(client, f"end{place}"))
            for client in CLIENTS
            for place, source in enumerate(ends)
        )
    )
    assert ["was interrupted" in each for each in said] == [True, False, False] * len(CLIENTS)
    found: dict[str, tuple[str, int]] = {}
    for name in expected:
        shown = await ok(await system.client.get(f"{RUNS}/{name}"))
        found[name] = (shown["state"], shown["exit_code"])
    assert found == expected


async def test_runs_are_listed_in_any_order_page_by_page(system: System, tmp_path: Path) -> None:
    await run(system, PAGES, NEWEST, tmp_path)


async def test_programs_that_share_a_run_do_not_write_over_one_another(system: System, tmp_path: Path) -> None:
    await run(system, SHARED, NEWEST, tmp_path, "shared")
