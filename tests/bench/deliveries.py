"""Deliveries a second with 100 endpoints on each event, beside loops that only send, in turns on the same machine."""

from tests.bench import usage
from tests.bench.figures import Effort, Figure, medians
from tests.bench.rig import Rig, rig, scope, told

ENDPOINTS = 100
RATE = 9000.0
SHARE = 0.6
"""Of what a loop reaches that keeps no ledger, signs nothing and sends with the same client library."""


async def measure(effort: Effort) -> list[Figure]:
    rounds: list[list[Figure]] = []
    async with rig(4) as made:
        await made.listen(0, ENDPOINTS, scope())
        await _deliver(made, 20)
        for _ in range(effort.rounds):
            ours = await _deliver(made, effort.moves)
            aiohttp = await _bare(made, "aiohttp", effort)
            httpx = await _bare(made, "httpx", effort)
            ratio = Figure("deliveries/s of the bare aiohttp loop's", ours[0].value / aiohttp[0].value, "", SHARE)
            rounds.append([*ours, *aiohttp, *httpx, ratio])
    return medians(rounds)


async def _deliver(made: Rig, moves: int) -> list[Figure]:
    before = usage.cpu(made.system)
    outcome = await made.load(4, spread=4, moves=moves)
    number = len(outcome.moves) * ENDPOINTS
    arrivals = await made.target.until(number)
    used = usage.since(made.system, before)
    assert len(arrivals) >= number, f"{len(arrivals)} of {number} arrived"
    seconds = max(arrival.at for arrival in arrivals) - min(move.sent for move in outcome.moves)
    name = f"deliveries, {ENDPOINTS} endpoints"
    return [
        Figure(name, number / seconds, "per s", RATE),
        Figure(f"{name}, CPU of engine", 1000 * used["engine"] / number, "ms each", 0.10, less=True),
        Figure(f"{name}, CPU of postgres", 1000 * used["postgres"] / number, "ms each"),
    ]


async def _bare(made: Rig, client: str, effort: Effort) -> list[Figure]:
    number, seconds, cpu = await told(
        "tests.bench.bare", client, f"{made.target.url}/fast/bare", str(effort.seconds / 2)
    )
    await made.target.take()
    return [
        Figure(f"bare {client} loop", number / seconds, "per s"),
        Figure(f"bare {client} loop, CPU", 1000 * cpu / number, "ms each"),
    ]
