"""The live stream as Server-Sent Events (WHATWG HTML, 9.2)."""

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

import structlog

from regista.events import tail
from regista.events.tail import Wanted
from regista.events.vector import Vector, encode
from regista.kit import clock
from regista.kit.db import Database, is_outage
from regista.kit.outbox import PUBLISHED

logger = structlog.get_logger()

POLL_SECONDS = 0.25
"""How long a stream waits for the relay's wake-up before it looks by itself."""
PACE_SECONDS = 0.02
"""Least time between two reads of one stream that has caught up: a busy log is read in batches."""
HEARTBEAT_SECONDS = 15.0
"""How often a stream, quiet or busy, is allowed anew and says so; proxies close what is silent for a minute."""
RETRY_MILLISECONDS = 1000

Allowed = Callable[[], Awaitable[bool]]


async def follow(
    database: Database, wanted: Wanted, vector: Vector, *, stopping: asyncio.Event, allowed: Allowed
) -> AsyncGenerator[bytes]:
    """Yield the frames of one client's stream until ``stopping`` is set or the client is not ``allowed`` any more.

    Each event's id is the vector after it, so a client that reconnects with the last id it got loses none and gets
    none twice. Heartbeats carry the id too: a client for which there was nothing does not read it all again. No
    connection of the pool is held while a frame is on its way to the client.
    """
    stir = asyncio.Event()
    unsubscribe = database.wakeups.subscribe(PUBLISHED, lambda _: stir.set())
    watch = asyncio.create_task(_stir_at(stopping, stir), name="event stream: stop")
    beat = -math.inf
    try:
        yield f"retry: {RETRY_MILLISECONDS}\n".encode() + _id(vector)
        while not stopping.is_set():
            stir.clear()
            if (now := clock.monotonic()) > beat + HEARTBEAT_SECONDS:
                if not await allowed():
                    return
                yield b": heartbeat\n" + _id(vector)
                beat = now
            batch = await tail.read(database, wanted, vector)
            for event in batch.events:
                yield _frame(event.vector, event.body)
                if stopping.is_set():
                    return
            vector = batch.vector
            if not batch.more:
                await asyncio.sleep(PACE_SECONDS)
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await stir.wait()
    except Exception as error:
        if not is_outage(error):
            raise
        # The client comes back with its last id; nothing better can be said in the middle of an answer.
        logger.warning("event_stream_ended", error=repr(error))
    finally:
        unsubscribe()
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _stir_at(event: asyncio.Event, stir: asyncio.Event) -> None:
    await event.wait()
    stir.set()


def _id(vector: Vector) -> bytes:
    """Return a frame without data: the client remembers the id and is told nothing."""
    return f"id: {encode(vector)}\n\n".encode()


def _frame(vector: Vector, body: bytes) -> bytes:
    # The body is one line: JSON escapes every line break in its strings, and the codec writes none between them.
    return b"id: %b\ndata: %b\n\n" % (encode(vector).encode(), body)
