"""How long after a change is asked for the webhook arrives, one change at a time."""

from typing import NamedTuple

from tests.bench.broker import broker
from tests.bench.figures import Effort, Figure, milliseconds
from tests.bench.rig import Rig, rig, scope

ENDPOINTS = (1, 10, 100)
PAUSE = {1: 0.02, 10: 0.02, 100: 0.06}
"""Seconds between an answer and the next change: every delivery of the one before has arrived."""


class Aim(NamedTuple):
    """The most that will do with one endpoint, in ms."""

    p50: float
    p99: float


async def measure(effort: Effort) -> list[Figure]:
    async with rig(len(ENDPOINTS)) as made:
        figures = await _arrivals(made, effort, "local bus", Aim(3.5, 8))
    async with broker() as bootstrap, rig(len(ENDPOINTS), KAFKA_BOOTSTRAP_SERVERS=bootstrap) as made:
        figures += await _arrivals(made, effort, "Kafka", Aim(9, 20))
    return figures


async def _arrivals(made: Rig, effort: Effort, bus: str, aim: Aim) -> list[Figure]:
    figures: list[Figure] = []
    for number, endpoints in enumerate(ENDPOINTS):
        await made.listen(1000 * number, endpoints, scope(number))
        await _changes(made, number, endpoints, 20)
        seconds = await _changes(made, number, endpoints, effort.moves)
        name = f"change → receiver, {endpoints} endpoint{'s' * (endpoints > 1)}, {bus}"
        figures += milliseconds(name, seconds, *(aim if endpoints == 1 else ()))
    return figures


async def _changes(made: Rig, number: int, endpoints: int, moves: int) -> list[float]:
    outcome = await made.load(1, spread=1, first=number, moves=moves, pause=PAUSE[endpoints])
    sent = {move.event_id: move.sent for move in outcome.moves}
    arrivals = await made.target.until(moves * endpoints)
    assert len(arrivals) == moves * endpoints, f"{len(arrivals)} of {moves * endpoints} arrived"
    return [arrival.at - sent[arrival.event_id] for arrival in arrivals]
