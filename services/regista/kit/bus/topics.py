"""The topics of an installation: how many partitions, how large a record, how long it stays."""

from datetime import timedelta
from typing import NamedTuple

from regista.kit.shards import SHARDS
from regista_events import topics

MAX_MESSAGE_BYTES = 5 << 20
"""The largest batch a topic takes; an event has at most 4 MiB, the rest is its context, key and framing."""

RETENTION = timedelta(days=7)
"""How long records stay; shorter than the ledger of effects, so that no replay of the topic can outlive its rows."""


class Topic(NamedTuple):
    """A topic as it must be."""

    name: str
    partitions: int = SHARDS
    retention: timedelta = RETENTION

    def settings(self, replication: int) -> dict[str, str]:
        """Return the topic's configuration. All replicas but one must have a record before it is acknowledged."""
        return {
            "cleanup.policy": "delete",
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
            "min.insync.replicas": str(max(1, replication - 1)),
            "retention.ms": str(int(self.retention / timedelta(milliseconds=1))),
        }


TOPICS = (Topic(topics.EVENTS), Topic(topics.RUN_METRICS, retention=timedelta(days=1)))
