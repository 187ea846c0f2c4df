"""What executions of webhooks put into the ledger: the event itself, or the payload that their template makes of it.

A payload is rendered here, once, and frozen in the row. One that cannot be (too large) has a row like any other, which is
dead at once and says why: nothing waits for it, and the execution has failed where people look.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from regista.automations.deciding.decisions import Execution
from regista.automations.payloads.authors import name_authors
from regista.automations.payloads.frozen import written
from regista.automations.payloads.templates import LARGEST, SLOWEST, TOO_LARGE, TOO_SLOW, UNFIT, render_action
from regista.delivery import Claimed, NewDelivery, give_up, plan
from regista.effects.planner import Planned, Way
from regista.kit.db import Transaction

UNSENDABLE: Final[Mapping[str, str]] = {
    TOO_LARGE: f"not sent: the payload has more than {LARGEST} bytes once it is filled in",
    TOO_SLOW: f"not sent: the payload took more than {SLOWEST:g} s to fill in; save the automation with a simpler one",
    UNFIT: "not sent: the payload's template does not fit the event; save the automation again to see why",
}
"""What is said of payloads that there are none of, by the error that stands in place of their holes."""


async def plan_executions(
    transaction: Transaction, executions: Sequence[Execution], others: Sequence[Planned]
) -> list[Claimed]:
    """Write what is not in the ledger yet, ``others`` behind the executions; return what can be sent of it, in order."""
    authors = [
        each.seen for each in executions if each.action.template is not None and each.action.template.says_author
    ]
    if authors:
        await name_authors(transaction, authors)
    rows = [_planned(each, each.action.lane_id) for each in executions if each.action.lane_id is not None]
    claimed = await plan(transaction, [*rows, *others])
    unsendable: defaultdict[str, list[UUID]] = defaultdict(list)
    for each in claimed:
        if not each.body:
            unsendable[each.holes or ""].append(each.id)
    if not unsendable:
        return claimed
    for error, deliveries in unsendable.items():
        await give_up(transaction, deliveries, error, UNSENDABLE[error])
    return [each for each in claimed if each.body]


def _planned(execution: Execution, lane: int) -> Planned:
    frozen = render_action(execution.action, execution.automation, execution.seen)
    new = NewDelivery(
        execution.organization_id,
        lane,
        execution.event.id,
        execution.automation_id,
        execution.action_index,
        execution.revision,
        execution.replay_id,
        None if frozen is None else frozen.body,
        None if frozen is None else frozen.error or written(frozen.holes),
        execution.event.traceparent,
    )
    return new, execution.received.raw if frozen is None else frozen.body


WEBHOOKS: Final = Way("webhooks", "webhook", plan_executions)
