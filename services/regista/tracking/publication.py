"""What runs have logged, on its way to whoever watches metrics: batches of numbers, in the transaction that adds lines.

Only lines that were not there are published, once, in the order in which they have come. What is no number stays: nobody
watches it, and tables and histograms are large. ``metric_batch`` holds a batch until the bus has it: `run_line` is the
permanent record.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from regista.kit import ids, outbox
from regista.kit.db import Cause, Transaction
from regista.tracking import metric_repository
from regista.tracking.lines import Parsed, Stream, numbers
from regista.tracking.runs import Locked
from regista_events.metrics import LineKind, MetricBatch, MetricCause, encode_batch, encode_line

MAX_BATCH_BYTES = (4 << 20) - (64 << 10)
"""Bytes of the lines of one batch: a topic's largest message, less what stands around them."""
MAX_TAGS = 100_000
"""Characters of tags that a batch shows of its run; one that has more shows none: the topic would not take it."""
MAX_NAME = 1024
"""Characters of a metric's name that can be watched."""
_MANY = 1000
"""Lines above which writing them down would hold up the loop."""
_KINDS: Mapping[Stream, LineKind] = {Stream.HISTORY: "history", Stream.EVENTS: "system"}


async def publish(transaction: Transaction, locked: Locked, added: Mapping[Stream, Sequence[Parsed]]) -> None:
    """Publish the lines that this transaction has added to a run whose aggregate it has locked.

    Raises `ValueError` for a transaction without an origin.
    """
    count = sum(map(len, added.values()))
    parts = await asyncio.to_thread(split, added) if count > _MANY else split(added)
    if not parts:
        return
    origin = transaction.origin
    if origin is None:
        raise ValueError("lines need an origin: open the transaction with one")
    given = await metric_repository.batch_numbers(transaction, len(parts))
    batches: list[metric_repository.Batch] = []
    run = locked.run if sum(map(len, locked.run.tags)) <= MAX_TAGS else replace(locked.run, tags=[])
    for number, lines in zip(given, parts, strict=True):
        head = MetricBatch.model_construct(
            id=ids.uuid7(),
            source=f"/orgs/{origin.organization}",
            partitionkey=str(locked.aggregate.id),
            number=number,
            time=locked.aggregate.now,
            run=run.snapshot(locked.project),
            cause=_shown(origin.cause),
            lines=[],
        )
        batches.append(metric_repository.Batch(head.id, encode_batch(head, lines)))
    await metric_repository.add_batches(transaction, locked.aggregate, origin.context.encode(), batches)
    transaction.wake(outbox.METRICS)


def _shown(cause: Cause | None) -> MetricCause | None:
    if cause is None:
        return None
    return MetricCause(
        causationid=cause.event_id,
        correlationid=cause.correlation_id,
        hops=cause.hops,
        automations=list(cause.automations),
    )


def split(added: Mapping[Stream, Sequence[Parsed]], most: int = MAX_BATCH_BYTES) -> list[list[bytes]]:
    """Return the lines, encoded, in parts of at most ``most`` bytes; lines without numbers are left out."""
    parts: list[list[bytes]] = []
    left = 0
    for line in _encoded(added, most):
        if len(line) >= left:
            parts.append([])
            left = most
        parts[-1].append(line)
        left -= len(line) + 1
    return parts


def _encoded(added: Mapping[Stream, Sequence[Parsed]], most: int) -> Iterator[bytes]:
    for stream in (Stream.HISTORY, Stream.EVENTS):
        for line in added.get(stream, ()):
            if found := numbers(line.row):
                yield from _within(found, line.step, _KINDS[stream], most)


def _within(metrics: Mapping[str, float], step: int | None, kind: LineKind, most: int) -> Iterator[bytes]:
    line = encode_line(metrics, step, kind)
    if len(line) < most:
        yield line
        return
    names = [name for name in metrics if len(name) <= MAX_NAME]
    middle = (len(names) + 1) // 2
    for half in (names[:middle], names[middle:]):
        if half:
            yield from _within({name: metrics[name] for name in half}, step, kind, most)
