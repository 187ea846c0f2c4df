"""A watcher of metrics in a process of its own that is killed around the commit of its first batch with something to do.

``python -m tests.support.watcher_child DATABASE_URL BOOTSTRAP TOPIC WHEN`` where WHEN is ``before`` or ``after``.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

from regista.automations.catalogue import Catalogue
from regista.automations.matching import Index
from regista.automations.watch_repository import Key
from regista.automations.watcher import Sighting, Watcher
from regista.kit.bus.model import Received, Source
from regista.kit.bus.subscriber import KafkaSubscriber
from regista.kit.db import Database, Transaction
from regista.kit.service import Lifecycle
from regista_events import metrics
from regista_events.metrics import MetricBatch
from tests.support.bus import Lot
from tests.support.bus_kafka import SESSION


class Doomed(Watcher):
    """Dies before its transaction commits, or after that and before its offsets are committed."""

    def __init__(self, database: Database, when: str) -> None:
        super().__init__(database, Catalogue(), "http://test")
        self._when = when

    async def handle(self, batch: Sequence[Received[MetricBatch]]) -> None:
        await super().handle(batch)
        os.kill(os.getpid(), signal.SIGKILL)

    async def _watch(self, transaction: Transaction, index: Index, seen: dict[Key, list[Sighting]]) -> None:
        await super()._watch(transaction, index, seen)
        if self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    url, bootstrap, topic, when = sys.argv[1:]
    consumer, source = Doomed(Database(url), when), Source(topic, metrics.decode)
    subscriber = KafkaSubscriber(bootstrap, consumer, Lot(), source=source, session=SESSION)
    asyncio.run(subscriber.run(Lifecycle()))
