"""One endpoint's trouble is its own: the healthy one beside it notices nothing."""

import asyncio
from pathlib import Path

from tests.support.load import Load, listen, stage
from tests.support.outcome import figures
from tests.support.receiver import Request, response
from tests.support.sink import Sink
from tests.support.system import running_system

LIMIT = 0.25
"""Seconds from the event to its arrival that 99 of 100 stay within, on machines that run tests."""
MOVES = 200


async def fail(_request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(response("500 Internal Server Error"))


async def hang(_request: Request, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def p99(url: str, sink: Sink) -> float:
    """Make some load, and return how long its events took to arrive, in seconds, but for the slowest hundredth."""
    sink.arrivals.clear()
    async with Load(url, clients=2, pause=0.02) as load:
        await load.more(MOVES)
    await sink.has(load.acknowledged)
    assert not load.refused
    assert not load.broken
    assert sink.repeats() == {}
    slowest = sorted(arrival.seconds for arrival in sink.arrivals)
    return slowest[int(len(slowest) * 0.99) - 1]


async def test_beside_an_endpoint_that_hangs_and_one_that_fails_a_healthy_one_is_as_quick_as_alone(
    tmp_path: Path,
) -> None:
    async with (
        running_system(tmp_path) as system,
        Sink() as healthy,
        Sink(answer=fail) as bad,
        Sink(answer=hang) as mute,
    ):
        await stage(system, healthy.url())
        await p99(system.url, healthy)
        alone = await p99(system.url, healthy)
        await listen(system, "bad", bad.url())
        await listen(system, "mute", mute.url(), timeout_seconds=30)
        beside = await p99(system.url, healthy)
        figures(alone_ms=alone * 1000, beside_ms=beside * 1000, failed=len(bad.arrivals), hung=len(mute.arrivals))
        assert len(mute.arrivals) == 4, "as many as a lane sends at once hang, and none was given up yet"
        assert len(bad.arrivals) >= 10, "it was tried until its circuit opened"
        assert beside < LIMIT
