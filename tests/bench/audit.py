"""How fast the audit takes events."""

import statistics

from regista.audit.consumer import AuditProjection
from regista.kit import clock
from regista.kit.bus.model import Received
from regista.kit.shards import SHARDS
from regista.kit.vault import Vault
from tests.support.log import installed, made, received
from tests.support.postgres import PostgresSession

BATCH = 500


async def measure(postgres: PostgresSession, *, batches: int = 40) -> dict[str, float]:
    """Return rows/s of one projection on batches of 500 over all shards, and the median and worst batch in ms."""
    kinds = ("alias.added", "artifact.linked", "tag.added", "run.state_changed", "artifact.used")
    prepared = [
        [received(made(kinds[n % 5], n), shard=n % SHARDS) for n in range(first, first + BATCH)]
        for first in range(0, batches * BATCH, BATCH)
    ]
    async with installed(postgres) as database:
        projection = AuditProjection(database, Vault("secret-key-of-the-benchmark-0123456789"))
        await projection.handle([received(made())])
        seconds = [await _timed(projection, batch) for batch in prepared]
    milliseconds = sorted(1000 * each for each in seconds)
    return {
        "rows_per_second": batches * BATCH / sum(seconds),
        "batch_ms_median": statistics.median(milliseconds),
        "batch_ms_worst": milliseconds[-1],
    }


async def _timed(projection: AuditProjection, batch: list[Received]) -> float:
    began = clock.monotonic()
    await projection.handle(batch)
    return clock.monotonic() - began
