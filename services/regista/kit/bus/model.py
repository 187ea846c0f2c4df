"""What travels on the bus, and what stands at its two ends."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, Protocol
from uuid import UUID

from typing_extensions import TypeVar

from regista_events import RegistryEvent, UnknownEvent, codec, topics

M = TypeVar("M", default=RegistryEvent | UnknownEvent)
"""What the records of a topic are: events, if nothing else is said."""

Decode = Callable[[bytes], M]
"""Makes of a record's bytes what they are. Raises `ValueError` for bytes that are none."""


class Source(NamedTuple):
    """A topic, and what its records are."""

    topic: str = topics.EVENTS
    decode: Decode[Any] = codec.decode


class Record(NamedTuple):
    """A row of the outbox on its way out.

    ``key`` is the aggregate's id, ``shard`` the Kafka partition and the audit chain, ``raw`` exactly the bytes of
    ``event.body``, ``context`` the bytes of ``event.context``, which travel beside the event and are never delivered.
    """

    event_id: UUID
    key: bytes
    shard: int
    raw: bytes
    context: bytes


class Origin(NamedTuple):
    """Where a record was read: a Kafka offset, or an outbox (``topic`` is its table and ``offset`` is None).

    ``event_id`` is what the bus says (header ``ce-id``, or the outbox row), None where it says nothing readable.
    """

    topic: str
    partition: int
    offset: int | None
    event_id: UUID | None

    def __str__(self) -> str:
        place = f"{self.topic}/{self.partition}"
        return place if self.offset is None else f"{place}@{self.offset}"


class Received(NamedTuple, Generic[M]):
    """A record as a consumer sees it.

    ``event`` is what the topic's records are; None for bytes that are none: only a consumer with
    ``accepts_malformed = True`` is given those.
    """

    event: M | None
    raw: bytes
    context: bytes
    shard: int


class Consumer(Protocol[M]):
    """One consumer group.

    ``handle`` takes one to some hundred records, in order within each shard, and commits them in one transaction of
    its own. It is idempotent by event id for ever: the relay, the bus and a crash may all repeat. It never retries by
    itself: an error that escapes is classified by :mod:`regista.kit.bus.fault`.

    A consumer may set ``accepts_malformed = True`` (the audit): undecodable bytes reach it with ``event=None``, and
    nothing of it is ever parked; a record that it cannot take blocks it.
    """

    group: str

    async def handle(self, batch: Sequence[Received[M]]) -> None:
        """Handle the batch in one transaction."""
        ...


class Parking(Protocol):
    """Where the poison of a group goes (table ``dead_letter``)."""

    async def park(self, group: str, record: Received[Any], origin: Origin, error: Exception) -> None:
        """Commit the record in a transaction of its own.

        A record may be parked again after a crash: it is the same one when group and ``origin.event_id`` agree or,
        where that is None, group, topic, partition and offset.
        """
        ...


class Publisher(Protocol):
    """The relay's way out; what it was given is with the bus once ``publish`` has returned, and not before.

    Calls for different shards may overlap. A publisher may set ``combined = True`` (the local bus): the relay then
    makes one call at a time, for all its shards together, so that each group has one transaction for all of them.
    """

    async def publish(self, records: Sequence[Record]) -> None:
        """Publish in order within each shard.

        When it raises, some of the records may have been published: the relay starts again from the shard's lowest
        row, and consumers drop the repeats.

        Raises:
            PublishFailedError: the bus did not take them all.

        """
        ...
