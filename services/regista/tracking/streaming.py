"""The command that takes what a running client streams: lines, the summary, its heart beating, and how it ended.

One transaction for one request, under the lock of its run. Lines have numbers: a request that comes twice, late or in
another order leaves what the first and ordered one would have left. History and system events are kept as they came
first; output is rewritten, as progress bars do.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from regista.access.verdict import Actor
from regista.kit.db import Transaction
from regista.kit.outbox import append
from regista.tracking import line_repository, places, repository
from regista.tracking.line_repository import Progress
from regista.tracking.lines import STEP, Parsed, Shape, Stream, parse, read
from regista.tracking.publication import publish
from regista.tracking.runs import ENDED, Locked, enter, lock_run, state_change
from regista.tracking.subjects import Run
from regista.tracking.summary import MAX_DATA_BYTES, size, storable

_MANY = 1000
"""Lines above which reading them would hold up the loop."""
_TIME = "_timestamp"
_REGION = 40
"""Bits of a line's number that one of several writers may use."""
_REVIVED = frozenset({"pending", "crashed", "preempting", "preempted"})
"""States that a sign of life ends."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines of a stream; ``offset`` is the number of the first, as the client counts in its session."""

    offset: int
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Sent:
    """One request of a running client; nothing in it is a sign of life.

    ``exit_code`` is that of the program, None while it runs. ``writer`` names the client where several write to the run
    side by side, each with a count of lines of its own.
    """

    chunks: Mapping[Stream, Chunk] = field(default_factory=dict[Stream, Chunk])
    summary: Mapping[str, Any] | None = None
    preempting: bool = False
    exit_code: int | None = None
    writer: str | None = None


async def receive(transaction: Transaction, actor: Actor, path: tuple[str, str, str], sent: Sent) -> Run:
    """Take what a run's client has sent; return the run as it is then.

    ``path`` is entity, project and name. Raises `NotFoundError`, `AccessDeniedError`: nothing else is refused, since a
    client gives up what is.
    """
    locked = await lock_run(transaction, actor, *path)
    run = locked.run
    if sent.chunks:
        await publish(transaction, locked, await _write(transaction, run.id, sent))
    summary = _summary(run, sent)
    state = _state(run, sent)
    if state == run.state:
        await repository.beat(transaction, run.id, locked.aggregate.now, summary)
        return run
    return await _enter(transaction, locked, summary, state, sent.exit_code)


async def _enter(
    transaction: Transaction, locked: Locked, summary: Mapping[str, Any] | None, state: str, exit_code: int | None
) -> Run:
    now = locked.aggregate.now
    changed = replace(locked.run, state=state, exit_code=exit_code, heartbeat_at=now, updated_at=now)
    if summary is not None:
        changed = replace(changed, summary=dict(summary))
    changed = enter(locked.run, changed, now)
    await repository.update_run(transaction, changed)
    await append(transaction, [state_change(locked, changed)])
    return changed


async def _write(transaction: Transaction, run: int, sent: Sent) -> dict[Stream, Sequence[Parsed]]:
    """Store what has come; return the lines of history and of events that were not there."""
    new: dict[Stream, Sequence[Parsed]] = {}
    found = (await line_repository.progress(transaction, [run])).get(run, {})
    if sent.writer is None and any(progress.pending for progress in found.values()):
        await _settle(transaction, run, sent, found)
        found = (await line_repository.progress(transaction, [run])).get(run, {})
    begin = await line_repository.writer_number(transaction, run, sent.writer) << _REGION if sent.writer else None
    for stream, chunk in sent.chunks.items():
        if not chunk.lines:
            continue
        base = begin if begin is not None else found.get(stream, Progress()).base
        first = base + chunk.offset
        if stream is Stream.OUTPUT:
            bodies = [text.encode("utf-8", "replace") for text in chunk.lines]
            await line_repository.write_lines(transaction, run, stream, first, bodies)
            step = None
        else:
            new[stream], step = await _add(transaction, run, stream, first, chunk.lines)
        if begin is not None:
            await line_repository.count(transaction, run, stream, len(new.get(stream, ())), step)
        else:
            # One more than the last, whatever comes in between later: where a client that resumes goes on.
            await line_repository.advance(transaction, run, stream, first + len(chunk.lines), step)
    return new


async def _settle(transaction: Transaction, run: int, sent: Sent, found: Mapping[Stream, Progress]) -> None:
    """Decide where the lines of a session count from that has begun on a run with lines, by what comes first.

    A run that is synced again, after its program or its network died halfway, sends the lines that are there once more
    and then the others: they keep their numbers. Another program under the same id sends lines of its own, which go
    behind those there are. Output tells nothing of itself: programs say the same again.
    """
    for stream in (Stream.HISTORY, Stream.EVENTS):
        chunk, progress = sent.chunks.get(stream), found.get(stream)
        if chunk is None or not chunk.lines or progress is None or not progress.pending:
            continue
        settle = (
            line_repository.keep_base
            if await _repeats(transaction, run, stream, chunk, progress)
            else line_repository.rebase
        )
        await settle(transaction, run, [each for each, of in found.items() if of.pending])
        return
    if Stream.OUTPUT in sent.chunks and found.get(Stream.OUTPUT, Progress()).pending:
        await line_repository.rebase(transaction, run, [Stream.OUTPUT])


async def _repeats(transaction: Transaction, run: int, stream: Stream, chunk: Chunk, progress: Progress) -> bool:
    """Return whether a chunk goes on where the lines end, or its first line is the one that is there already."""
    first = progress.base + chunk.offset
    if first >= progress.lines:
        return True
    stored = await line_repository.bodies(transaction, run, stream, [first])
    if not stored:
        return False
    there, came = read(stored[0].body) or {}, read(chunk.lines[0].encode("utf-8", "replace")) or {}
    if _TIME not in came:
        return there == came
    # Its time and step tell a line, in whatever order or form the rest is written a second time.
    return (there.get(_TIME), there.get(STEP)) == (came[_TIME], came.get(STEP))


async def _add(
    transaction: Transaction, run: int, stream: Stream, first: int, lines: Sequence[str]
) -> tuple[list[Parsed], int | None]:
    """Insert the lines that are not there; return those, and the highest step among all."""
    parsing = partial(list[Parsed], parse(stream, first, lines))
    parsed = await asyncio.to_thread(parsing) if len(lines) > _MANY else parsing()
    added = await line_repository.add_lines(transaction, run, stream, parsed)
    new = [line for line in parsed if line.line in added]
    if new:
        await _place(transaction, run, stream, new)
    return new, max((line.step for line in parsed if line.step is not None), default=None)


async def _place(transaction: Transaction, run: int, stream: Stream, lines: Sequence[Parsed]) -> None:
    numbers: dict[bytes, list[int]] = {}
    shapes: dict[bytes, Shape] = {}
    for line in lines:
        shapes[line.shape.digest] = line.shape
        numbers.setdefault(line.shape.digest, []).append(line.line)
    marked = {digest: places.mark(found) for digest, found in numbers.items()}
    await line_repository.add_places(transaction, run, stream, marked, shapes.values())


def _summary(run: Run, sent: Sent) -> Mapping[str, Any] | None:
    """Return the new summary, None where it stays."""
    if sent.summary is None:
        return None
    found: dict[str, Any] = storable(sent.summary)
    # What is too large to keep would be sent again and again if it were refused.
    return found if found != run.summary and size(found) <= MAX_DATA_BYTES else None


def _state(run: Run, sent: Sent) -> str:
    if sent.exit_code is not None:
        if sent.exit_code == 0:
            return "finished"
        return "killed" if run.stop_requested_at is not None else "failed"
    if sent.preempting:
        return run.state if run.state in ENDED - _REVIVED else "preempting"
    return "running" if run.state in _REVIVED else run.state
