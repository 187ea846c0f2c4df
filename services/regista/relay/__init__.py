"""From the outbox to the bus: every event at least once, in the order of its shard, whatever fails.

Who writes
    Mutations insert outbox rows, in id order within an aggregate since they hold its lock. A relay deletes the rows
    that the bus has acknowledged, and in the same statement numbers them in ``published``, which live streams follow.
    What runs log has an outbox of its own, whose relay deletes the batches as well and numbers nothing.

Who reads
    The one holder of the shard's session advisory lock, on the connection that holds it: losing the connection is losing
    the shard. All pending rows are read by id, lowest first; there is no cursor that a late commit could slip behind.

What a crash leaves
    before the send          the rows, for the next holder
    between ack and delete   the rows: they are published again, and consumers drop them by event id
    a failed send            what followed it in the producer is thrown away, and the shard starts from its lowest row
    two holders for a moment each sends from the lowest row, in order: repeats, and each row is numbered once
"""

from regista.relay.faults import Faults
from regista.relay.outlet import EVENTS, METRICS, Outlet
from regista.relay.service import Relay

__all__ = ["EVENTS", "METRICS", "Faults", "Outlet", "Relay"]
