"""Outcomes on their way into the database: in batches, fenced, with what is to be announced in the same transaction."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

import structlog

from regista.delivery.contract import LaneNews, News, Outcome
from regista.delivery.lane import Due, Lane
from regista.delivery.link import Link
from regista.delivery.metrics import Metrics
from regista.delivery.repository import queue as repository
from regista.delivery.streak import Result, Streak, advance
from regista.delivery.verdict import judge
from regista.kit import backoff, clock
from regista.kit.db import Database, Transaction, is_outage, is_transient

log = structlog.get_logger()

GATHER: Final = 0.003
"""Seconds that an outcome waits for others at most."""
BATCH: Final = 500
MAX_BODY: Final = 20_000
PATIENCE: Final = 10.0
"""Seconds after which a connection that does not answer is given up."""
LIMIT: Final = 5_000
"""Unrecorded outcomes at which sending stops."""


Settled = Callable[[Iterable[Lane]], None]


class Ended(NamedTuple):
    """A send that came to an outcome; ``started`` by the monotonic clock."""

    lane: Lane
    due: Due
    outcome: Outcome
    started: float


class Recorder:
    """Takes outcomes and writes them, for ever, in the order in which they came.

    Outcomes that PostgreSQL does not take are kept and tried again; those of lanes that are no longer ours are dropped
    by the statement itself, and the new owner sends again. ``settled`` is called with every lane that a batch touched.
    """

    def __init__(self, dispatcher: UUID, database: Database, link: Link, metrics: Metrics, settled: Settled) -> None:
        self._dispatcher = dispatcher
        self._database = database
        self._link = link
        self._metrics = metrics
        self._settled = settled
        self._waiting: list[Ended] = []
        self._writing = 0
        self._arrived = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def backlog(self) -> int:
        """How many outcomes are not recorded yet."""
        return len(self._waiting) + self._writing

    def add(self, ended: Ended) -> None:
        """Record this soon."""
        if not self._waiting:
            self._arrived.set()
            self._empty.clear()
        self._waiting.append(ended)

    async def drained(self) -> None:
        """Wait until everything is recorded."""
        await self._empty.wait()

    async def run(self) -> None:
        """Record until cancelled."""
        failures = 0
        while True:
            await self._arrived.wait()
            if len(self._waiting) < BATCH:
                await asyncio.sleep(GATHER)
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            self._writing = len(batch)
            left = await self._write(batch)
            self._waiting[:0] = left
            self._writing = 0
            if not self._waiting:
                self._arrived.clear()
                self._empty.set()
            failures = failures + 1 if left else 0
            if left:
                await asyncio.sleep(backoff.exponential(failures, first=0.05, limit=2.0, jitter=_jitter()))

    async def _write(self, batch: list[Ended]) -> list[Ended]:
        """Record what can be recorded; return the rest."""
        plain: list[Ended] = []
        other: list[Ended] = []
        for ended in batch:
            lane = ended.lane
            simple = ended.outcome.error is None and not (lane.failures or lane.unrecorded_failures or ended.due.manual)
            (plain if simple else other).append(ended)
        left: list[Ended] = []
        if plain:
            left += await self._attempt(self._write_plain, plain)
        if other:
            left += await self._attempt(self._write_other, other)
        return left

    async def _attempt(self, write: Any, batch: list[Ended]) -> list[Ended]:
        try:
            async with asyncio.timeout(PATIENCE):
                recorded: set[int] = await write(batch)
        except Exception as error:
            self._link.drop()
            if is_outage(error) or is_transient(error):
                log.warning("delivery.record_postponed", outcomes=len(batch), error=str(error))
                return batch
            by_lane = [list(group) for _, group in groupby(sorted(batch, key=_lane_id), _lane_id)]
            if len(by_lane) > 1:
                # One lane's news may be what cannot be written: the others need not wait for it.
                return [ended for group in by_lane for ended in await self._attempt(write, group)]
            log.exception("delivery.record_failed", lane_id=batch[0].lane.id, outcomes=len(batch))
            return batch
        self._settle(batch, recorded)
        return []

    async def _write_plain(self, batch: list[Ended]) -> set[int]:
        rows = await repository.record_succeeded(await self._link.get(), self._dispatcher, _columns(batch))
        return {row[0] for row in rows}

    async def _write_other(self, batch: list[Ended]) -> set[int]:
        now = clock.now()
        verdicts = [
            judge(
                ended.outcome,
                ended.due.made + (not ended.due.manual),
                manual=ended.due.manual,
                jitter=_jitter(),
                now=now,
            )
            for ended in batch
        ]
        columns = (
            *_columns(batch),
            [ended.outcome.error and _storable(ended.outcome.error) for ended in batch],
            [ended.due.manual for ended in batch],
            [verdict.fate.value for verdict in verdicts],
            [verdict.delay for verdict in verdicts],
            [ended.due.made + 1 for ended in batch],
        )
        lanes = {ended.lane.id: ended.lane for ended in batch}
        async with self._database.transaction() as transaction:
            streaks = await repository.lock_streaks(transaction.connection, sorted(lanes))
            rows = await repository.record(transaction.connection, self._dispatcher, columns)
            fresh = {position: (automation, exhausted) for position, automation, exhausted, new in rows if new}
            failures = await self._announce(
                transaction, streaks, [ended for ended in batch if ended.due.row.position in fresh], fresh
            )
        for lane, number in failures.items():
            lanes[lane].failures = number
        return {row[0] for row in rows}

    async def _announce(
        self,
        transaction: Transaction,
        streaks: Sequence[Any],
        batch: list[Ended],
        recorded: dict[int, tuple[int, bool]],
    ) -> dict[int, int]:
        """Carry the streaks on, write them, announce; return the failures in a row of each lane."""
        by_lane: defaultdict[int, list[Ended]] = defaultdict(list)
        for ended in batch:
            by_lane[ended.lane.id].append(ended)
        changed: list[tuple[Any, ...]] = []
        counts: dict[int, int] = {}
        for lane_id, failures, since, failing, state, reason, now in streaks:
            group = by_lane[lane_id]
            before = Streak(failures, since, failing, None if state == "active" else reason or state)
            called = [place for place, ended in enumerate(group) if ended.outcome.called]
            results = [Result(group[place].outcome.error is not None, group[place].outcome.gone) for place in called]
            after, turns = advance(before, results, now)
            counts[lane_id] = after.failures
            if after != before:
                changed.append((lane_id, *after))
            for place, ended in enumerate(group):
                automation, exhausted = recorded[ended.due.row.position]
                news = [_news(ended, automation, turn) for turn in turns if called[turn.place] == place]
                if exhausted:
                    news.insert(0, _news(ended, automation, None))
                for one in news:
                    await ended.lane.sender.announce(transaction, lane_id, one)
        if changed:
            await repository.write_streaks(transaction.connection, changed)
        return counts

    def _settle(self, batch: list[Ended], recorded: set[int]) -> None:
        kinds: defaultdict[str, tuple[Counter[str], list[float]]] = defaultdict(lambda: (Counter(), []))
        touched: dict[Lane, None] = {}
        for lane, due, outcome, _ in batch:
            lane.settle(due.row.position, failed=outcome.error is not None)
            touched[lane] = None
            if due.row.position in recorded:
                tally, seconds = kinds[lane.sender.kind]
                tally[outcome.error or "success"] += 1
                seconds.append(outcome.seconds)
        for kind, (tally, seconds) in kinds.items():
            self._metrics.recorded(kind, tally, seconds)
        lost = len(batch) - len(recorded)
        if lost:
            self._metrics.fenced.inc(lost)
            log.warning("delivery.fenced", outcomes=lost, lanes=[lane.id for lane in touched][:20])
        self._settled(touched)


_lane_id = attrgetter("lane.id")


def _jitter() -> float:
    return random.random()  # noqa: S311 - spreads retries, guards nothing


def _columns(batch: list[Ended]) -> tuple[list[Any], ...]:
    now = clock.monotonic()
    rows = [
        (
            lane.id,
            due.row.position,
            due.row.id,
            lane.shard,
            lane.epoch,
            due.row.attempt,
            now - started,
            outcome.seconds,
            outcome.status,
            _storable("\n".join([f"{name}: {value}" for name, value in outcome.headers.items()])),
            outcome.body[:MAX_BODY],
            outcome.truncated,
        )
        for lane, due, outcome, started in batch
    ]
    return tuple(list(column) for column in zip(*rows, strict=True))


def _storable(text: str) -> str:
    """Return the text without what PostgreSQL cannot hold: whoever answers must not be able to stop the record."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def _news(ended: Ended, automation: int, turn: Any) -> LaneNews:
    row, outcome = ended.due.row, ended.outcome
    if turn is None:
        return LaneNews(
            News.EXHAUSTED, row.id, row.event_id, automation, row.attempt, outcome.error, outcome.status, None, None
        )
    return LaneNews(
        turn.news,
        row.id,
        row.event_id,
        automation,
        turn.failures,
        outcome.error,
        outcome.status,
        turn.since,
        turn.reason,
    )
