"""The consumer group that watches metrics: from what runs log to ``run.metric_triggered``.

Who writes: this consumer alone, one transaction for a batch: what it has seen (``metric_watch``) and the events that
follow from it commit together. Who reads: nobody else; planners get the events as they get any other.

Everything that takes its time comes before that transaction, which PostgreSQL would end if it idled, and gives its turn
to whoever shares the loop. What it was computed from is read first and compared once it is held: where another watcher,
or somebody who saves the automation, has changed it meanwhile, it is computed anew.

What a crash leaves: the batch, which comes again, and the state from before it. Repeats, of the relay, the bus or a
rebalance, are told by the numbers of batches; two watchers that hold one run for a moment wait for each other's rows. So
a metric that passes is announced once, whatever fails, and at most once in 24 hours for each run and automation.

What was logged has been seen: a run that is taken back to a step keeps the values that it had logged beyond it.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from itertools import chain, islice
from typing import NamedTuple

from regista.automations.catalogue import Catalogue
from regista.automations.matching import LOOKBACK, Definition, Index
from regista.automations.run_triggers import Metric, MetricTrigger
from regista.automations.watching import metric_tests, watch_repository
from regista.automations.watching.alarms import Alarm, Announcer
from regista.automations.watching.watch_repository import Key, State, Wanted
from regista.kit.bus.model import Received
from regista.kit.db import Database, Transaction
from regista_events.metrics import MetricBatch

ONCE_IN = timedelta(hours=24)
"""A run fires an automation at most once in this time, as W&B has it."""
_MANY = 1000
"""Values, or what takes as long, after which others have their turn."""
_SYSTEM = "system."


class Series(NamedTuple):
    """What a batch holds of a metric; ``steps`` stand beside ``points``."""

    points: list[float]
    steps: list[int | None]


class Sighting(NamedTuple):
    """What a batch holds of a metric that an automation watches."""

    definition: Definition
    metric: Metric
    batch: MetricBatch
    series: Series

    @property
    def key(self) -> Key:
        """The automation and the run."""
        return self.definition.id, self.batch.run.id


class Watcher:
    """The consumer group of metrics. ``public_url`` is what its events say of their schema's place."""

    group = "metrics"

    def __init__(self, database: Database, catalogue: Catalogue, public_url: str) -> None:
        self._database = database
        self._catalogue = catalogue
        self._announcer = Announcer(database, public_url)

    async def handle(self, batch: Sequence[Received[MetricBatch]]) -> None:
        """Watch the batch, whose repetition changes nothing."""
        batches = [received.event for received in batch if received.event is not None]
        left = await self._watch(batches, None)
        while left:
            left = await self._watch(batches, left)

    async def _watch(self, batches: Sequence[MetricBatch], only: Collection[Key] | None) -> set[Key]:
        """Return those for which there is more to do: what was known of them has changed meanwhile.

        ``only`` these are watched; None: all.
        """
        async with self._database.transaction() as transaction:
            index = await self._catalogue.refresh(transaction)
        seen = await sightings(index, batches)
        if only is not None:
            seen = {key: found for key, found in seen.items() if key in only}
        if not seen:
            return set()
        wanted = [
            Wanted(*key, found[-1].definition.organization_id, metric_tests.digest(found[-1].metric))
            for key, found in seen.items()
        ]
        async with self._database.transaction() as transaction:
            states = await watch_repository.look(transaction, wanted)
        alarms: list[Alarm] = []
        for key, found in seen.items():
            alarm = await self._see(states[key], found)
            if alarm is not None:
                alarms.append(alarm)
            await asyncio.sleep(0)
        async with self._database.transaction() as transaction:
            left = await self._write(transaction, seen, wanted, states, alarms)
        self._announcer.tell(alarm for alarm in alarms if alarm.key not in left)
        return left

    async def _see(self, state: State, found: Sequence[Sighting]) -> Alarm | None:
        """Bring the state up to date with what is new; return the first alarm, None while it rests."""
        fresh = list(_fresh(state, found))
        if not fresh:
            return None
        metric = fresh[0].metric
        points = list(chain.from_iterable(each.series.points for each in fresh))
        alarm = None if state.rests(ONCE_IN) else await self._first(state, fresh, points)
        state.points = metric_tests.kept(metric, state.points, points)
        state.last_number = fresh[-1].batch.number
        return alarm

    async def _first(self, state: State, fresh: Sequence[Sighting], points: Sequence[float]) -> Alarm | None:
        """Return the first of new values that passes the test, of a run that the automation is for.

        Where there is none, the first one that the automation's condition has failed on, if that was not told before.
        """
        definition, metric = fresh[0].definition, fresh[0].metric
        if not definition.enabled:
            return None
        failed: Alarm | None = None
        judgements = metric_tests.judge(metric, state.points, points)
        for each in fresh:
            may_be_meant = True
            for place, passed in enumerate(islice(judgements, len(each.series.points))):
                if place % _MANY == _MANY - 1:
                    await asyncio.sleep(0)
                if passed is None or not may_be_meant:
                    continue
                alarm = Alarm(definition, metric, each.batch, passed, each.series.steps[place])
                truth = await self._announcer.judge(alarm)
                if truth.holds:
                    return alarm
                if truth.error is not None and failed is None and not self._announcer.has_told(alarm):
                    failed = alarm
                may_be_meant = alarm.is_asked_for_its_value
                await asyncio.sleep(0)
        return failed

    async def _write(
        self,
        transaction: Transaction,
        seen: dict[Key, list[Sighting]],
        wanted: Sequence[Wanted],
        states: dict[Key, State],
        alarms: Sequence[Alarm],
    ) -> set[Key]:
        """Announce the alarms and save the states, but for those that are out of date, which are returned."""
        marks = await watch_repository.hold(transaction, wanted)
        index = await self._catalogue.refresh(transaction)
        left = {
            key
            for key, found in seen.items()
            if marks[key] != states[key].mark
            or any(index.get(each.definition.id) is not each.definition for each in found)
        }
        current = [alarm for alarm in alarms if alarm.key not in left]
        for alarm, moment in await self._announcer.announce(transaction, index, current):
            states[alarm.key].fired_at = moment
        await watch_repository.save(transaction, {key: state for key, state in states.items() if key not in left})
        return left


async def sightings(index: Index, batches: Iterable[MetricBatch]) -> dict[Key, list[Sighting]]:
    """Return what batches hold for the automations in whose scope their runs lie, in order."""
    seen: dict[Key, list[Sighting]] = {}
    for batch in batches:
        held: dict[str, Series] = {}
        for definition in index.watching(batch.source, batch.run):
            if batch.time < definition.created_at - LOOKBACK or not isinstance(definition.trigger, MetricTrigger):
                continue
            metric = definition.trigger.metric
            if metric.name not in held:
                held[metric.name] = series(batch, metric.name)
                if len(batch.lines) > _MANY:
                    await asyncio.sleep(0)
            if held[metric.name].points:
                sighting = Sighting(definition, metric, batch, held[metric.name])
                seen.setdefault(sighting.key, []).append(sighting)
        await asyncio.sleep(0)
    return seen


def series(batch: MetricBatch, name: str) -> Series:
    """Return what a batch holds of a metric."""
    points: list[float] = []
    steps: list[int | None] = []
    for line in batch.lines:
        value = line.metrics.get(name)
        if value is None and line.kind == "system":
            # Of the machine's metrics, people write `cpu`.
            value = line.metrics.get(_SYSTEM + name)
        if value is not None:
            points.append(value)
            steps.append(line.step)
    return Series(points, steps)


def _fresh(state: State, found: Sequence[Sighting]) -> Iterable[Sighting]:
    last = state.last_number
    for each in found:
        if each.batch.number > last:
            last = each.batch.number
            yield each
