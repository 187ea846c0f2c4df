"""What all ways of sending read."""

from collections.abc import Sequence
from uuid import UUID

from regista.kit.db import Transaction


async def event_bodies(transaction: Transaction, events: Sequence[UUID]) -> dict[UUID, bytes]:
    """Return the bytes of events of the log, by id."""
    rows = await transaction.connection.fetch("SELECT id, body FROM event WHERE id = ANY($1::uuid[])", list(events))
    return {row["id"]: row["body"] for row in rows}


async def aggregate_id(transaction: Transaction, organization: int, kind: str, integration: int) -> int | None:
    """Return the aggregate of an integration that is not deleted; it never changes, so no lock is needed to read it."""
    found: int | None = await transaction.connection.fetchval(
        """
        SELECT aggregate_id FROM integration
        WHERE organization_id = $1 AND id = $2 AND kind = $3 AND deleted_at IS NULL
        """,
        organization,
        integration,
        kind,
    )
    return found
