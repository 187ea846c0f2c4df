"""A record as it comes off a bus: decoded once, whoever it is for, and nothing lost if it cannot be."""

from typing import NamedTuple

from regista.kit.bus.model import Origin, Received
from regista_events import MalformedEvent, RegistryEvent, UnknownEvent, codec


class Arrival(NamedTuple):
    """A record with its origin; ``malformed`` is set exactly when ``record.event`` is None."""

    record: Received
    origin: Origin
    malformed: MalformedEvent | None


def arrive(raw: bytes, context: bytes, shard: int, origin: Origin) -> Arrival:
    """Decode the bytes. A type from the future is an ``UnknownEvent``, not an error."""
    event: RegistryEvent | UnknownEvent | None = None
    malformed: MalformedEvent | None = None
    try:
        event = codec.decode(raw)
    except MalformedEvent as error:
        malformed = error
    return Arrival(Received(event, raw, context, shard), origin, malformed)
