"""Where relayed events arrive in the tests, local bus and Kafka alike, and what arrived."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from regista.kit.bus.kafka import KafkaPublisher
from regista.kit.bus.local import LocalBus
from regista.kit.bus.model import Publisher, Received
from regista.kit.db import Database
from regista.kit.dead_letter import DeadLetters
from regista_events import codec
from tests.support.bus_kafka import TopicHarness


class Arrival(NamedTuple):
    key: str
    sequence: int
    event_id: UUID


class Arrivals:
    """A consumer that writes down all that comes, repeats too, in one transaction a batch."""

    group = "arrivals"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prepare(self) -> None:
        async with self._database.transaction() as transaction:
            await transaction.connection.execute(
                "CREATE TABLE arrival (place bigint GENERATED ALWAYS AS IDENTITY, event_id uuid, key text, sequence bigint)"
            )

    async def handle(self, batch: Sequence[Received]) -> None:
        events = [each.event for each in batch if each.event is not None]
        async with self._database.transaction() as transaction:
            await transaction.connection.execute(
                """INSERT INTO arrival (event_id, key, sequence)
                   SELECT id, key, sequence FROM unnest($1::uuid[], $2::text[], $3::bigint[])
                   WITH ORDINALITY AS came (id, key, sequence, place) ORDER BY place""",
                [event.id for event in events],
                [event.partitionkey for event in events],
                [event.sequence for event in events],
            )

    async def all(self) -> list[Arrival]:
        async with self._database.transaction() as transaction:
            rows = await transaction.connection.fetch("SELECT key, sequence, event_id FROM arrival ORDER BY place")
        return [Arrival(*row) for row in rows]


class Destination(Protocol):
    """A bus seen from both of its ends."""

    child: str
    """How a relay in another process is told to publish here."""

    def publisher(self) -> Publisher: ...

    async def arrivals(self) -> list[Arrival]:
        """Return all that arrived, repeats too, in order within each shard."""
        ...

    async def close(self) -> None: ...


class LocalDestination:
    child = "local"

    def __init__(self, database: Database) -> None:
        self._database = database
        self._arrivals = Arrivals(database)

    async def prepare(self) -> None:
        await self._arrivals.prepare()

    def publisher(self) -> Publisher:
        return LocalBus([self._arrivals], DeadLetters(self._database))

    async def arrivals(self) -> list[Arrival]:
        return await self._arrivals.all()

    async def close(self) -> None:
        """Nothing is open."""


class KafkaDestination:
    def __init__(self, harness: TopicHarness) -> None:
        self.child = f"{harness.bootstrap}/{harness.topic}"
        self._harness = harness
        self._publishers: list[KafkaPublisher] = []

    def publisher(self) -> Publisher:
        publisher = KafkaPublisher(self._harness.bootstrap, topic=self._harness.topic)
        self._publishers.append(publisher)
        return publisher

    async def arrivals(self) -> list[Arrival]:
        found: list[Arrival] = []
        for entry in await self._harness.log():
            assert entry.value is not None
            event = codec.decode(entry.value)
            assert entry.key == event.partitionkey.encode()
            assert entry.partition == int(event.partitionkey) % 16
            assert dict(entry.headers)["ce-id"] == str(event.id).encode()
            found.append(Arrival(event.partitionkey, event.sequence, event.id))
        return found

    async def close(self) -> None:
        for publisher in self._publishers:
            await publisher.close()


def first(arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Return the arrivals without their repeats, as a consumer that drops repeats sees them."""
    return list({each.event_id: each for each in reversed(arrivals)}.values())[::-1]
