"""Limits, applied to what is about to be decided: locked, weighed event by event, counted once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from regista.automations.deciding import decisions_repository as repository
from regista.automations.deciding.allowance import put_off, weigh
from regista.automations.deciding.author_access import lost_access
from regista.automations.deciding.decisions_repository import Decided, Deferral, Pair
from regista.automations.deciding.limits import Limits
from regista.automations.deciding.planners import planners
from regista.automations.deciding.verdict import FIRE, Verdict
from regista.automations.matching import Definition
from regista.kit.db import Transaction

COALESCED = Verdict("skipped", "coalesced")

Limited = tuple[UUID, datetime, Definition]
"""An event, when it happened, and an automation with limits that it would fire."""


async def apply(transaction: Transaction, wanted: Sequence[Limited]) -> dict[Pair, Verdict]:
    """Return the verdicts on what nobody has decided yet, in this order, and count what fires.

    Whoever decides for an automation with limits holds its row until the decisions are committed, so that each event
    counts once, whichever planner meets it first. What waited before may have been let through, given up for a newer
    event, or have lost its author: that is decided here too.
    """
    homes = {each.id: each.organization_id for _, _, each in wanted}
    states = await repository.claim_limits(transaction, homes)
    held = {automation: state.held for automation, state in states.items() if state.held is not None}
    pairs = {(event, each.id) for event, _, each in wanted}
    known = await repository.recorded_decisions(transaction, pairs | {(held[each].event_id, each) for each in held})
    definitions = {each.id: each for _, _, each in wanted}
    waiting = [known[pair] for each in held if (pair := (held[each].event_id, each)) in known]
    earlier = await _orphaned(transaction, waiting, definitions)
    moved = {automation: states[automation]._replace(held=None) for _, automation in earlier}
    new: dict[Pair, Verdict] = {}
    for event, time, definition in wanted:
        if (event, definition.id) in known or definition.limits is None:
            continue
        state = moved.get(definition.id, states[definition.id])
        weighed = weigh(definition.limits, state, event, time)
        for other, verdict in ((weighed.released, FIRE), (weighed.superseded, COALESCED)):
            if other is not None:
                pair = (other, definition.id)
                (new if pair in new else earlier)[pair] = verdict
        new[event, definition.id] = weighed.verdict
        moved[definition.id] = weighed.state
    if moved:
        await repository.count_limits(transaction, moved)
    if earlier:
        await repository.settle_decisions(transaction, earlier)
    # What does not wait any more, or for another moment now.
    gone = [
        pair
        for automation, each in held.items()
        if automation in moved and moved[automation].held != each
        if earlier.get(pair := (each.event_id, automation)) is not FIRE
    ]
    if gone:
        await repository.drop_due(transaction, gone)
    deferrals = [
        Deferral(planner, homes[automation], state.held.event_id, automation, state.held.until)
        for automation, state in moved.items()
        if state.held is not None and state.held != states[automation].held
        for planner in sorted(planners(definitions[automation].kinds))
    ]
    if deferrals:
        await repository.put_off(transaction, deferrals)
    return new


async def reconsider(transaction: Transaction, automation: int, organization: int, limits: Limits | None) -> None:
    """Have what waits come up when ``limits`` let it through, which have changed; at once where there are none.

    Call this for an automation that had limits. What a worker holds already, comes up now.
    """
    states = await repository.claim_limits(transaction, {automation: organization})
    state = states[automation]
    held = state.held and put_off(limits, state.held.time, state)
    if held is None or held == state.held:
        return
    await repository.count_limits(transaction, {automation: state._replace(held=held)})
    await repository.move_due(transaction, (held.event_id, automation), held.until)


async def _orphaned(
    transaction: Transaction, waiting: Sequence[Decided], definitions: Mapping[int, Definition]
) -> dict[Pair, Verdict]:
    """Return the verdicts on what waits for an author who has lost access; those of revisions in force were asked for."""
    others = {
        (each.automation_id, each.revision): each.pair
        for each in waiting
        if each.revision != definitions[each.automation_id].revision
    }
    lost = await lost_access(transaction, others)
    return {others[revision]: Verdict("skipped", "author", why) for revision, why in lost.items()}
