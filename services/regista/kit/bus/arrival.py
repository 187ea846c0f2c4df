"""A record as it comes off a bus: decoded once, whoever it is for, and nothing lost if it cannot be."""

from typing import Any, NamedTuple

from regista.kit.bus.model import Decode, Origin, Received


class Arrival(NamedTuple):
    """A record with its origin; ``malformed`` is set exactly when ``record.event`` is None."""

    record: Received[Any]
    origin: Origin
    malformed: ValueError | None


def arrive(raw: bytes, context: bytes, shard: int, origin: Origin, decode: Decode[Any]) -> Arrival:
    """Decode the bytes. An event of a type from the future is an ``UnknownEvent``, not an error."""
    event: Any = None
    malformed: ValueError | None = None
    try:
        event = decode(raw)
    except ValueError as error:
        malformed = error
    return Arrival(Received(event, raw, context, shard), origin, malformed)
