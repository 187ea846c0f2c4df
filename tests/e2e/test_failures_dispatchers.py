"""Three processes share the lanes; one is killed, and the other two go on with its lanes, in order."""

import asyncio
import signal
from itertools import pairwise
from pathlib import Path

import pytest

from regista.kit import clock
from tests.support.distributed import SECRET, distributed
from tests.support.load import Load, listen, stage
from tests.support.outcome import assert_were_in_flight, assert_whole, becomes, figures, rows
from tests.support.postgres import PostgresSession
from tests.support.sink import Sink

GOES_ON_SECONDS = 8.0
"""Promised are five; machines that run tests are shared."""
OWNERS = "SELECT owner FROM lane JOIN lane_shard ON lane_shard.id = lane.shard ORDER BY lane.id"
LIVING = "SELECT count(DISTINCT owner) FROM lane_shard"
LEDGER = "SELECT id::text, position FROM delivery"


def turns_back(order: list[int]) -> int:
    """Return how often the next one is not a later one."""
    return sum(after <= before for before, after in pairwise(order))


@pytest.mark.kafka
async def test_lanes_of_a_killed_dispatcher_go_on_elsewhere_within_seconds_and_in_order(
    postgres: PostgresSession, tmp_path: Path
) -> None:
    async with distributed(postgres, tmp_path, "api", "relay", "audit") as installation, Sink() as sink, Sink() as fifo:
        url = installation.database_url
        # Shares are given up from the top: whoever came first keeps the lowest shards, where the first lanes are.
        victim = await installation.serve("webhooks")
        await becomes(url, LIVING, 1)
        await asyncio.gather(installation.serve("webhooks"), installation.serve("webhooks"))
        await becomes(url, LIVING, 3)
        await stage(installation, sink.url(), 8)
        await listen(installation, "fifo", fifo.url(), concurrency=1)
        owners = [row["owner"] for row in await rows(url, OWNERS)]
        assert len(set(owners)) == 1
        async with Load(installation.url, clients=8, collections=8, pause=0.05) as load:
            await load.more(100)
            struck = clock.now()
            await victim.end(signal.SIGKILL)
            gaps = [await each.goes_on(struck) for each in (sink, fifo)]
            await load.more(50)
        heirs = [row["owner"] for row in await rows(url, OWNERS)]
        assert owners[0] not in heirs, "the one that was killed did not own them"
        for each in (sink, fifo):
            moves = await assert_whole(url, SECRET, load, each)
            assert_were_in_flight(each.repeats(), struck)
        # What the killed one was to plan waits until Kafka, too, has given up on it.
        slowest = max(each.seconds for each in sink.arrivals)
        figures(moves=len(moves), gap=gaps[0], fifo_gap=gaps[1], repeats=len(sink.repeats()), slowest=slowest)
        places = {row["id"]: row["position"] for row in await rows(url, LEDGER)}
        order = [places[each.webhook_id] for each in fifo.arrivals]
        assert turns_back(list(dict.fromkeys(order))) == 0
        assert turns_back(order) <= 1, "the heir began where nothing was recorded, and went on from there"
        assert max(gaps) < GOES_ON_SECONDS
