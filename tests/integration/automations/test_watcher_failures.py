"""Watchers of metrics that die, share and repeat on Kafka."""

import asyncio
import random
import signal
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from regista.automations.catalogue import Catalogue
from regista.automations.watching.watcher import Watcher
from regista_events import metrics
from tests.support.bus import PATIENCE, Lot
from tests.support.bus_kafka import fresh_topic
from tests.support.kafka import KafkaBroker
from tests.support.metrics import Logging, fired, records
from tests.support.postgres import PostgresSession
from tests.support.stage import Tenant, staged

pytestmark = pytest.mark.kafka

RUNS = 4
REQUESTS = 12

# What each automation asks, and the same said once more, of all values of a run up to one of them.
ASKED: dict[str, tuple[dict[str, Any], int, Callable[[Sequence[float]], bool]]] = {
    "settled": (
        {"test": "threshold", "window": 4, "aggregate": "average", "comparison": "<", "value": 0.28},
        4,
        lambda values: statistics.mean(values) < 0.28,
    ),
    "worse": (
        {"test": "change", "window": 2, "prior_window": 3, "aggregate": "max", "change": "absolute"}
        | {"direction": "increase", "value": 0.6},
        5,
        lambda values: max(values[3:]) - max(values[:3]) >= 0.6,
    ),
    "strange": (
        {"test": "zscore", "window": 5, "direction": "any", "value": 4},
        6,
        lambda values: abs(values[-1] - statistics.mean(values[:-1])) >= 4 * statistics.pstdev(values[:-1]),
    ),
    "never": ({"test": "threshold", "window": 1, "comparison": ">", "value": 2}, 1, lambda values: values[-1] > 2),
}


def expected(logged: dict[str, list[float]]) -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = {}
    for automation, (_, window, passes) in ASKED.items():
        for run, values in logged.items():
            windows = (values[end - window : end] for end in range(window, len(values) + 1))
            if (first := next(filter(passes, windows), None)) is not None:
                found[automation, run] = first
    return found


async def killed(*arguments: str) -> None:
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.support.watcher_child", *arguments)
    async with asyncio.timeout(PATIENCE):
        assert await child.wait() == -signal.SIGKILL


async def caught_up(tenant: Tenant, last: int) -> None:
    """Wait until every automation has seen the last batch of every run."""
    seen = "SELECT count(*) AS count FROM metric_watch WHERE last_number > $1"
    async with asyncio.timeout(PATIENCE):
        while (await tenant.rows(seen, last))[0]["count"] < RUNS * len(ASKED):
            await asyncio.sleep(0.05)


async def test_whatever_fails_each_run_fires_once_at_the_value_that_the_model_says(
    postgres: PostgresSession, tmp_path: Path, kafka: KafkaBroker
) -> None:
    chance = random.Random(11)
    logged: dict[str, list[float]] = {}
    async with staged(postgres, tmp_path) as tenant, fresh_topic(kafka, metrics.decode) as bus:
        for name, (metric, _, _) in ASKED.items():
            await tenant.automation(
                name,
                on=["run.metric_triggered"],
                trigger={"metric": {**metric, "name": "loss"}},
                actions=[{"no_op": {}}],
            )
        runs = [await Logging(tenant, f"run-{number}").begin() for number in range(RUNS)]
        for _ in range(REQUESTS):
            for run in runs:
                values = [round(chance.random(), 3) for _ in range(chance.randint(1, 5))]
                logged.setdefault(run.name, []).extend(values)
                await run.losses(*values)
        sent = await records(tenant)
        third = len(sent) // 3
        url, lot = tenant.api.runtime.database.url, Lot()

        def watcher() -> Watcher:
            return Watcher(tenant.api.runtime.database, Catalogue(), "http://test")

        await killed(url)
        assert await tenant.rows("SELECT 1 FROM metric_watch") == []
        await bus.send(sent[:third])
        await killed(url, bus.bootstrap, bus.topic)
        one = bus.join(watcher(), lot)
        bus.join(watcher(), lot)
        # Two relays that overlap for a moment: the second begins again where the first has begun.
        await bus.send(sent[third // 2 : 2 * third])
        for each in sent[2 * third : -third // 2]:
            await bus.send([each])
        leaving = asyncio.create_task(one.stop())
        for each in sent[-third // 2 :]:
            await bus.send([each])
        await leaving
        # All of it once more, and what comes behind it.
        await bus.send(sent)
        for run in runs:
            logged[run.name].append(0.5)
            await run.losses(0.5)
        rest = (await records(tenant))[len(sent) :]
        await bus.send(rest)
        await caught_up(tenant, metrics.decode(sent[-1].raw).number)
        found = [
            ((each["data"]["automation"]["name"], each["data"]["run"]["name"]), each["data"]["values"])
            for each in await fired(tenant)
        ]
        assert lot.parked == []
    wanted = expected(logged)
    assert {name for name, _ in wanted} == {"settled", "worse", "strange"}
    assert sorted(found) == sorted(wanted.items())
