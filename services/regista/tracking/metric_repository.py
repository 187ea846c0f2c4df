"""All SQL of batches of metrics that are published."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction

_NUMBERS = "SELECT nextval('metric_number') AS number FROM generate_series(1, $1)"
_ADD = """
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::bytea[]) WITH ORDINALITY AS g (id, body, place)
), stored AS (
    INSERT INTO metric_batch (id, organization_id, aggregate_id, time, body, context)
    SELECT id, $3, $4, $5, body, $6 FROM given
)
INSERT INTO metric_outbox (shard, event_id) SELECT $7, id FROM given ORDER BY place
"""


class Batch(NamedTuple):
    """A batch as it is published."""

    id: UUID
    body: bytes


async def batch_numbers(transaction: Transaction, count: int) -> list[int]:
    """Return the numbers of ``count`` batches of a run, which is locked: they grow."""
    return [row["number"] for row in await transaction.connection.fetch(_NUMBERS, count)]


async def add_batches(transaction: Transaction, run: Aggregate, context: bytes, batches: Sequence[Batch]) -> None:
    """Store batches of a run and announce them, in order."""
    await transaction.connection.execute(
        _ADD,
        [each.id for each in batches],
        [each.body for each in batches],
        run.organization_id,
        run.id,
        run.now,
        context,
        run.shard,
    )
