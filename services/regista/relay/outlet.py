"""Which table is emptied, where its rows go, and under which locks."""

from typing import NamedTuple

from regista.kit import outbox
from regista_events import topics


class Outlet(NamedTuple):
    """An outbox with its way out.

    ``name`` is the relay's. ``table`` has columns ``shard, id, event_id``; ``log`` has ``id, aggregate_id, time, body, context``. Both names go
    into SQL as they stand and are constants of the program. ``channel`` is notified when rows were added. ``locks``
    is the first half of the advisory locks' two-integer keys, different for each outlet. ``permanent``: the log outlives
    the outbox, and what has gone out gets its position in the stream of events; otherwise the log's rows go too.
    """

    name: str
    table: str
    log: str
    topic: str
    channel: str
    locks: int
    permanent: bool = True


EVENTS = Outlet(
    name="relay", table="outbox", log="event", topic=topics.EVENTS, channel=outbox.CHANNEL, locks=0x52454C01
)
"""The log of events. ``locks`` reads "REL" and a number."""

METRICS = Outlet(
    name="relay of metrics",
    table="metric_outbox",
    log="metric_batch",
    topic=topics.RUN_METRICS,
    channel=outbox.METRICS,
    locks=0x52454C02,
    permanent=False,
)
"""Lines of runs. Their record is the run's history."""
