"""Executions that are due and that no batch brings: what a limit had put off, and what is replayed.

Who writes: one transaction a round locks what is due, plans it into the ledger and deletes it. Who reads: the
dispatcher. A crash before the commit leaves the rows due; after it, they are in the ledger, once.
"""

from collections.abc import Sequence

import structlog

from regista.automations.catalogue import Catalogue
from regista.automations.deciding.decisions import Due, release
from regista.automations.past import due_repository as due
from regista.automations.past import replay
from regista.automations.past.due_repository import DueRow
from regista.delivery import Claimed, NewDelivery
from regista.effects import repository
from regista.effects.planner import Hands, Planned, Way
from regista.kit.bus.fault import Fault, classify
from regista.kit.db import Database, Transaction

logger = structlog.get_logger()

ROWS = 200
"""Executions that one round takes, most."""


class DueExecutions:
    """Takes what is due of a way; any number of these may run, each with rows of its own."""

    def __init__(self, way: Way, database: Database, catalogue: Catalogue, dispatcher: Hands | None = None) -> None:
        self._way = way
        self._database = database
        self._catalogue = catalogue
        self._dispatcher = dispatcher
        self._careful = 0

    async def round(self) -> bool:
        """Plan what is due and hand it over; return whether there was something."""
        rows: list[DueRow] = []
        claimed: list[Claimed] = []
        limit = 1 if self._careful else ROWS
        try:
            async with self._database.transaction() as transaction:
                rows = await due.claim(transaction, self._way.kind, limit)
                if not rows:
                    self._careful = 0
                    return False
                claimed = await self._plan(transaction, rows)
                await due.done(transaction, rows)
                if any(row.replay_id is not None for row in rows):
                    transaction.wake(replay.CHANNEL)
        except Exception as error:
            if not rows or classify(error) is not Fault.GUILTY:
                raise
            await self._single_out(rows, error)
            return True
        self._careful = max(self._careful - len(rows), 0)
        if self._dispatcher is not None and claimed:
            self._dispatcher.hand(claimed)
        return True

    async def _plan(self, transaction: Transaction, rows: Sequence[DueRow]) -> list[Claimed]:
        acted = [Due(row.event_id, row.automation_id, row.replay_id) for row in rows if row.automation_id is not None]
        executions = await release(transaction, self._catalogue, acted, self._way.kind) if acted else []
        return await self._way.plan(transaction, executions, await _as_they_are(transaction, rows))

    async def _single_out(self, rows: Sequence[DueRow], error: Exception) -> None:
        """Go on one by one after a failure that would come again, and give up the one that is to blame."""
        if len(rows) > 1:
            self._careful = len(rows)
            return
        self._careful = max(self._careful - 1, 0)
        logger.error("due_given_up", **rows[0]._asdict(), error=f"{type(error).__name__}: {error}")
        async with self._database.transaction() as transaction:
            await due.give_up(transaction, rows[0], f"{type(error).__name__}: {error}")


async def _as_they_are(transaction: Transaction, rows: Sequence[DueRow]) -> list[Planned]:
    """Return what replays to endpoints send: the events themselves. An endpoint that is gone gets nothing."""
    plain = [row for row in rows if row.automation_id is None and row.integration_id is not None]
    if not plain:
        return []
    lanes = await due.lanes(
        transaction, sorted({row.integration_id for row in plain if row.integration_id is not None})
    )
    bodies = await repository.event_bodies(transaction, [row.event_id for row in plain])
    return [
        (NewDelivery(row.organization_id, lane, row.event_id, None, 0, None, row.replay_id, None), body)
        for row in plain
        if (lane := lanes.get(row.integration_id or 0)) is not None and (body := bodies.get(row.event_id)) is not None
    ]
