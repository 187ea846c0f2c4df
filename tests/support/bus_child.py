"""A consumer in a process of its own that is killed between its commit and the commit of its offsets.

``python -m tests.support.bus_child BOOTSTRAP TOPIC GROUP FILE``
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from regista.kit.bus.model import Received, Source
from regista.kit.bus.subscriber import KafkaSubscriber
from regista.kit.service import Lifecycle
from tests.support.bus import Lot
from tests.support.bus_kafka import SESSION


class Doomed:
    """Commits a batch to a file, durably, and dies."""

    def __init__(self, group: str, path: Path) -> None:
        self.group = group
        self._path = path

    async def handle(self, batch: Sequence[Received]) -> None:
        with self._path.open("a") as file:
            file.writelines(f"{each.event.sequence}\n" for each in batch if each.event is not None)
            file.flush()
            os.fsync(file.fileno())
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    bootstrap, topic, group, path = sys.argv[1:]
    subscriber = KafkaSubscriber(bootstrap, Doomed(group, Path(path)), Lot(), source=Source(topic), session=SESSION)
    asyncio.run(subscriber.run(Lifecycle()))
