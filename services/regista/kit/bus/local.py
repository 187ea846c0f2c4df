"""The bus of an installation without Kafka: the consumers of this process, fed straight from the outbox."""

import asyncio
from collections.abc import Sequence
from typing import Any

from regista.kit.bus.arrival import arrive
from regista.kit.bus.model import Consumer, Decode, Origin, Parking, Record
from regista.kit.bus.processing import Feed
from regista.kit.service import Health
from regista_events import codec


class LocalBus:
    """Hands each batch to all consumers side by side; keeps nothing that a crash could lose.

    The outbox rows stay until ``publish`` has returned, so a record is repeated to every group after a crash, also to
    those which had committed it. ``outbox`` is the table that they come from, ``decode`` what they are.
    """

    combined = True

    def __init__(
        self,
        consumers: Sequence[Consumer[Any]],
        parking: Parking,
        *,
        outbox: str = "outbox",
        decode: Decode[Any] = codec.decode,
        least: float = 0.1,
        most: float = 5.0,
    ) -> None:
        self._outbox = outbox
        self._decode = decode
        self._feeds = [Feed(consumer, parking, least=least, most=most) for consumer in consumers]

    async def publish(self, records: Sequence[Record]) -> None:
        """Return when every group has committed or parked every record; raises nothing but cancellation.

        A group that an outage blocks keeps the caller waiting: there is no other place where its records could wait.
        """
        batch = [
            arrive(record.raw, record.context, record.shard, self._origin(record), self._decode) for record in records
        ]
        async with asyncio.TaskGroup() as groups:
            for feed in self._feeds:
                groups.create_task(feed.process(batch), name=f"local bus: {feed.group}")

    def health(self) -> dict[str, Health]:
        """Return the health of each group."""
        return {feed.group: feed.health() for feed in self._feeds}

    def _origin(self, record: Record) -> Origin:
        return Origin(self._outbox, record.shard, None, record.event_id)
