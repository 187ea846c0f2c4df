"""What a killed engine costs at full load: how long nothing arrives, what never does, and what does twice."""

import asyncio
import time
from collections import Counter

from tests.bench.figures import Effort, Figure
from tests.bench.rig import rig, scope

STRAY = 0.1
"""Seconds after the kill in which what had left before may still arrive."""
LOAD = 15.0
"""Seconds of load at least: the kill, and the work going on after it, lie within."""


async def measure(effort: Effort) -> list[Figure]:
    async with rig() as made:
        await made.listen(0, 1, scope())
        loading = asyncio.create_task(made.load(32, seconds=max(LOAD, 2 * effort.seconds)))
        await asyncio.sleep(4.0)
        killed = time.monotonic()
        made.system.kill_role("engine")
        outcome = await loading
        arrivals = await made.target.until(len(outcome.moves))
        wanted = {move.event_id for move in outcome.moves}
        lost = wanted - {arrival.event_id for arrival in arrivals}
        if lost:
            arrivals += await made.target.until(len(lost))
            lost = wanted - {arrival.event_id for arrival in arrivals}
    after = [arrival.at for arrival in arrivals if arrival.at > killed + STRAY]
    times = Counter(arrival.webhook_id for arrival in arrivals)
    return [
        Figure("kill -9 of the engine at full load: work goes on after", min(after) - killed, "s", 5, less=True),
        Figure("kill -9, lost", len(lost), f"of {len(wanted):,}", 0, less=True),
        Figure("kill -9, arrived twice, under the same id", sum(times.values()) - len(times), "requests"),
        Figure("kill -9, backlog gone after the last answer", max(after) - outcome.moves[-1].answered, "s"),
    ]
