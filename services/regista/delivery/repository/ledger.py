"""SQL of planners: rows of the ledger."""

from typing import Any

from regista.kit.db import Transaction

# Their lock is what makes the ledger's order the order of commits; in id order, so that planners do not deadlock.
_LOCK_FIFO = "SELECT id FROM lane WHERE id = ANY($1::bigint[]) AND concurrency = 1 ORDER BY id FOR NO KEY UPDATE"

# The database compares nothing but the key: what is already planned is passed over, waiting for whoever plans it now.
_PLAN = """
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[], $5::bigint[], $6::smallint[],
                         $7::integer[], $8::uuid[], $9::bytea[], $10::text[], $11::text[])
    WITH ORDINALITY AS g (id, organization_id, lane_id, event_id, automation_id, action_index, revision, replay_id,
                          payload, holes, traceparent, place)
), planned AS (
    INSERT INTO delivery (id, organization_id, lane_id, event_id, automation_id, action_index, revision, replay_id,
                          payload, holes, traceparent)
    SELECT id, organization_id, lane_id, event_id, automation_id, action_index, revision, replay_id, payload, holes,
           traceparent
    FROM given ORDER BY place
    ON CONFLICT ON CONSTRAINT delivery_once DO NOTHING
    RETURNING id, lane_id, position
), due AS (
    INSERT INTO delivery_due (lane_id, position, delivery_id, due_at)
    SELECT lane_id, position, id, now() FROM planned
)
SELECT id, position FROM planned ORDER BY position
"""


async def lock_fifo_lanes(transaction: Transaction, lanes: list[int]) -> None:
    """Lock those of the lanes that are strict FIFO."""
    await transaction.connection.execute(_LOCK_FIFO, lanes)


async def insert(transaction: Transaction, columns: tuple[list[Any], ...]) -> list[Any]:
    """Insert the rows that are new, due at once; return their ``(id, position)`` in ledger order."""
    return await transaction.connection.fetch(_PLAN, *columns)
