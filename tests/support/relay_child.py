"""A relay in a process of its own that is killed after a batch was acknowledged and before its rows are deleted.

``python -m tests.support.relay_child DATABASE_URL BUS BATCHES`` where BUS is ``local`` or ``BOOTSTRAP/TOPIC``.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

from regista.kit.bus.kafka import KafkaPublisher
from regista.kit.bus.model import Publisher, Record
from regista.kit.db import Database
from regista.relay import Faults
from tests.support.relay import running_relay
from tests.support.relay_bus import LocalDestination


class Doomed(Faults):
    """Kills its own process once ``batches`` batches were acknowledged."""

    def __init__(self, batches: int) -> None:
        self._left = batches

    async def acknowledged(self, records: Sequence[Record]) -> None:
        assert records
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(url: str, bus: str, batches: int) -> None:
    publisher: Publisher
    if bus == "local":
        publisher = LocalDestination(Database(url)).publisher()
    else:
        bootstrap, _, topic = bus.partition("/")
        publisher = KafkaPublisher(bootstrap, topic=topic)
    async with running_relay(url, publisher, faults=Doomed(batches)) as running:
        await running.task


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
