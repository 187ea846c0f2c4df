"""How effects come into the ledger."""

from collections.abc import Sequence

from regista.delivery.contract import Claimed, NewDelivery
from regista.delivery.repository import ledger
from regista.kit import ids
from regista.kit.db import Transaction


async def plan(transaction: Transaction, rows: Sequence[tuple[NewDelivery, bytes]]) -> list[Claimed]:
    """Write the effects that are not in the ledger yet, and return those in ledger order, for ``Dispatcher.hand``.

    Each comes with the body to send. A row whose key is known is passed over, also when another transaction is about
    to commit it: this one then waits for that. Two rows of one call may have the same key; the first stands.
    """
    if not rows:
        return []
    await ledger.lock_fifo_lanes(transaction, list({row.lane_id for row, _ in rows}))
    new = {ids.uuid7(): row for row in rows}
    plans = [row for row, _ in rows]
    # Column by column: this runs once per delivery, and building a tuple per row costs more than the rest of it.
    columns = (
        list(new),
        [row.organization_id for row in plans],
        [row.lane_id for row in plans],
        [row.event_id for row in plans],
        [row.automation_id for row in plans],
        [row.action_index for row in plans],
        [row.revision for row in plans],
        [row.replay_id for row in plans],
        [row.payload for row in plans],
        [row.holes for row in plans],
        [row.traceparent for row in plans],
    )
    claimed: list[Claimed] = []
    for delivery, position in await ledger.insert(transaction, columns):
        row, body = new[delivery]
        claimed.append(
            Claimed(
                delivery,
                position,
                row.organization_id,
                row.lane_id,
                row.event_id,
                1,
                body,
                row.replay_id is not None,
                row.holes,
                row.traceparent,
            )
        )
    return claimed
