"""Runs that log, on a running API, and the batches that are published of it."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from regista.kit.bus.model import Received, Record
from regista_events import metrics
from regista_events.metrics import MetricBatch

if TYPE_CHECKING:
    from tests.support.stage import Tenant  # all of the API, which a child that reads what is published has no use for

PUBLISHED = """
SELECT o.event_id, b.aggregate_id, o.shard, b.body, b.context
FROM metric_outbox o JOIN metric_batch b ON b.id = o.event_id ORDER BY o.id
"""
_FIRED = "SELECT body FROM event WHERE type = 'dev.regista.run.metric_triggered' ORDER BY time"


class Logging:
    """A run of the team's project, and its client: counts the lines of each stream."""

    def __init__(self, tenant: "Tenant", name: str) -> None:
        self.tenant = tenant
        self.name = name
        self._lines = {"wandb-history.jsonl": 0, "wandb-events.jsonl": 0}

    async def begin(self, **fields: Any) -> "Logging":
        path = f"/api/v1/projects/{self.tenant.team}/mnist/runs"
        answer = await self.tenant.client.post(path, json={"name": self.name, **fields})
        assert answer.status_code == 201, answer.text
        return self

    async def log(
        self, *rows: Mapping[str, Any], system: Sequence[Mapping[str, Any]] = (), again: int = 0, **more: Any
    ) -> None:
        """Send lines of history and of the machine; ``again`` so many of the last ones before them once more."""
        files: dict[str, Any] = {}
        for file, lines in (("wandb-history.jsonl", rows), ("wandb-events.jsonl", system)):
            if lines:
                offset = self._lines[file] - again
                files[file] = {"offset": offset, "content": [json.dumps(line) for line in lines]}
                self._lines[file] = offset + len(lines)
        path = f"/files/{self.tenant.team}/mnist/{self.name}/file_stream"
        answer = await self.tenant.client.post(path, json={"files": files, **more})
        assert answer.status_code == 200, answer.text

    async def losses(self, *values: float) -> None:
        """Log values of ``loss``, a line each, in one request."""
        await self.log(*({"loss": value} for value in values))


async def records(tenant: "Tenant") -> list[Record]:
    """Return all that waits in the outbox of metrics, in order, as a relay sends it."""
    return [
        Record(row["event_id"], str(row["aggregate_id"]).encode(), row["shard"], row["body"], row["context"])
        for row in await tenant.rows(PUBLISHED)
    ]


async def published(tenant: "Tenant") -> list[Received[MetricBatch]]:
    """Return the same as a consumer gets it."""
    return [Received(metrics.decode(each.raw), each.raw, each.context, each.shard) for each in await records(tenant)]


async def fired(tenant: "Tenant") -> list[dict[str, Any]]:
    """Return the events of metrics that passed, by their time."""
    return [json.loads(row["body"]) for row in await tenant.rows(_FIRED)]
