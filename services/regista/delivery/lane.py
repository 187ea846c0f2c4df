"""One lane as its owner sees it: a short queue in memory before the database's long one. No I/O.

``held`` are the positions that are queued, in flight or not yet recorded: a read passes over them. A read takes a
snapshot, and what is released while it runs may still stand in it; therefore releases are remembered until it ends.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from regista.delivery.circuit import Circuit
from regista.delivery.contract import Claimed, Sender, Throttle
from regista.delivery.pace import Pace

HANDED_LIMIT: Final = 256
"""Fresh rows that wait in memory at most; the others wait in the database."""
LOW: Final = 32
"""Rows in memory below which more are read."""


class Due(NamedTuple):
    """A row to send: ``made`` attempts of its schedule lie behind it; ``manual``: somebody asked for this attempt."""

    row: Claimed
    made: int
    manual: bool


class Terms(NamedTuple):
    """What is configured for a lane."""

    concurrency: int
    throttle: Throttle | None
    active: bool


class Lane:
    """The queue, the pace and the circuit of a lane, under one ownership (``shard``, ``epoch``)."""

    __slots__ = (
        "_late",
        "_missed",
        "_pace",
        "_released",
        "_void",
        "behind",
        "circuit",
        "epoch",
        "failures",
        "faults",
        "held",
        "id",
        "in_flight",
        "leaving",
        "listed",
        "paused_until",
        "queue",
        "reading",
        "sender",
        "shard",
        "suspended",
        "terms",
        "turn",
        "unrecorded_failures",
    )

    def __init__(self, lane_id: int, shard: int, epoch: int, sender: Sender, terms: Terms) -> None:
        self.id = lane_id
        self.shard = shard
        self.epoch = epoch
        self.sender = sender
        self.terms = terms
        self.queue: deque[Due] = deque()
        self.held: set[int] = set()
        self.in_flight = 0
        self.circuit = Circuit()
        self._pace = Pace(terms.throttle) if terms.throttle else None
        self.behind = True
        """The database has, or may have, rows to send that are not in memory."""
        self.reading = False
        self._late: list[Claimed] = []
        self._missed = False
        self._released: set[int] = set()
        self._void = False
        self.suspended = False
        """FIFO: the head failed, and that is not recorded yet."""
        self.paused_until = 0.0
        self.faults = 0
        """Faults of ours in a row."""
        self.leaving = False
        self.listed = False
        self.turn = 0
        """Names the one valid entry among those that wait for a moment; see `rota`."""
        self.failures = 0
        """In a row, as recorded. Where there are any, a success changes the lane's row too."""
        self.unrecorded_failures = 0

    @property
    def fifo(self) -> bool:
        """Whether order is strict."""
        return self.terms.concurrency == 1

    @property
    def open(self) -> bool:
        """Whether anything may be sent at all."""
        return self.terms.active and not self.leaving and not self.suspended

    @property
    def wants_read(self) -> bool:
        """Whether it is time to read from the database."""
        return self.behind and self.open and not self.reading and len(self.queue) <= LOW

    @property
    def startable(self) -> int:
        """How many sends could start now, but for pace and circuit."""
        return min(len(self.queue), self.terms.concurrency - self.in_flight) if self.open else 0

    def configure(self, terms: Terms) -> None:
        """Take on new terms. What is queued goes back to the database when order or activity changes."""
        if terms == self.terms:
            return
        if terms.throttle != self.terms.throttle:
            self._pace = Pace(terms.throttle) if terms.throttle else None
        unsettled = terms.active != self.terms.active or (terms.concurrency == 1) != self.fifo
        if terms.active and not self.terms.active:
            self.circuit = Circuit()
        self.terms = terms
        if unsettled:
            self.unqueue()

    def unqueue(self) -> None:
        """Leave what is queued to the database, where it still is, and with it what a read is about to bring."""
        for due in self.queue:
            self.release(due.row.position)
        self.queue.clear()
        self.behind = self._void = True

    def hand(self, row: Claimed) -> bool:
        """Take a fresh, committed row; return False if it stays in the database.

        A strict FIFO lane always reads: another process may have committed an older row that is not known here.
        """
        if self.behind or self.fifo or not self.open:
            if self.reading and len(self._late) < HANDED_LIMIT:
                self._late.append(row)
            else:
                self.lag()
            return False
        if len(self.queue) >= HANDED_LIMIT:
            self.behind = True
            return False
        if row.position in self.held:
            return False
        self.held.add(row.position)
        self.queue.append(Due(row, 0, False))
        return True

    def lag(self) -> None:
        """Note that the database has something to send; what a read under way brings may be without it."""
        self.behind = self._missed = True

    def begin_read(self) -> None:
        """Note that a read begins: what is committed and not held now will be in it, if its limit allows."""
        self.reading = True
        self._released.clear()
        self._late.clear()
        self._missed = self._void = False

    def end_read(self, rows: Sequence[Due], *, complete: bool) -> None:
        """Queue what was read, in its order; ``complete`` says that the database had no more to send."""
        self.reading = False
        if not self.open or self._void:
            self.behind = True
            return
        for due in rows:
            position = due.row.position
            if position not in self.held and position not in self._released:
                self.held.add(position)
                self.queue.append(due)
        if not complete:
            return
        self.behind = self._missed or (self.fifo and bool(self._late))
        if not self.fifo:
            for row in self._late:
                if row.position not in self.held and row.position not in self._released:
                    self.held.add(row.position)
                    self.queue.append(Due(row, 0, False))
        self._late.clear()

    def fail_read(self) -> None:
        """Note that the read failed; it is made again."""
        self.reading = False
        self.behind = True

    def wait(self, now: float) -> float:
        """Return the seconds until the next send may start."""
        wait = self.paused_until - now
        if self.circuit.reopens is not None:
            wait = max(wait, self.circuit.wait(now))
        if self._pace is not None:
            wait = max(wait, self._pace.wait(now))
        return wait

    def take(self, now: float) -> Due:
        """Start the next send."""
        if self._pace is not None:
            self._pace.start(now)
        self.in_flight += 1
        return self.queue.popleft()

    def suspend(self) -> None:
        """Strict FIFO: the head failed. Nothing is sent until that is recorded and the head is read again."""
        self.suspended = True
        self.unqueue()

    def settle(self, position: int, *, failed: bool) -> None:
        """Note that the outcome of a send is recorded, or is no longer ours to record."""
        self.release(position)
        if failed:
            self.unrecorded_failures -= 1
            self.suspended = False

    def rest(self, until: float) -> None:
        """Start nothing before this moment; a rest that lasts longer stays as it is."""
        self.paused_until = max(self.paused_until, until)

    def fault(self, position: int, until: float, *, probe: bool) -> None:
        """Note that a send failed through a fault of ours: no attempt, and the row is the database's again."""
        self.faults += 1
        self.rest(until)
        if probe:
            self.circuit.abandon()
        self.release(position)
        if self.fifo:
            self.unqueue()
        self.lag()

    def release(self, position: int) -> None:
        """Let go of a position: it is recorded, or the database's again."""
        self.held.discard(position)
        if self.reading:
            self._released.add(position)
