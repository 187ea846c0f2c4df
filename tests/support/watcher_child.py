"""A watcher of metrics in a process of its own that is killed around the commit of its first batch.

``python -m tests.support.watcher_child DATABASE_URL``: before it, all that waits in the outbox being the batch;
``python -m tests.support.watcher_child DATABASE_URL BOOTSTRAP TOPIC``: after it, and before its offsets are committed.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from regista.automations.catalogue import Catalogue
from regista.automations.watching.watch_repository import Key
from regista.automations.watching.watcher import Watcher
from regista.kit.bus.model import Received, Source
from regista.kit.bus.subscriber import KafkaSubscriber
from regista.kit.db import Database, Transaction
from regista.kit.service import Lifecycle
from regista_events import metrics
from regista_events.metrics import MetricBatch
from tests.support.bus import Lot
from tests.support.bus_kafka import SESSION
from tests.support.metrics import PUBLISHED


class Doomed(Watcher):
    """Dies when all is done but the commit (``early``), or once it is committed."""

    def __init__(self, database: Database, *, early: bool) -> None:
        super().__init__(database, Catalogue(), "http://test")
        self._early = early

    async def handle(self, batch: Sequence[Received[MetricBatch]]) -> None:
        await super().handle(batch)
        os.kill(os.getpid(), signal.SIGKILL)

    async def _write(self, transaction: Transaction, *given: Any, **named: Any) -> set[Key]:
        left = await super()._write(transaction, *given, **named)
        if self._early:
            os.kill(os.getpid(), signal.SIGKILL)
        return left


async def main(url: str, *bus: str) -> None:
    database = Database(url)
    if bus:
        bootstrap, topic = bus
        consumer, source = Doomed(database, early=False), Source(topic, metrics.decode)
        await KafkaSubscriber(bootstrap, consumer, Lot(), source=source, session=SESSION).run(Lifecycle())
    async with database.transaction() as tx:
        rows = await tx.connection.fetch(PUBLISHED)
    batch = [Received(metrics.decode(row["body"]), row["body"], row["context"], row["shard"]) for row in rows]
    await Doomed(database, early=True).handle(batch)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
