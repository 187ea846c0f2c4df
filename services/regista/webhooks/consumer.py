"""From events to rows of the ledger: decide, plan, commit, and hand over what is new."""

from collections.abc import Sequence
from typing import Protocol

from regista.automations.catalogue import Catalogue
from regista.automations.deciding.decisions import decide
from regista.delivery import Claimed
from regista.kit.bus.model import Received
from regista.kit.db import Database
from regista.webhooks.planning import plan_executions

KIND = "webhook"


class Hands(Protocol):
    """A dispatcher of this process, which takes fresh rows without another look at the database."""

    def hand(self, rows: Sequence[Claimed]) -> None:
        """Take rows that are committed."""
        ...


class Planner:
    """The consumer group of webhooks. ``dispatcher`` is that of the same process, None where there is none."""

    group = "webhooks"

    def __init__(self, database: Database, catalogue: Catalogue, dispatcher: Hands | None = None) -> None:
        self._database = database
        self._catalogue = catalogue
        self._dispatcher = dispatcher

    async def handle(self, batch: Sequence[Received]) -> None:
        """Plan the batch in one transaction, whose repetition plans nothing twice."""
        async with self._database.transaction() as transaction:
            executions = await decide(transaction, self._catalogue, batch, KIND)
            if not executions:
                return
            claimed = await plan_executions(transaction, executions)
        if self._dispatcher is not None and claimed:
            self._dispatcher.hand(claimed)
