"""Limits, applied to what is about to be decided: locked, weighed event by event, counted once."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from regista.automations.deciding import decisions_repository as repository
from regista.automations.deciding.allowance import State, weigh
from regista.automations.deciding.decisions_repository import Deferral, Pair
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
    counts once, whichever planner meets it first. What waited before may have been let through, or given up for a newer
    event: that is decided here too.
    """
    homes = {each.id: each.organization_id for _, _, each in wanted}
    states = await repository.claim_limits(transaction, homes)
    known = await repository.recorded_decisions(transaction, [(event, each.id) for event, _, each in wanted])
    moved: dict[int, State] = {}
    new: dict[Pair, Verdict] = {}
    earlier: dict[Pair, Verdict] = {}
    definitions = {each.id: each for _, _, each in wanted}
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
    if given_up := [pair for pair, verdict in earlier.items() if verdict is COALESCED]:
        await repository.drop_due(transaction, given_up)
    deferrals = [
        Deferral(planner, homes[automation], state.held.event_id, automation, state.held.until)
        for automation, state in moved.items()
        if state.held is not None and state.held != states[automation].held
        for planner in sorted(planners(definitions[automation].kinds))
    ]
    if deferrals:
        await repository.put_off(transaction, deferrals)
    return new
