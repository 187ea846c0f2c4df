"""Publishing to Kafka: in order within a shard whatever fails, repeats at worst."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from regista.kit.bus.metadata import calm
from regista.kit.bus.model import Record
from regista.kit.bus.topics import MAX_MESSAGE_BYTES
from regista.kit.errors import UnavailableError
from regista_events import topics

logger = structlog.get_logger()

BATCH_BYTES = 1 << 20
"""Size at which a batch is closed. A larger record travels alone."""

EVENT_ID = "ce-id"
CONTEXT = "context"
"""Headers: the event's id in ASCII, and the bytes of ``event.context``."""


class PublishFailedError(UnavailableError):
    """Kafka did not take every record: start again from the lowest one that is not known to be published."""

    code = "publish_failed"


class _Line:
    """One producer for as long as it has not failed."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self.producer = producer
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def send(self, topic: str, shard: int, records: Sequence[Record]) -> None:
        """Send the records of one shard, batch by batch, each only after the one before it is acknowledged.

        So nothing is ever queued behind a batch that may fail, which aiokafka would go on to send.
        """
        position = 0
        while position < len(records):
            batch = self.producer.create_batch()
            while position < len(records) and batch.append(
                key=records[position].key,
                value=records[position].raw,
                timestamp=None,
                headers=_headers(records[position]),
            ):
                position += 1
            batch.close()
            delivery = await self.producer.send_batch(batch, topic, partition=shard)
            try:
                await asyncio.wait({delivery, self.gone}, return_when=asyncio.FIRST_COMPLETED)
                if not delivery.done():
                    raise KafkaError("the producer was discarded after another shard's failure")
                delivery.result()
            finally:
                delivery.cancel()

    async def discard(self) -> None:
        """End the producer without sending what it still holds."""
        if self.gone.done():
            return
        self.gone.set_result(None)
        producer = self.producer
        # The public stop() flushes, which is just what must not happen; there is no other way out.
        producer._closed = True  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        sender = producer._sender.sender_task  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        if sender is not None:
            sender.cancel()
        # Closing the connections ends the requests that the sender still awaits,
        await producer.client.close()
        while sender is not None and not sender.done():
            # which would then wait for metadata that nobody fetches any more.
            metadata = producer.client._md_update_fut  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            if metadata is not None and not metadata.done():
                metadata.set_result(False)
            await asyncio.wait({sender}, timeout=0.02)


class KafkaPublisher:
    """An idempotent producer (``acks=all``, no linger, no transactions) that is replaced after any failure.

    ``patience`` is how long, in seconds, one ``publish`` may take; within it a broker's restart is waited for.
    """

    def __init__(self, bootstrap: str, *, topic: str = topics.EVENTS, patience: float = 15.0) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._patience = patience
        self._line: _Line | None = None
        self._opening = asyncio.Lock()

    async def publish(self, records: Sequence[Record]) -> None:
        """Publish; when it returns, every in-sync replica has every record.

        Record by record in order within a shard, shards side by side. A shard may be in one call at a time only.

        Raises:
            PublishFailedError: a record was not acknowledged within ``patience``, or refused. The producer is
                discarded unflushed, and with it what other calls had in flight: those raise too.

        """
        line: _Line | None = None
        try:
            async with asyncio.timeout(self._patience):
                line = await self._open()
                async with asyncio.TaskGroup() as shards:
                    for shard, group in _by_shard(records):
                        shards.create_task(line.send(self._topic, shard, group))
        except BaseException as error:
            await self._discard(line)
            if (cause := _publishing(error)) is None:
                raise
            logger.warning("publish_failed", topic=self._topic, records=len(records), error=repr(cause))
            message = f"Kafka at {self._bootstrap} did not take {len(records)} records of {self._topic}: {cause!r}"
            raise PublishFailedError(message) from error

    async def close(self) -> None:
        """Stop. What no ``publish`` has returned for is not waited for."""
        await self._discard(self._line)

    async def _open(self) -> _Line:
        async with self._opening:
            if self._line is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    client_id="regista-relay",
                    enable_idempotence=True,
                    acks="all",
                    linger_ms=0,
                    max_batch_size=BATCH_BYTES,
                    max_request_size=MAX_MESSAGE_BYTES,
                    request_timeout_ms=max(1000, int(self._patience * 1000)),
                )
                calm(producer.client)
                line = _Line(producer)
                try:
                    await producer.start()
                except BaseException:
                    await line.discard()
                    raise
                self._line = line
            return self._line

    async def _discard(self, line: _Line | None) -> None:
        if line is None:
            return
        if self._line is line:
            self._line = None
        with contextlib.suppress(KafkaError, OSError):
            await line.discard()


def _headers(record: Record) -> list[tuple[str, bytes]]:
    return [(EVENT_ID, str(record.event_id).encode()), (CONTEXT, record.context)]


def _by_shard(records: Sequence[Record]) -> Iterator[tuple[int, list[Record]]]:
    groups: dict[int, list[Record]] = {}
    for record in records:
        groups.setdefault(record.shard, []).append(record)
    yield from groups.items()


def _publishing(error: BaseException) -> BaseException | None:
    """Return the failure to publish behind the error, or None where it is something else, such as cancellation."""
    if isinstance(error, KafkaError | OSError):
        return error
    if isinstance(error, ExceptionGroup):
        ours, others = error.split((KafkaError, OSError))
        return ours.exceptions[0] if ours is not None and others is None else None
    return None
