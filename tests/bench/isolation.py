"""What a healthy endpoint notices of one that hangs and one that fails beside it."""

from tests.bench.figures import Effort, Figure, at, medians
from tests.bench.rig import Rig, rig, scope
from tests.support.system import ok

CLIENTS = 4
PAUSE = 0.02
"""Moves come at a moderate rate, so that what is measured is waiting and not a full machine."""


async def measure(effort: Effort) -> list[Figure]:
    rounds: list[list[Figure]] = []
    async with rig(4) as made:
        await made.listen(0, 1, scope())
        broken = [*await made.listen(1, 1, scope(), "hang"), *await made.listen(2, 1, scope(), "error")]
        await _switch(made, broken, "disable")
        await _p99(made, 1.0)
        for _ in range(effort.rounds):
            alone = await _p99(made, effort.seconds / 2)
            await _switch(made, broken, "enable")
            beside = await _p99(made, effort.seconds / 2)
            await _switch(made, broken, "disable")
            rounds.append(
                [
                    Figure("healthy endpoint alone, p99", 1000 * alone, "ms"),
                    Figure("healthy beside one that hangs and one that fails, p99", 1000 * beside, "ms"),
                    Figure("healthy beside broken ones, p99 of alone", beside / alone, "×", 1.5, less=True),
                ]
            )
    return medians(rounds)


async def _p99(made: Rig, seconds: float) -> float:
    outcome = await made.load(CLIENTS, spread=4, seconds=seconds, pause=PAUSE)
    sent = {move.event_id: move.sent for move in outcome.moves}
    arrivals = await made.target.until(len(sent))
    assert len(arrivals) >= len(sent), f"{len(arrivals)} of {len(sent)} arrived"
    return at([arrival.at - sent[arrival.event_id] for arrival in arrivals], 0.99)


async def _switch(made: Rig, hooks: list[int], state: str) -> None:
    for hook in hooks:
        await ok(await made.system.client.post(f"/api/v1/webhooks/{hook}/{state}"))
