"""What one planner decides and others have a part in: left to them with the decision, taken back when they come by.

Every planner reads the events for itself, and some time after or before the others. An automation that is saved or
deleted in between may be no concern of the later one any more, or may have been none of the earlier one's; what was
decided still has all its actions carried out, once. So whoever decides leaves a row of ``execution_due`` to each of the
others. Most find the decision with the event, act on it and take the row away; what they have passed over, their workers
find when it is due.
"""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

from regista.automations.actions import NO_OP
from regista.automations.deciding import decisions_repository as repository
from regista.automations.deciding.decisions_repository import Deferral, Pair
from regista.automations.deciding.planners import planners
from regista.automations.matching import Definition
from regista.kit.db import Transaction

GRACE: Final = timedelta(minutes=5)
"""How long the others have to come by before their workers act.

A planner that lags by more has these executions sent by its worker, ahead of older events: a restart takes less.
"""


async def share(
    transaction: Transaction,
    planner: str,
    fired: Iterable[tuple[UUID, Definition]],
    fresh: Collection[Pair],
) -> None:
    """Leave the ``fresh`` decisions of what ``fired`` to the other planners, and take back what they left to this one."""
    left: list[Deferral] = []
    found: list[Pair] = []
    for event, definition in fired:
        others = planners(definition.kinds - {NO_OP}) - {planner}
        if (event, definition.id) in fresh:
            left += [Deferral(each, definition.organization_id, event, definition.id) for each in sorted(others)]
        elif others:
            found.append((event, definition.id))
    if left:
        await repository.put_off(transaction, left, GRACE)
    if found:
        await repository.drop_due(transaction, found, planner)
