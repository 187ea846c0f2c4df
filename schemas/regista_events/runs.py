"""Runs: their states, and the metrics that automations watch."""

from typing import Any, Literal

from pydantic import Field

from regista_events.envelope import Event, Id, Payload
from regista_events.subjects import AutomationSnapshot, Metadata, RunSnapshot, RunState
from regista_events.transition import Change

NonFinite = Literal["NaN", "Infinity", "-Infinity"]
MetricValue = float | NonFinite


class RunCreatedData(Payload, frozen=True):
    """The run as it was made."""

    run: RunSnapshot


class RunCreated(Event[RunCreatedData], frozen=True):
    """A run was made."""

    type: Literal["dev.regista.run.created"] = "dev.regista.run.created"


class RunStateChangedData(Payload, frozen=True):
    """`state` from and to; `summary` as it stood then, `exit_code` where the run ended with one."""

    run: RunSnapshot
    state: Change[RunState]
    summary: Metadata = Field(default_factory=dict[str, Any])
    exit_code: int | None = None


class RunStateChanged(Event[RunStateChangedData], frozen=True):
    """A run started, finished, failed, crashed or was taken up again."""

    type: Literal["dev.regista.run.state_changed"] = "dev.regista.run.state_changed"


class RunDeletedData(Payload, frozen=True):
    """The run as it was."""

    run: RunSnapshot
    summary: Metadata = Field(default_factory=dict[str, Any])


class RunDeleted(Event[RunDeletedData], frozen=True):
    """A run was deleted."""

    type: Literal["dev.regista.run.deleted"] = "dev.regista.run.deleted"


class RunAlertedData(Payload, frozen=True):
    """What the run's program said: `title`, `text` and how bad it is."""

    run: RunSnapshot
    title: str
    text: str
    severity: Literal["info", "warn", "error"]


class RunAlerted(Event[RunAlertedData], frozen=True):
    """A run's program raised an alert."""

    type: Literal["dev.regista.run.alerted"] = "dev.regista.run.alerted"


class MetricTrigger(Payload, frozen=True):
    """What was asked of a metric, as `mean(loss, last 5) < 0.1`.

    `kind` threshold compares the aggregate of the last `window` points with `threshold`; change compares it with that
    of the `prior_window` points before; zscore compares the last point's distance from the mean of the `window` points
    before it, in their standard deviations.
    """

    kind: Literal["threshold", "change", "zscore"]
    comparison: str = Field(description="< <= > >= for a threshold; increase, decrease or any for the others")
    threshold: MetricValue
    aggregation: str | None = None
    window: int = 1
    prior_window: int | None = None
    relative: bool = False


class RunMetricTriggeredData(Payload, frozen=True):
    """`values` are the points that were judged, oldest first; `value` is what was compared with the threshold.

    `revision` is the automation's revision whose trigger it was.
    """

    run: RunSnapshot
    automation: AutomationSnapshot
    revision: Id
    metric: str
    values: list[MetricValue]
    value: MetricValue | None = None
    step: int | None = None
    threshold: MetricValue
    trigger: MetricTrigger


class RunMetricTriggered(Event[RunMetricTriggeredData], frozen=True):
    """A run's metric did what an automation watches for."""

    type: Literal["dev.regista.run.metric_triggered"] = "dev.regista.run.metric_triggered"
