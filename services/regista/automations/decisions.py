"""One decision per (event, automation), whoever asks first.

Every planner calls `decide` in its batch's transaction. The first inserts the decision; the others, and every
redelivery, find it and obey, so an event that an automation has met is never judged twice, even by another revision.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from regista.automations import repository
from regista.automations.catalogue import Catalogue
from regista.automations.matching import Action, Definition
from regista.automations.verdict import judge
from regista.kit.bus.model import Received
from regista.kit.db import Transaction
from regista_events import Event, UnknownEvent


class Execution(NamedTuple):
    """One action to carry out: of which automation and revision, and because of which event."""

    received: Received
    event: Event[Any]
    organization_id: int
    automation_id: int
    revision: int
    action_index: int
    action: Action


class _Met(NamedTuple):
    received: Received
    event: Event[Any]
    definition: Definition


async def decide(
    transaction: Transaction, catalogue: Catalogue, batch: Sequence[Received], kind: str
) -> list[Execution]:
    """Decide every event of the batch for the automations that have an action of ``kind``.

    Returns what is to be carried out, in the batch's order, then by automation and action. Reads one row where no
    automation is concerned; otherwise one statement more, two where decisions were there before, three where such a
    decision names a revision that is not in force any more.
    """
    index = await catalogue.refresh(transaction)
    met: dict[tuple[UUID, int], _Met] = {}
    for received in batch:
        event = received.event
        if event is None or isinstance(event, UnknownEvent):
            continue
        for definition in index.candidates(event):
            if any(action.kind == kind for action in definition.actions):
                met.setdefault((event.id, definition.id), _Met(received, event, definition))
    if not met:
        return []
    decisions: list[repository.Decided] = []
    # Sorted, because two planners that insert the same decisions in different orders would wait for each other.
    for event_id, automation_id in sorted(met):
        _, event, definition = met[event_id, automation_id]
        verdict = judge(definition, event)
        decisions.append(
            repository.Decided(
                definition.organization_id,
                event_id,
                automation_id,
                definition.revision,
                verdict.outcome,
                verdict.reason,
            )
        )
    agreed = await repository.record_decisions(transaction, decisions)
    fired = {key: decided.revision for key, decided in agreed.items() if decided.verdict == "fire"}
    actions = await catalogue.actions(transaction, index, {(key[1], revision) for key, revision in fired.items()})
    return [
        Execution(received, event, definition.organization_id, key[1], fired[key], place, action)
        for key, (received, event, definition) in met.items()
        if key in fired
        for place, action in enumerate(actions[key[1], fired[key]])
        if action.kind == kind
    ]
