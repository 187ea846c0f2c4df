"""One decision per (event, automation), whoever asks first.

Every planner calls `decide` in its batch's transaction. The first inserts the decision; the others, and every
redelivery, find it and obey, so an event that an automation has met is never judged twice, even by another revision.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from regista.automations import repository
from regista.automations.catalogue import Catalogue
from regista.automations.matching import Action, Definition, Index
from regista.automations.seen import Seen
from regista.automations.verdict import Verdict, judge
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
    """An event of the batch and the automations that are concerned, each with its own verdict."""

    received: Received
    event: Event[Any]
    verdicts: list[tuple[Definition, Verdict]]


async def decide(
    transaction: Transaction, catalogue: Catalogue, batch: Sequence[Received], kind: str
) -> list[Execution]:
    """Decide every event of the batch for the automations that have an action of ``kind``.

    Returns what is to be carried out, in the batch's order, then by automation and action. Reads one row where no
    automation is concerned; otherwise one statement more, two where decisions were there before, three where such a
    decision names a revision that is not in force any more.
    """
    index = await catalogue.refresh(transaction)
    met: dict[UUID, _Met] = {}
    for received in batch:
        event = received.event
        if event is None or isinstance(event, UnknownEvent) or event.id in met:
            continue
        seen = Seen(event)
        verdicts = [(each, judge(each, seen)) for each in index.candidates(event) if kind in each.kinds]
        if verdicts:
            met[event.id] = _Met(received, event, verdicts)
    if not met:
        return []
    # In the order of ids, because two planners that insert the same decisions in different orders would deadlock.
    decisions = [
        repository.Decided(
            definition.organization_id, event_id, definition.id, definition.revision, verdict.outcome, verdict.reason
        )
        for event_id in sorted(met)
        for definition, verdict in met[event_id].verdicts
    ]
    if await repository.record_decisions(transaction, decisions):
        return [
            Execution(
                each.received, each.event, definition.organization_id, definition.id, definition.revision, *placed
            )
            for each in met.values()
            for definition, verdict in each.verdicts
            if verdict.outcome == "fire"
            for placed in enumerate(definition.actions)
            if placed[1].kind == kind
        ]
    return await _obey(transaction, catalogue, index, met, decisions, kind)


async def _obey(
    transaction: Transaction,
    catalogue: Catalogue,
    index: Index,
    met: dict[UUID, _Met],
    decisions: Sequence[repository.Decided],
    kind: str,
) -> list[Execution]:
    """Return what is to be carried out where some of the decisions were made before, and may say something else."""
    agreed = await repository.recorded_decisions(transaction, decisions)
    fired = {key: each.revision for key, each in agreed.items() if each.verdict == "fire"}
    actions = await catalogue.actions(transaction, index, {(key[1], revision) for key, revision in fired.items()})
    return [
        Execution(each.received, each.event, definition.organization_id, definition.id, revision, *placed)
        for event_id, each in met.items()
        for definition, _ in each.verdicts
        if (revision := fired.get((event_id, definition.id))) is not None
        for placed in enumerate(actions[definition.id, revision])
        if placed[1].kind == kind
    ]
