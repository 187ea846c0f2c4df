"""What time does to the ledger: what has come into a lane after its removal is canceled.

A lane is removed with what it has to send. A planner that decided before may write behind that: at the same moment, or
days later, where a limit or a replay had put its action off.
"""

from typing import Final

from regista.delivery.repository import lanes
from regista.kit.db import Database

_BATCH: Final = 1_000


async def cancel_strays(database: Database, _public_url: str) -> int:
    """Cancel a batch of what is to be sent to endpoints that are gone; return how much that was."""
    async with database.transaction() as transaction:
        await transaction.plan_for_values()
        return await lanes.cancel_strays(transaction, _BATCH)
