"""How many events of 1 KB a second the relay takes from the outbox to a bus, and how soon after the commit."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from typing import Any

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from regista.kit.bus.kafka import KafkaPublisher
from regista.kit.bus.local import LocalBus
from regista.kit.bus.model import Publisher, Received
from regista.kit.bus.provision import ensure_topics
from regista.kit.db import Database
from regista.kit.dead_letter import DeadLetters
from regista.kit.runtime import open_runtime
from regista.kit.service import Lifecycle
from regista.kit.settings import Settings
from regista.relay import Relay
from regista_events import topics
from tests.support.relay import aggregates, commit

EVENTS = 100_000
AGGREGATES = 320
PROBES = 200

# The writers are not what is measured: the log is copied from one event that was really appended.
_FILL = """
WITH made AS (
    INSERT INTO event (id, organization_id, aggregate_id, sequence, shard, type, subject, time, actor, body, context)
    SELECT gen_random_uuid(), organization_id, aggregate_id, 1 + n, shard, type, subject, time, actor, body, context
    FROM event, generate_series(1, $1) AS n WHERE sequence = 1
    ORDER BY n
    RETURNING shard, id
)
INSERT INTO outbox (shard, event_id) SELECT shard, id FROM made
"""


class Sink:
    """A consumer that commits nothing: what is left is the relay and the bus."""

    group = "sink"

    def __init__(self) -> None:
        self.count = 0
        self.last = 0.0

    async def handle(self, batch: Sequence[Received]) -> None:
        self.count += len(batch)
        self.last = time.perf_counter()


async def measure(url: str, bootstrap: str | None = None, *, events: int = EVENTS) -> dict[str, Any]:
    """Return the relay's rate and, on the local bus, its latency, on the migrated, otherwise idle database at ``url``.

    ``bootstrap`` names a Kafka; without one the local bus is measured with a consumer that does nothing. Keys:
    ``bus``, ``events``, ``bytes`` (of one body), ``seconds``, ``events_per_second``, and ``latency_ms`` with ``p50``
    and ``p99`` from the end of the commit to the consumer's handler.
    """
    database = Database(url)
    sink = Sink()
    publisher: Publisher
    if bootstrap is None:
        publisher = LocalBus([sink], DeadLetters(database))
    else:
        await ensure_topics(bootstrap, 1)
        publisher = KafkaPublisher(bootstrap)
    try:
        size, ids, events = await _fill(database, events)
        result: dict[str, Any] = {
            "bus": "local" if bootstrap is None else topics.EVENTS,
            "events": events,
            "bytes": size,
        }
        settings = Settings(database_url=SecretStr(url), secret_key=SecretStr("k" * 43))
        async with open_runtime(settings, "bench-relay") as runtime:
            lifecycle = Lifecycle()
            begun = time.perf_counter()
            running = asyncio.create_task(Relay(runtime, publisher).run(lifecycle))
            try:
                await _published(runtime.metrics, events)
                result["seconds"] = time.perf_counter() - begun
                result["events_per_second"] = round(events / result["seconds"])
                if bootstrap is None:
                    result["latency_ms"] = await _latency(database, ids[0], sink)
            finally:
                lifecycle.stopping.set()
                await running
        return result
    finally:
        if isinstance(publisher, KafkaPublisher):
            await publisher.close()
        await database.close()


async def _fill(database: Database, events: int) -> tuple[int, list[int], int]:
    """Return the size of a body, the aggregates, and how many events wait: a multiple of the aggregates."""
    ids = await aggregates(database, AGGREGATES)
    await commit(database, ids)
    async with database.transaction() as transaction:
        # A body of exactly 1 KB: JSON may end in spaces.
        await transaction.connection.execute(
            "UPDATE event SET body = convert_to(rpad(convert_from(body, 'UTF8'), 1024), 'UTF8')"
        )
        await transaction.connection.execute(_FILL, events // AGGREGATES - 1)
        await transaction.connection.execute("UPDATE aggregate SET sequence = $1", events // AGGREGATES)
        row = await transaction.connection.fetchrow("SELECT max(octet_length(body)) AS size FROM event")
    assert row is not None
    return int(row["size"]), ids, events // AGGREGATES * AGGREGATES


async def _published(metrics: CollectorRegistry, events: int) -> None:
    # A query would walk over what the deletes leave behind, and be measured with them.
    while (metrics.get_sample_value("regista_relay_published_total", {"topic": topics.EVENTS}) or 0) < events:
        await asyncio.sleep(0.005)


async def _latency(database: Database, aggregate: int, sink: Sink) -> dict[str, float]:
    taken: list[float] = []
    for _ in range(PROBES):
        before = sink.count
        await commit(database, [aggregate])
        committed = time.perf_counter()
        while sink.count == before:
            await asyncio.sleep(0)
        taken.append((sink.last - committed) * 1000)
        await asyncio.sleep(0.005)
    cuts = statistics.quantiles(taken, n=100)
    return {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2)}
