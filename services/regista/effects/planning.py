"""Rows of the ledger from what a way has rendered, and what becomes of those that there is nothing to send of.

What cannot be rendered (too large, too slow) has a row like any other, without a body. Its first attempt calls nobody and
is the last: it is dead, is announced as such, and the execution has failed where people look.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from regista.automations.deciding.decisions import Execution
from regista.automations.payloads.frozen import Frozen, written
from regista.automations.payloads.templates import LARGEST, SLOWEST, TOO_LARGE, TOO_SLOW, UNFIT
from regista.delivery import NewDelivery, Outcome
from regista.effects.planner import Planned
from regista.kit.db import Transaction

UNSENDABLE: Final[Mapping[str, str]] = {
    TOO_LARGE: f"not sent: what it says has more than {LARGEST} bytes once it is filled in",
    TOO_SLOW: f"not sent: it took more than {SLOWEST:g} s to fill in; save the automation with a simpler template",
    UNFIT: "not sent: the template does not fit the event; save the automation again to see why",
}
"""What is said where there is nothing to send, by the error that stands in place of the holes."""


async def planned(
    transaction: Transaction, executions: Iterable[Execution], render: Callable[[Execution], Frozen | None]
) -> list[Planned]:
    """Return the rows of executions, in order: they send what ``render`` makes of each, or the event itself (None)."""
    rows: list[Planned] = []
    for each in executions:
        if each.action.lane_id is not None:
            await transaction.breathe()
            rows.append(_row(each, each.action.lane_id, render(each)))
    return rows


def _row(execution: Execution, lane: int, frozen: Frozen | None) -> Planned:
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


def unsent(error: str, told: str, *, gone: bool = False) -> Outcome:
    """Return the outcome of an attempt that called nobody; ``told`` stands where a response would."""
    return Outcome(None, error, 0.0, {}, told.encode(), truncated=False, retry_after=None, gone=gone, called=gone)


def unsendable(error: str) -> Outcome:
    """Return the outcome of a row that has no body for this reason; it is the last one."""
    return unsent(error, UNSENDABLE.get(error, ""))._replace(final=True)
