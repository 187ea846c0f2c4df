"""The consumer group that watches metrics: from what runs log to ``run.metric_triggered``.

Who writes: this consumer alone, one transaction for a batch: what it has seen (``metric_watch``) and the events that
follow from it commit together. Who reads: nobody else; planners get the events as they get any other.

What a crash leaves: the batch, which comes again, and the state from before it. Repeats, of the relay, the bus or a
rebalance, are told by the numbers of batches; two watchers that hold one run for a moment wait for each other's rows. So
a metric that passes is announced once, whatever fails, and at most once in 24 hours for each run and automation.

What was logged has been seen: a run that is taken back to a step keeps the values that it had logged beyond it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
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
_SYSTEM = "system."


class Sighting(NamedTuple):
    """What a batch holds of a metric that an automation watches; ``steps`` stand beside ``points``."""

    definition: Definition
    metric: Metric
    batch: MetricBatch
    points: list[float]
    steps: list[int | None]

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
        self._announcer = Announcer(public_url)

    async def handle(self, batch: Sequence[Received[MetricBatch]]) -> None:
        """Watch the batch in one transaction, whose repetition changes nothing."""
        async with self._database.transaction() as transaction:
            index = await self._catalogue.refresh(transaction)
            seen: defaultdict[Key, list[Sighting]] = defaultdict(list)
            for received in batch:
                if received.event is not None:
                    for sighting in sightings(index, received.event):
                        seen[sighting.key].append(sighting)
            if seen:
                await self._watch(transaction, index, seen)

    async def _watch(self, transaction: Transaction, index: Index, seen: dict[Key, list[Sighting]]) -> None:
        wanted = [
            Wanted(*key, found[-1].definition.organization_id, metric_tests.digest(found[-1].metric))
            for key, found in seen.items()
        ]
        states = await watch_repository.hold(transaction, wanted)
        alarms: list[Alarm] = []
        for key, found in seen.items():
            fresh = list(_fresh(states[key], found))
            alarm = None if states[key].rests(ONCE_IN) else await self._first(transaction, states[key], fresh)
            if alarm is not None:
                alarms.append(alarm)
            for each in fresh:
                _take(states[key], each)
        for alarm, moment in await self._announcer.announce(transaction, index, alarms):
            states[alarm.definition.id, alarm.run.id].fired_at = moment
        await watch_repository.save(transaction, states)

    async def _first(self, transaction: Transaction, state: State, found: Sequence[Sighting]) -> Alarm | None:
        """Return the first of new values that passes the test, of a run that the automation is for."""
        before = state.points
        for each in found:
            if each.definition.enabled:
                if len(each.points) > _MANY:
                    # What a run has logged in a rush must not hold up whoever shares this loop.
                    await asyncio.sleep(0)
                for passed in metric_tests.passes(each.metric, before, each.points):
                    alarm = Alarm(each.definition, each.metric, each.batch, passed, each.steps[passed.place])
                    if await self._announcer.is_meant(transaction, alarm):
                        return alarm
                    if not alarm.is_asked_for_its_value:
                        break
            before = metric_tests.kept(each.metric, before, each.points)
        return None


def sightings(index: Index, batch: MetricBatch) -> Iterator[Sighting]:
    """Yield what a batch holds for the automations in whose scope its run lies."""
    for definition in index.watching(batch.source, batch.run):
        if batch.time < definition.created_at - LOOKBACK or not isinstance(definition.trigger, MetricTrigger):
            continue
        metric = definition.trigger.metric
        points: list[float] = []
        steps: list[int | None] = []
        for line in batch.lines:
            value = line.metrics.get(metric.name)
            if value is None and line.kind == "system":
                # Of the machine's metrics, people write `cpu`.
                value = line.metrics.get(_SYSTEM + metric.name)
            if value is not None:
                points.append(value)
                steps.append(line.step)
        if points:
            yield Sighting(definition, metric, batch, points, steps)


def _fresh(state: State, found: Sequence[Sighting]) -> Iterator[Sighting]:
    last = state.last_number
    for each in found:
        if each.batch.number > last:
            last = each.batch.number
            yield each


def _take(state: State, sighting: Sighting) -> None:
    state.points = metric_tests.kept(sighting.metric, state.points, sighting.points)
    state.last_number = sighting.batch.number
