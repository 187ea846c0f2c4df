"""The relay and the audit by themselves."""

from tests.bench import audit, relay
from tests.bench.broker import broker
from tests.bench.figures import FULL, Effort, Figure
from tests.support.database import prepare
from tests.support.postgres import PostgresSession


async def measure_relay(effort: Effort) -> list[Figure]:
    events = relay.EVENTS if effort == FULL else relay.EVENTS // 5
    session = PostgresSession(settings={})
    await session.start()
    try:
        async with session.fresh_database(prepare) as url:
            local = await relay.measure(url, events=events)
        async with broker() as bootstrap, session.fresh_database(prepare) as url:
            kafka = await relay.measure(url, bootstrap, events=events)
    finally:
        session.stop()
    return [
        Figure("relay into Kafka", kafka["events_per_second"], "events/s", 20_000),
        Figure("relay to the local bus", local["events_per_second"], "events/s"),
        Figure("relay, commit → handler, local bus, p50", local["latency_ms"]["p50"], "ms"),
        Figure("relay, commit → handler, local bus, p99", local["latency_ms"]["p99"], "ms"),
    ]


async def measure_audit(effort: Effort) -> list[Figure]:
    session = PostgresSession(settings={})
    await session.start()
    try:
        found = await audit.measure(session, batches=40 if effort == FULL else 8)
    finally:
        session.stop()
    return [
        Figure("audit", found["rows_per_second"], "rows/s"),
        Figure("audit, a batch of 500, median", found["batch_ms_median"], "ms"),
        Figure("audit, a batch of 500, worst", found["batch_ms_worst"], "ms"),
    ]
