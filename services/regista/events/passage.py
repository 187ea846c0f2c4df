"""A passage of the log, read forwards in short transactions by whoever judges the past: replays, simulations."""

from collections.abc import Sequence
from typing import NamedTuple

from regista.events import repository
from regista.events.filters import EventFilter
from regista.events.selection import Selection, Stretch
from regista.kit.db import Transaction
from regista_events import MalformedEvent, RegistryEvent, UnknownEvent, codec

CHUNK = 200
"""Events that one read looks at, most. What does not fit is not fetched."""


class Chunk(NamedTuple):
    """What was found, and the stretch that is left."""

    events: Sequence[RegistryEvent | UnknownEvent]
    left: Stretch


async def stretch(transaction: Transaction, organization: int, selection: Selection) -> Stretch:
    """Return where the selection's events are: what commits from now on does not belong to it."""
    if selection.events is not None:
        return Stretch(*await repository.extent(transaction, organization, selection.events))
    asked = EventFilter(since=selection.since, until=selection.until)
    after, below = await repository.bounds(transaction, asked)
    return Stretch(after, min(below - 1, await repository.last_position(transaction, organization)))


async def read(transaction: Transaction, organization: int, selection: Selection, left: Stretch) -> Chunk:
    """Return the events that fit among the next `CHUNK` of the stretch, in the order of the log.

    One that this version cannot read is left out: whoever judges the past has no words for it.
    """
    rows, edge = await repository.forwards(transaction, organization, selection, left, CHUNK)
    events = [event for row in rows if (event := _decoded(row["body"])) is not None]
    return Chunk(events, Stretch(left.last if edge is None else edge, left.last))


def _decoded(body: bytes) -> RegistryEvent | UnknownEvent | None:
    try:
        return codec.decode(body)
    except MalformedEvent:
        return None
