from prometheus_client import CollectorRegistry

from regista.kit.bus.local import LocalBus
from regista.kit.db import Database
from regista_events import topics
from tests.support import relay
from tests.support.bus import Ledger, Lot, until


def sample(registry: CollectorRegistry, name: str) -> float | None:
    return registry.get_sample_value(f"regista_relay_{name}", {"topic": topics.EVENTS})


async def test_metrics_tell_what_went_out_in_which_batches_and_what_is_held(database: Database) -> None:
    await relay.commit(database, await relay.aggregates(database, 3), events=4)
    ledger = Ledger("audit")
    async with relay.running_relay(database.url, LocalBus([ledger], Lot())) as running:
        await ledger.until(12)
        await until(lambda: sample(running.metrics, "published_total") == 12)
        assert sample(running.metrics, "batch_rows_sum") == 12
        assert sample(running.metrics, "batch_rows_count") == 1
        assert sample(running.metrics, "shards_held") == 16
        assert sample(running.metrics, "pending_rows") == 12
        assert (sample(running.metrics, "lag_seconds") or 0) > 0
        assert sample(running.metrics, "failures_total") == 0
        await running.stop()
        assert sample(running.metrics, "shards_held") == 0
