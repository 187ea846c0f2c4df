"""Both ends of a bus for its tests: records to send, a consumer with transactions in memory, and a parking place."""

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from regista.kit import ids
from regista.kit.bus.model import Origin, Received, Record

PATIENCE = 40.0
"""Seconds a test waits for what must come; generous, because the machine may be busy."""

CONTEXT = b'{"ip":"127.0.0.1"}'


def record(number: int, *, key: int = 1, event_id: UUID | None = None, padding: int = 0) -> Record:
    """Return the ``number``-th event of aggregate ``key`` on its way out of the outbox."""
    event_id = event_id or ids.uuid7()
    event = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": "/orgs/test",
        "type": "dev.regista.probe.sent",
        "subject": "probe",
        "time": "2026-01-01T00:00:00Z",
        "dataschema": "https://regista.dev/schemas/probe.sent.json",
        "partitionkey": str(key),
        "sequence": number,
        "actor": "1",
        "actortype": "user",
        "hops": 0,
        "data": {"padding": "x" * padding},
    }
    return Record(event_id, str(key).encode(), key % 16, json.dumps(event).encode(), CONTEXT)


def garbage(*, key: int = 1) -> Record:
    """Return a record whose bytes are no event."""
    return Record(ids.uuid7(), str(key).encode(), key % 16, b"\xff{not json", CONTEXT)


class Row(NamedTuple):
    key: str
    sequence: int
    event_id: UUID
    shard: int


class Ledger:
    """A consumer like the real ones: a batch is committed whole or not at all, and an event id is stored once.

    ``trouble`` is asked before each record and may return an error to fail with. ``calls`` are all batches that were
    begun, as sequences; ``rows`` what is committed; ``repeats`` how often a stored event came again.
    """

    accepts_malformed = False

    def __init__(self, group: str, trouble: Callable[[Received], Exception | None] | None = None) -> None:
        self.group = group
        self.trouble = trouble
        self.rows: list[Row] = []
        self.malformed: list[bytes] = []
        self.calls: list[list[int]] = []
        self.repeats = 0
        self.pace = 0.0
        self._stored: set[UUID] = set()

    async def handle(self, batch: Sequence[Received]) -> None:
        self.calls.append([each.event.sequence for each in batch if each.event is not None])
        staged: list[Row] = []
        malformed: list[bytes] = []
        for each in batch:
            if self.trouble is not None and (error := self.trouble(each)) is not None:
                raise error
            if each.event is None:
                malformed.append(each.raw)
            else:
                staged.append(Row(each.event.partitionkey, each.event.sequence, each.event.id, each.shard))
        await asyncio.sleep(self.pace)
        for row in staged:
            if row.event_id in self._stored:
                self.repeats += 1
            else:
                self._stored.add(row.event_id)
                self.rows.append(row)
        self.malformed.extend(malformed)

    @property
    def sequences(self) -> list[int]:
        return [row.sequence for row in self.rows]

    async def until(self, count: int) -> None:
        await until(lambda: len(self.rows) >= count, lambda: f"{self.group} has {len(self.rows)} of {count} rows")


class Audit(Ledger):
    """A consumer that takes bytes which are no event."""

    accepts_malformed = True


class Parked(NamedTuple):
    group: str
    record: Received
    origin: Origin
    error: Exception


class Lot:
    """A parking place in memory, with the identity that a parked record has."""

    def __init__(self) -> None:
        self.parked: list[Parked] = []
        self.trouble: Exception | None = None

    async def park(self, group: str, record: Received, origin: Origin, error: Exception) -> None:
        if self.trouble is not None:
            raise self.trouble
        if all((each.group, each.origin) != (group, origin) for each in self.parked):
            self.parked.append(Parked(group, record, origin, error))

    async def until(self, count: int) -> None:
        await until(lambda: len(self.parked) >= count, lambda: f"{len(self.parked)} of {count} are parked")


async def until(condition: Callable[[], bool], account: Callable[[], str] = lambda: "it never came") -> None:
    """Wait for the condition, and fail with the account after a while."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, account()
        await asyncio.sleep(0.01)


def inversions(rows: Iterable[tuple[str, int]]) -> list[tuple[str, int, int]]:
    """Return where a key's sequence goes back: (key, before, after)."""
    last: dict[str, int] = {}
    found: list[tuple[str, int, int]] = []
    for key, sequence in rows:
        if sequence <= last.get(key, 0):
            found.append((key, last[key], sequence))
        last[key] = sequence
    return found
