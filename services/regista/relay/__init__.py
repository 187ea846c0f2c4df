"""From the outbox to the bus: every event at least once, in the order of its shard, whatever fails."""

from regista.relay.faults import Faults
from regista.relay.outlet import EVENTS, Outlet
from regista.relay.service import Relay

__all__ = ["EVENTS", "Faults", "Outlet", "Relay"]
