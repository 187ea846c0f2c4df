"""What executions of webhooks put into the ledger: the event itself, or the payload that their template makes of it.

A payload is rendered here, once, and frozen in the row.
"""

from collections.abc import Sequence
from typing import Final

from regista.automations.deciding.decisions import Execution
from regista.automations.payloads.authors import name_authors
from regista.automations.payloads.frozen import Frozen
from regista.automations.payloads.templates import render_action
from regista.delivery import Claimed, plan
from regista.effects.planner import Planned, Way
from regista.effects.planning import planned
from regista.kit.db import Transaction


async def plan_executions(
    transaction: Transaction, executions: Sequence[Execution], others: Sequence[Planned]
) -> list[Claimed]:
    """Write what is not in the ledger yet, ``others`` behind the executions, and return it in order."""
    authors = [
        each.seen for each in executions if each.action.template is not None and each.action.template.says_author
    ]
    if authors:
        await name_authors(transaction, authors)
    return await plan(transaction, [*await planned(transaction, executions, _frozen), *others])


WEBHOOKS: Final = Way("webhooks", "webhook", plan_executions)


def _frozen(execution: Execution) -> Frozen | None:
    return render_action(execution.action, execution.automation, execution.seen)
