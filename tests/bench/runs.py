"""What runs cost: the CPU that the server spends on one that logs, and how soon a chart of its history can be drawn."""

import json
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.bench import usage
from tests.bench.figures import FULL, Effort, Figure
from tests.support.system import KEY, System, ok, running_system
from tests.support.wandb_clients import NEWEST, fetch, run_script

POINTS = 10_000
METRICS = 10
CHARTED = 100
"""Metrics of the run that is read: 10,000 points of each make a million."""
SAMPLES = 500
LINES = 1_000
"""Lines in one request of a client that has much to say."""

_LOGGING = """
import time, wandb
run = wandb.init(project="bench", settings=wandb.Settings(x_disable_stats=True, console="off"))
began = time.monotonic()
for step in range({points}):
    run.log({{f"metric_{{number}}": step * number / 7 for number in range({metrics})}})
logged = time.monotonic()
run.finish()
print("logged", run.id, logged - began, time.monotonic() - began)
"""
_SAMPLED = """
query RunSampledHistory($project: String!, $entity: String!, $name: String!, $specs: [JSONString!]!) {
  project(name: $project, entityName: $entity) { run(name: $name) { sampledHistory(specs: $specs) } }
}
"""
_COUNT = """
query Count($project: String!, $entity: String!, $name: String!) {
  project(name: $project, entityName: $entity) { run(name: $name) { historyLineCount } }
}
"""
_CREATE = """
mutation UpsertBucket($project: String, $entity: String, $name: String!) {
  upsertBucket(input: {modelName: $project, entityName: $entity, name: $name}) { bucket { id } }
}
"""


async def measure(effort: Effort) -> list[Figure]:
    async with _system() as system:
        return [*await _logged(system, effort), *await _charted(system, effort)]


async def _logged(system: System, effort: Effort) -> list[Figure]:
    """Let one real client log as fast as it can."""
    points = POINTS if effort == FULL else POINTS // 10
    fetch(NEWEST)
    with tempfile.TemporaryDirectory() as directory:
        warming = _LOGGING.format(points=1, metrics=1)
        await run_script(system.url, KEY, warming, client=NEWEST, directory=Path(directory))
        before = usage.cpu(system)
        source = _LOGGING.format(points=points, metrics=METRICS)
        said = await run_script(system.url, KEY, source, client=NEWEST, directory=Path(directory))
    used = usage.since(system, before)
    name, *seconds = next(line for line in said.splitlines() if line.startswith("logged ")).split()[1:]
    log, whole = map(float, seconds)
    found = await _graphql(system, _COUNT, {"project": "bench", "entity": "team", "name": name})
    assert found["project"]["run"]["historyLineCount"] == points, found
    name = f"run.log, {points:,} points of {METRICS} metrics"
    return [
        Figure(f"{name}, server CPU", sum(used.values()), "s", 2.0 * points / POINTS, less=True),
        *(Figure(f"{name}, CPU of {role}", seconds, "s") for role, seconds in used.items()),
        Figure(f"{name}, the client's loop", log, "s"),
        Figure(f"{name}, with finish", whole, "s"),
    ]


async def _charted(system: System, effort: Effort) -> list[Figure]:
    """Write a long history as a client sends it, and read samples of it."""
    lines = POINTS if effort == FULL else POINTS // 10
    await _graphql(system, _CREATE, {"project": "bench", "entity": "team", "name": "charted"})
    path = "/files/team/bench/charted/file_stream"
    began = time.monotonic()
    for first in range(0, lines, LINES):
        content = [_line(number) for number in range(first, min(first + LINES, lines))]
        body = {"files": {"wandb-history.jsonl": {"offset": first, "content": content}}}
        await ok(await system.client.post(path, json=body))
    written = time.monotonic() - began
    every = [f"metric_{number}" for number in range(CHARTED)]
    one = await _read(system, [[every[7]]], effort)
    together = await _read(system, [every], effort)
    apart = await _read(system, [[key] for key in every], effort)
    name = f"{lines * CHARTED / 1e6:g} M points over {CHARTED} metrics"
    return [
        Figure(f"{name}, written", written, "s"),
        Figure(f"{name}, a chart of one metric, p50", one, "ms", 200, less=True),
        Figure(f"{name}, a chart of all metrics on one axis, p50", together, "ms", 200, less=True),
        Figure(f"{name}, a chart of all metrics, each sampled by itself, p50", apart, "ms"),
    ]


async def _read(system: System, charts: Sequence[Sequence[str]], effort: Effort) -> float:
    """Return the milliseconds in which sampled reads of these sets of keys are answered, the median."""
    specs = [json.dumps({"keys": ["_step", *keys], "samples": SAMPLES}) for keys in charts]
    variables = {"project": "bench", "entity": "team", "name": "charted", "specs": specs}
    took: list[float] = []
    for _ in range(10 * effort.rounds):
        began = time.monotonic()
        data = await _graphql(system, _SAMPLED, variables)
        took.append(time.monotonic() - began)
        found = data["project"]["run"]["sampledHistory"]
        assert [len(rows) for rows in found] == [SAMPLES] * len(charts), [len(rows) for rows in found]
    return 1000 * statistics.median(took)


def _line(number: int) -> str:
    values: dict[str, Any] = {f"metric_{metric}": number * metric / 7 for metric in range(CHARTED)}
    return json.dumps({**values, "_step": number, "_timestamp": 1_700_000_000 + number, "_runtime": number})


async def _graphql(system: System, query: str, variables: dict[str, Any]) -> Any:
    answer = await ok(await system.client.post("/graphql", json={"query": query, "variables": variables}))
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


@asynccontextmanager
async def _system() -> AsyncGenerator[System]:
    # Short, because a socket's path is.
    with tempfile.TemporaryDirectory(prefix="rgb-") as directory:
        async with running_system(Path(directory), settings={"LOG_LEVEL": "error"}) as system:
            yield system
