"""A passage of the log, read forwards in short transactions by whoever judges the past: replays, simulations."""

from collections.abc import Sequence
from typing import NamedTuple

from regista.events import repository
from regista.events.filters import EventFilter
from regista.events.selection import Selection, Stretch
from regista.kit.db import Transaction
from regista_events import RegistryEvent, UnknownEvent, codec

CHUNK = 200
"""Events that one read looks at, most. What does not fit is not fetched."""


class Logged(NamedTuple):
    """An event of the log with the bytes that were published, and where it stands."""

    position: int
    event: RegistryEvent | UnknownEvent
    raw: bytes
    context: bytes
    shard: int


class Chunk(NamedTuple):
    """What was found, and the stretch that is left."""

    events: Sequence[Logged]
    left: Stretch


async def stretch(transaction: Transaction, organization: int, selection: Selection) -> Stretch:
    """Return where the selection's events are: what commits from now on does not belong to it."""
    if selection.events is not None:
        return Stretch(*await repository.extent(transaction, organization, selection.events))
    asked = EventFilter(since=selection.since, until=selection.until)
    after, below = await repository.bounds(transaction, asked)
    return Stretch(after, min(below - 1, await repository.last_position(transaction, organization)))


async def read(transaction: Transaction, organization: int, selection: Selection, left: Stretch) -> Chunk:
    """Return the events that fit among the next `CHUNK` of the stretch, in the order of the log."""
    rows, edge = await repository.forwards(transaction, organization, selection, left, CHUNK)
    events = [
        Logged(row["position"], codec.decode(row["body"]), row["body"], row["context"], row["shard"]) for row in rows
    ]
    return Chunk(events, Stretch(left.last if edge is None else edge, left.last))
