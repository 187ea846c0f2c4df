"""A Kafka broker for the length of a measurement."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.kafka import KafkaBroker, fetch, missing


@asynccontextmanager
async def broker() -> AsyncGenerator[str]:
    """Yield the bootstrap address of a new broker. Raises `RuntimeError` where Java or Maven is missing."""
    if reason := missing():
        raise RuntimeError(reason)
    await asyncio.to_thread(fetch)
    with tempfile.TemporaryDirectory(prefix="rgb-kafka-") as directory:
        made = KafkaBroker(Path(directory))
        await made.start()
        try:
            yield made.bootstrap
        finally:
            await made.kill()
