"""What planning and announcing read of the log."""

from collections.abc import Sequence
from uuid import UUID

from regista.kit.db import Transaction


async def event_bodies(transaction: Transaction, events: Sequence[UUID]) -> dict[UUID, bytes]:
    """Return the bytes of events of the log, by id."""
    rows = await transaction.connection.fetch("SELECT id, body FROM event WHERE id = ANY($1::uuid[])", list(events))
    return {row["id"]: row["body"] for row in rows}
