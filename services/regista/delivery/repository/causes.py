"""SQL of what deliveries bring about."""

from uuid import UUID

import asyncpg

from regista.kit.db import Transaction

_OF_DELIVERY = """
SELECT e.body, d.automation_id FROM delivery d JOIN event e ON e.id = d.event_id
WHERE d.id = $2 AND d.organization_id = $1
"""


async def of_delivery(transaction: Transaction, organization: int, delivery: UUID) -> asyncpg.Record | None:
    """Return ``body, automation_id``: the event that was sent, and which automation sent it."""
    return await transaction.connection.fetchrow(_OF_DELIVERY, organization, delivery)
