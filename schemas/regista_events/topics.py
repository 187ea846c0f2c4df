"""Kafka topics and what orders them.

The key of every record on `EVENTS` is the event's `partitionkey`, the id of its aggregate, so that one aggregate's
events stay in order. Aggregates by subject of the type:

| subject of the type | aggregate |
|---|---|
| artifact, alias, tag, collection, collection_tag, protected_alias | the collection (an artifact's own: its source collection) |
| run, project, registry | itself |
| automation, execution | the automation |
| endpoint, delivery | the endpoint |
| integration, secret | itself |
| job | the queue item |
| approval | the approval |
| member, api_key, organization | the member, key or organization |
| artifact.downloaded, artifact.used, session, access | each event its own: observations are ordered by nothing |
"""

from typing import Any

from regista_events.envelope import Event

EVENTS = "regista.events.v1"
"""Every event of the log, encoded by the codec."""

RUN_METRICS = "regista.run-metrics.v1"
"""Metric lines of runs on their way to the metric watcher; no events but `metrics.MetricBatch`, keyed by the run's aggregate."""


def partition_key(event: Event[Any]) -> bytes:
    """Return the Kafka key of an event: its aggregate's id in UTF-8."""
    return event.partitionkey.encode()
