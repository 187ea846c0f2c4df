"""What is forgotten: decisions, deliveries with their attempts, and replays, older than their organization keeps them.

What limits have counted of automations that are deleted goes too, without waiting. The log of events stays. So does
what is still to come, however old: an execution that a limit holds back, a delivery to an endpoint that was disabled, a
replay that runs. A crash leaves what a batch has deleted, and the next sweep goes on.
"""

from typing import Final

from regista.kit.db import Database
from regista.upkeep import retention_repository as repository

BATCH: Final = 2_000
"""Rows of a kind that one transaction deletes, most."""


async def forget_long_ago(database: Database, _public_url: str) -> int:
    """Delete a batch of each kind; return how many rows that were."""
    async with database.transaction() as transaction:
        await transaction.plan_for_values()
        days = await repository.shortest(transaction)
        decisions = await repository.forget_decisions(transaction, days, BATCH)
    async with database.transaction() as transaction:
        await transaction.plan_for_values()
        deliveries = await repository.forget_deliveries(transaction, days, BATCH)
        replays = await repository.forget_replays(transaction, BATCH)
        return decisions + deliveries + replays + await repository.forget_limits(transaction, BATCH)
