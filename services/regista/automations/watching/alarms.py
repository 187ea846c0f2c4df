"""From a metric that has passed a test to its event, under the lock of its run and only for runs that are meant."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from regista.automations import repository
from regista.automations.language.seen import Seen
from regista.automations.matching import Definition, Index
from regista.automations.run_triggers import Difference, Metric, Threshold, ZScore
from regista.automations.service import snapshot
from regista.automations.watching.metric_tests import Passed
from regista.kit import aggregate
from regista.kit.aggregate import Aggregate
from regista.kit.db import SYSTEM, Origin, Transaction
from regista.kit.outbox import Draft, append, preview
from regista.kit.shards import shard_of
from regista.tracking import repository as tracking
from regista_events import AutomationSnapshot, RunMetricTriggered, RunMetricTriggeredData, RunSnapshot
from regista_events.metrics import MetricBatch
from regista_events.runs import MetricTrigger

_VALUES = ("values", "value", "step")
"""What a condition may ask that differs from one value of a run to the next."""


class Alarm(NamedTuple):
    """A metric that has passed the test of an automation, as its batch shows the run."""

    definition: Definition
    metric: Metric
    batch: MetricBatch
    passed: Passed
    step: int | None

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
    """Tells of alarms. What it keeps of automations is true for their revision, whoever changes them."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url
        self._shown: dict[int, AutomationSnapshot] = {}

    async def is_meant(self, transaction: Transaction, alarm: Alarm) -> bool:
        """Return whether the automation's condition holds for the run as its batch shows it."""
        number = int(alarm.batch.partitionkey)
        place = Aggregate(number, alarm.definition.organization_id, 0, shard_of(number), alarm.batch.time)
        return await self._draft(transaction, alarm, alarm.run, place) is not None

    async def announce(
        self, transaction: Transaction, index: Index, alarms: Sequence[Alarm]
    ) -> list[tuple[Alarm, datetime]]:
        """Append the events of alarms whose runs are meant as they are now, and are still there.

        Returns those that were announced, each with its moment.
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
            draft = await self._draft(transaction, alarm, run, place)
            if draft is not None:
                await append(transaction, [draft], self._origin(alarm.definition))
                done.append((alarm, place.now))
        return done

    async def _draft(self, transaction: Transaction, alarm: Alarm, run: RunSnapshot, place: Aggregate) -> Draft | None:
        """Return the event, None where the condition does not hold for it or the automation is gone."""
        shown = await self._automation(transaction, alarm.definition)
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
            threshold=alarm.metric.value,
            trigger=_asked(alarm.metric),
        )
        draft = Draft(RunMetricTriggered, place, f"{run.entity}/{run.project}/runs/{run.name}", data)
        condition = alarm.definition.condition
        if condition is None:
            return draft
        return draft if condition.judge(Seen(preview(draft, self._origin(alarm.definition)))).holds else None

    async def _automation(self, transaction: Transaction, definition: Definition) -> AutomationSnapshot | None:
        known = self._shown.get(definition.id)
        if known is not None and (known.revision, known.enabled) == (definition.revision, definition.enabled):
            return known
        row = await repository.one(transaction, definition.organization_id, definition.id)
        if row is None:
            return None
        self._shown[definition.id] = snapshot(row)
        return self._shown[definition.id]

    def _origin(self, definition: Definition) -> Origin:
        return Origin(
            SYSTEM, "system", definition.organization_id, definition.organization, public_url=self._public_url
        )


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
                threshold=metric.value,
                aggregation=metric.aggregate,
                window=metric.window,
            )
        case Difference():
            return MetricTrigger(
                kind="change",
                comparison=metric.direction,
                threshold=metric.value,
                aggregation=metric.aggregate,
                window=metric.window,
                prior_window=metric.prior_window,
                relative=metric.change == "relative",
            )
        case ZScore():
            return MetricTrigger(
                kind="zscore", comparison=metric.direction, threshold=metric.value, window=metric.window
            )
