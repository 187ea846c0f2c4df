"""Which table is emptied, where its rows go, and under which locks."""

from typing import NamedTuple

from regista.kit import outbox
from regista_events import topics


class Outlet(NamedTuple):
    """An outbox with its way out.

    ``table`` has columns ``shard, id, event_id``; ``log`` has ``id, aggregate_id, time, body, context``. Both names go
    into SQL as they stand and are constants of the program. ``channel`` is notified when rows were added. ``locks``
    is the first half of the advisory locks' two-integer keys, different for each outlet.
    """

    table: str
    log: str
    topic: str
    channel: str
    locks: int


EVENTS = Outlet(table="outbox", log="event", topic=topics.EVENTS, channel=outbox.CHANNEL, locks=0x52454C01)
"""The log of events. ``locks`` reads "REL" and a number."""
