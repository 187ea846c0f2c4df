"""From events to rows of the ledger: decide, plan, commit, and hand over what is new."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from regista.automations.catalogue import Catalogue
from regista.automations.deciding.decisions import Execution, decide
from regista.delivery import Claimed, NewDelivery
from regista.kit.bus.model import Received
from regista.kit.db import Database, Transaction

Planned = tuple[NewDelivery, bytes]
"""A row of the ledger, and the body that it sends."""


class Way(NamedTuple):
    """A way of sending: its consumer group, the kind of its actions, lanes and integrations, and how it plans.

    ``plan`` writes what is not in the ledger yet, the rows that it is given behind the executions, and returns it in order.
    """

    group: str
    kind: str
    plan: Callable[[Transaction, Sequence[Execution], Sequence[Planned]], Awaitable[list[Claimed]]]


class Hands(Protocol):
    """A dispatcher of this process, which takes fresh rows without another look at the database."""

    def hand(self, rows: Sequence[Claimed]) -> None:
        """Take rows that are committed."""
        ...


class Planner:
    """The consumer group of a way. ``dispatcher`` is that of the same process, None where there is none."""

    def __init__(self, way: Way, database: Database, catalogue: Catalogue, dispatcher: Hands | None = None) -> None:
        self.group = way.group
        self._way = way
        self._database = database
        self._catalogue = catalogue
        self._dispatcher = dispatcher

    async def handle(self, batch: Sequence[Received]) -> None:
        """Plan the batch in one transaction, whose repetition plans nothing twice."""
        async with self._database.transaction() as transaction:
            executions = await decide(transaction, self._catalogue, batch, self._way.kind)
            if not executions:
                return
            claimed = await self._way.plan(transaction, executions, ())
        if self._dispatcher is not None and claimed:
            self._dispatcher.hand(claimed)
