"""How fast aliases move while every move is delivered, what that costs each process, and how much memory is used then."""

from tests.bench import usage
from tests.bench.figures import Effort, Figure, milliseconds
from tests.bench.rig import Rig, rig, scope

RATES = {1: 700.0, 8: None, 32: 1400.0}
"""Clients, and the least moves a second that will do."""
BACKLOG_SECONDS = 1.0
"""Delivered as they come: so long after the last answer, at the most, the last one has arrived."""


async def measure(effort: Effort) -> list[Figure]:
    """Each client has an alias of its own; clients are spread over 32 collections, and at last all on one."""
    figures: list[Figure] = []
    async with rig() as made:
        await made.listen(0, 1, scope())
        await made.load(8, moves=500)
        await made.target.until(500)
        for clients, aim in RATES.items():
            figures += await _moves(made, effort, clients, 32, aim)
        figures.append(Figure("memory of all processes, loaded", usage.memory(made.system), "MiB", 300, less=True))
        figures += await _moves(made, effort, 32, 1, None)
    return figures


async def _moves(made: Rig, effort: Effort, clients: int, spread: int, aim: float | None) -> list[Figure]:
    name = f"moves, {clients} client{'s' * (clients > 1)}" + (", one collection" if spread < clients else "")
    before = usage.cpu(made.system)
    outcome = await made.load(clients, spread=spread, seconds=effort.seconds)
    moves = outcome.moves
    arrivals = await made.target.until(len(moves))
    used = usage.since(made.system, before)
    begun, ended = min(move.sent for move in moves), max(move.answered for move in moves)
    arrived = {arrival.event_id: arrival.at for arrival in arrivals}
    missing = sum(move.event_id not in arrived for move in moves)
    return [
        Figure(name, len(moves) / (ended - begun), "moves/s", aim),
        *milliseconds(f"{name}, answer", [move.answered - move.sent for move in moves], 1.5 if clients == 1 else None),
        Figure(f"{name}, not delivered", missing, "moves", 0, less=True),
        Figure(
            f"{name}, last arrival after last answer", max(arrived.values()) - ended, "s", BACKLOG_SECONDS, less=True
        ),
        *(Figure(f"{name}, CPU of {role}", 1000 * used[role] / len(moves), "ms/move", *_aim(role)) for role in used),
        Figure(f"{name}, CPU of the generator", 1000 * outcome.cpu / len(moves), "ms/move"),
    ]


def _aim(role: str) -> tuple[float | None, bool]:
    return (0.45, True) if role == "api" else (None, True)
