"""From a metric that has passed a test to its event, under the lock of its run and only for runs that are meant.

The event goes on with the chain of causes that whoever logged has named. Clients of runs name none: then it is the chain
that brought the run itself about, so that an action which begins a run meets its automation again.

A condition that fails on a run is false, and the execution says why: the event is appended for that, once for each run and
revision as far as this process remembers. It does not count as fired: the condition may hold for a later value.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from regista.automations import repository
from regista.automations.language.conditions import Truth
from regista.automations.language.seen import Seen
from regista.automations.matching import Definition, Index
from regista.automations.run_triggers import Difference, Metric, Threshold, ZScore
from regista.automations.service import snapshot
from regista.automations.watching import watch_repository
from regista.automations.watching.metric_tests import Passed
from regista.automations.watching.watch_repository import Key
from regista.kit import aggregate
from regista.kit.aggregate import Aggregate
from regista.kit.db import SYSTEM, Cause, Database, Origin, Transaction
from regista.kit.outbox import Draft, append, preview
from regista.kit.shards import shard_of
from regista.tracking import repository as tracking
from regista_events import AutomationSnapshot, RunMetricTriggered, RunMetricTriggeredData, RunSnapshot, codec
from regista_events.metrics import MetricBatch
from regista_events.runs import MetricTrigger

_VALUES = ("values", "value", "step")
"""What a condition may ask that differs from one value of a run to the next."""
_MOST_BORN = 10_000
_MOST_TOLD = 100_000


class Alarm(NamedTuple):
    """A metric that has passed the test of an automation, as its batch shows the run."""

    definition: Definition
    metric: Metric
    batch: MetricBatch
    passed: Passed
    step: int | None

    @property
    def key(self) -> Key:
        """The automation and the run."""
        return self.definition.id, self.run.id

    @property
    def run(self) -> RunSnapshot:
        """The run as it was when the values came."""
        return self.batch.run

    @property
    def is_asked_for_its_value(self) -> bool:
        """Whether the automation's condition may hold for one value of a batch and not for the next."""
        condition = self.definition.condition
        return condition is not None and any(map(condition.names, _VALUES))


class Announcer:
    """Tells of alarms. What it keeps of automations is true while their definitions are in force, of runs for ever."""

    def __init__(self, database: Database, public_url: str) -> None:
        self._database = database
        self._public_url = public_url
        self._shown: dict[int, tuple[Definition, AutomationSnapshot | None]] = {}
        self._born: dict[int, Cause | None] = {}
        self._told: set[tuple[int, int, int]] = set()

    async def judge(self, alarm: Alarm) -> Truth:
        """Return whether the automation's condition holds for the run as its batch shows it."""
        await self._learn(alarm)
        number = int(alarm.batch.partitionkey)
        place = Aggregate(number, alarm.definition.organization_id, 0, shard_of(number), alarm.batch.time)
        return self._judged(alarm, self._draft(alarm, alarm.run, place))

    def has_told(self, alarm: Alarm) -> bool:
        """Return whether the failure of the condition on this run was told already."""
        return _failure(alarm) in self._told

    def tell(self, alarms: Iterable[Alarm]) -> None:
        """Remember that these were told, or not meant any more."""
        if len(self._told) >= _MOST_TOLD:
            self._told.clear()
        self._told.update(_failure(alarm) for alarm in alarms)

    async def announce(
        self, transaction: Transaction, index: Index, alarms: Sequence[Alarm]
    ) -> list[tuple[Alarm, datetime]]:
        """Append the events of alarms whose runs are meant as they are now, and are still there.

        Each was meant before, or its condition had failed: the decision on its event says so. Returns those that were
        announced for a run that is meant, each with its moment.
        """
        if not alarms:
            return []
        locked = await aggregate.lock(transaction, {int(alarm.batch.partitionkey) for alarm in alarms})
        done: list[tuple[Alarm, datetime]] = []
        for alarm in alarms:
            place = locked[int(alarm.batch.partitionkey)]
            run = await _run(transaction, place.organization_id, alarm.run.id)
            watching = [] if run is None else index.watching(alarm.definition.source, run)
            if run is None or all(each.id != alarm.definition.id for each in watching):
                continue
            draft = self._draft(alarm, run, place)
            truth = self._judged(alarm, draft)
            if draft is not None and (truth.holds or truth.error is not None):
                await append(transaction, [draft], self._origin(alarm))
            if truth.holds:
                done.append((alarm, place.now))
        return done

    def _draft(self, alarm: Alarm, run: RunSnapshot, place: Aggregate) -> Draft | None:
        """Return the event, None where the automation is gone."""
        _, shown = self._shown[alarm.definition.id]
        if shown is None:
            return None
        data = RunMetricTriggeredData.model_construct(
            run=run,
            automation=shown,
            revision=alarm.definition.revision,
            metric=alarm.metric.name,
            values=alarm.passed.values,
            value=alarm.passed.value,
            step=alarm.step,
            threshold=float(alarm.metric.value),
            trigger=_asked(alarm.metric),
        )
        return Draft(RunMetricTriggered, place, f"{run.entity}/{run.project}/runs/{run.name}", data)

    def _judged(self, alarm: Alarm, draft: Draft | None) -> Truth:
        condition = alarm.definition.condition
        if draft is None or condition is None:
            return Truth(draft is not None)
        return condition.judge(Seen(preview(draft, self._origin(alarm))))

    async def _learn(self, alarm: Alarm) -> None:
        """Read what is to be shown of the automation, and what the run was born of, where it is not known."""
        definition, number = alarm.definition, int(alarm.batch.partitionkey)
        known = definition.id in self._shown and self._shown[definition.id][0] is definition
        if known and (alarm.batch.cause is not None or number in self._born):
            return
        async with self._database.transaction() as transaction:
            row = await repository.one(transaction, definition.organization_id, definition.id)
            first = await watch_repository.first_event(transaction, number)
        self._shown[definition.id] = definition, None if row is None else snapshot(row)
        if len(self._born) >= _MOST_BORN:
            self._born.clear()
        self._born[number] = None if first is None else _led_to(first)

    def _origin(self, alarm: Alarm) -> Origin:
        definition, named = alarm.definition, alarm.batch.cause
        if named is None:
            cause = self._born.get(int(alarm.batch.partitionkey))
        else:
            cause = Cause(named.causationid, named.correlationid, named.hops, tuple(named.automations))
        return Origin(
            SYSTEM,
            "system",
            definition.organization_id,
            definition.organization,
            cause=cause,
            public_url=self._public_url,
        )


def _failure(alarm: Alarm) -> tuple[int, int, int]:
    return alarm.definition.id, alarm.definition.revision, alarm.run.id


def _led_to(first: bytes) -> Cause | None:
    """Return what led to a run's first event, None where no automation did."""
    event = codec.decode(first)
    if event.automations is None or event.causationid is None:
        return None
    automations = tuple(int(each) for each in event.automations.split(","))
    return Cause(event.causationid, event.correlationid or event.causationid, max(event.hops - 1, 0), automations)


async def _run(transaction: Transaction, organization: int, run: int) -> RunSnapshot | None:
    found = (await tracking.runs_by_ids(transaction, organization, [run])).get(run)
    if found is None:
        return None
    projects = await tracking.projects_by_ids(transaction, organization, [found.project_id])
    return found.snapshot(projects[found.project_id])


def _asked(metric: Metric) -> MetricTrigger:
    """Return what was asked as events show it."""
    match metric:
        case Threshold():
            return MetricTrigger(
                kind="threshold",
                comparison=metric.comparison,
                threshold=float(metric.value),
                aggregation=metric.aggregate,
                window=metric.window,
            )
        case Difference():
            return MetricTrigger(
                kind="change",
                comparison=metric.direction,
                threshold=float(metric.value),
                aggregation=metric.aggregate,
                window=metric.window,
                prior_window=metric.prior_window,
                relative=metric.change == "relative",
            )
        case ZScore():
            return MetricTrigger(
                kind="zscore", comparison=metric.direction, threshold=float(metric.value), window=metric.window
            )
