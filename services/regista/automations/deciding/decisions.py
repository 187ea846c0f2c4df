"""One decision per (event, automation), whoever asks first.

Every planner calls `decide` in its batch's transaction. The first inserts the decision; the others, and every
redelivery, find it and obey, so an event that an automation has met is never judged twice, even by another revision.
What a limit has put off, what is replayed, and what was decided behind a planner's back (`sharing`) comes to a planner by
`release` instead of a batch.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from regista.automations.catalogue import Catalogue
from regista.automations.deciding import decisions_repository as repository
from regista.automations.deciding import limiting, sharing
from regista.automations.deciding.allowance import State, settle
from regista.automations.deciding.author_access import lost_access
from regista.automations.deciding.decisions_repository import Decided, Pair
from regista.automations.deciding.planners import kinds_of
from regista.automations.deciding.verdict import FIRE, Verdict, judge
from regista.automations.language.seen import Seen
from regista.automations.matching import Action, Definition, Index
from regista.kit.bus.model import Received
from regista.kit.db import Transaction
from regista_events import Event, UnknownEvent


class Execution(NamedTuple):
    """One action to carry out: of which automation and revision, and because of which event.

    ``seen`` is the event as conditions and templates see it, one for all executions of the event; ``automation`` is
    what the revision calls the automation.
    """

    received: Received
    event: Event[Any]
    organization_id: int
    automation_id: int
    revision: int
    action_index: int
    action: Action
    seen: Seen
    automation: str
    replay_id: UUID | None = None


class Due(NamedTuple):
    """A row of ``execution_due`` about an automation: of a deferred decision, or of one that a replay has made."""

    event_id: UUID
    automation_id: int
    replay_id: UUID | None = None


class _Met(NamedTuple):
    """An event of the batch and the automations that are concerned."""

    received: Received
    seen: Seen
    definitions: list[Definition]


class _Wanted(NamedTuple):
    """A decision to carry out: of which event, whose and by which revision."""

    received: Received
    seen: Seen
    organization_id: int
    automation_id: int
    revision: int
    replay_id: UUID | None = None


async def decide(
    transaction: Transaction, catalogue: Catalogue, batch: Sequence[Received], kind: str
) -> list[Execution]:
    """Decide every event of the batch for the automations that the planner of ``kind`` decides for.

    Returns its own actions, in the batch's order, then by automation and action. Reads one row where no automation is
    concerned; otherwise two statements more, two to seven for limits, one where decisions were there before, one
    where such a decision names a revision that is not in force any more, and one or two where other planners have a part.

    Raises ``asyncpg.SerializationError`` where another planner, which knows another state of an automation with limits,
    has decided between this one's counting and its decision: the batch is to be repeated, as after any lost race.
    """
    index = await catalogue.refresh(transaction)
    met = _meet(index, batch, kinds_of(kind))
    if not met:
        return []
    verdicts: dict[Pair, Verdict] = {}
    for event, about in met.items():
        for each in about.definitions:
            await transaction.breathe()
            verdicts[event, each.id] = judge(each, about.seen)
    await _refuse_authors(transaction, met, verdicts)
    limited = [
        (event, about.seen.event.time, each)
        for event, about in met.items()
        for each in about.definitions
        if each.limits is not None and verdicts[event, each.id] is FIRE
    ]
    counted = await limiting.apply(transaction, limited) if limited else {}
    if limited:
        # Who saves other limits moves what they hold back. That must not come between reading and counting.
        index = await catalogue.refresh(transaction)
        if any(index.get(each.id) is not each for _, _, each in limited):
            raise asyncpg.SerializationError("an automation with limits was saved while its events were decided")
    verdicts |= counted
    # In the order of ids, because two planners that insert the same decisions in different orders would deadlock.
    decisions = [
        Decided(each.organization_id, event, each.id, each.revision, *verdicts[event, each.id])
        for event in sorted(met)
        for each in met[event].definitions
    ]
    fresh = await repository.record_decisions(transaction, decisions)
    if len(fresh) == len(decisions):
        firing = {(each.event_id, each.automation_id): each.revision for each in decisions if each.verdict == "fire"}
    else:
        firing = await _agreed(transaction, decisions, counted)
    fired = [(event, each) for event, about in met.items() for each in about.definitions if (event, each.id) in firing]
    await sharing.share(transaction, kind, fired, fresh)
    wanted = [
        _Wanted(met[event].received, met[event].seen, each.organization_id, each.id, firing[event, each.id])
        for event, each in fired
    ]
    return await _executions(transaction, catalogue, index, wanted, kind)


async def release(transaction: Transaction, catalogue: Catalogue, due: Sequence[Due], kind: str) -> list[Execution]:
    """Return the actions of ``kind`` that are to be carried out now, of executions that were put off, in their order.

    The first planner to come decides what was deferred, and counts it against the limits: it fires, unless the
    automation was deleted (reason ``deleted``) or disabled meanwhile, or its author has lost access. The others obey, as
    everybody does where a newer event has taken its place. Replays are decided already. The rows are the caller's to
    lock before and to delete after.
    """
    index = await catalogue.refresh(transaction)
    deferred = {(each.event_id, each.automation_id) for each in due if each.replay_id is None}
    decided = await _settle(transaction, index, deferred) if deferred else {}
    replays = {(each.event_id, each.automation_id, each.replay_id) for each in due if each.replay_id is not None}
    replayed = await repository.replayed_decisions(transaction, replays) if replays else {}
    events = await repository.logged_events(transaction, [each.event_id for each in due])
    seen = {event: Seen(known) for event, received in events.items() if (known := _known(received)) is not None}
    wanted: list[_Wanted] = []
    for each in due:
        if each.event_id not in seen:
            continue
        about = events[each.event_id], seen[each.event_id]
        if each.replay_id is not None:
            row = replayed.get((each.event_id, each.automation_id, each.replay_id))
            if row is not None:
                home, revision = row["organization_id"], row["revision"]
                wanted.append(_Wanted(*about, home, each.automation_id, revision, each.replay_id))
        elif (known := decided.get((each.event_id, each.automation_id))) is not None and known.acts:
            wanted.append(_Wanted(*about, known.organization_id, each.automation_id, known.revision))
    return await _executions(transaction, catalogue, index, wanted, kind)


def _meet(index: Index, batch: Sequence[Received], kinds: frozenset[str]) -> dict[UUID, _Met]:
    met: dict[UUID, _Met] = {}
    for received in batch:
        event = _known(received)
        if event is None or event.id in met:
            continue
        found = [each for each in index.candidates(event) if not kinds.isdisjoint(each.kinds)]
        if found:
            met[event.id] = _Met(received, Seen(event), found)
    return met


async def _refuse_authors(transaction: Transaction, met: Mapping[UUID, _Met], verdicts: dict[Pair, Verdict]) -> None:
    """Skip what would fire in the name of somebody who may not have it fire any more."""
    firing = {
        (each.id, each.revision): None
        for event, about in met.items()
        for each in about.definitions
        if verdicts[event, each.id] is FIRE
    }
    lost = await lost_access(transaction, firing)
    if not lost:
        return
    for event, about in met.items():
        for each in about.definitions:
            why = lost.get((each.id, each.revision))
            if why is not None and verdicts[event, each.id] is FIRE:
                verdicts[event, each.id] = Verdict("skipped", "author", why)


async def _agreed(
    transaction: Transaction, decisions: Sequence[Decided], counted: Mapping[Pair, Verdict]
) -> dict[Pair, int]:
    """Return the revisions that fire where some of the decisions were made before, and may say something else."""
    agreed = await repository.recorded_decisions(transaction, [each.pair for each in decisions])
    for each in decisions:
        if each.pair in counted and agreed[each.pair][:6] != each[:6]:
            raise asyncpg.SerializationError(
                f"event {each.event_id} was decided by another revision of automation {each.automation_id} meanwhile"
            )
    return {pair: each.revision for pair, each in agreed.items() if each.verdict == "fire"}


async def _settle(transaction: Transaction, index: Index, pairs: Collection[Pair]) -> dict[Pair, Decided]:
    """Decide those of the pairs that are deferred, and return what holds for each."""
    asked = await repository.recorded_decisions(transaction, pairs)
    homes = {each.automation_id: each.organization_id for each in asked.values() if _may_wait(each)}
    if not homes:
        return asked
    states = await repository.claim_limits(transaction, homes)
    # Again, now that nobody else decides for these automations.
    asked = await repository.recorded_decisions(transaction, pairs)
    waiting = {
        pair: each
        for pair, each in asked.items()
        if pair[1] in states and _may_wait(each) and (each.verdict == "deferred" or _is_held(states[pair[1]], pair[0]))
    }
    lost = await lost_access(transaction, {(each.automation_id, each.revision) for each in waiting.values()})
    verdicts = {
        pair: _released(index.get(pair[1]), lost.get((pair[1], each.revision))) for pair, each in waiting.items()
    }
    if verdicts:
        await repository.settle_decisions(transaction, verdicts)
    moved = {}
    for pair, verdict in verdicts.items():
        state, definition = states[pair[1]], index.get(pair[1])
        if _is_held(state, pair[0]):
            limits = definition and definition.limits
            moved[pair[1]] = settle(limits, state) if verdict is FIRE else state._replace(held=None)
    if moved:
        await repository.count_limits(transaction, moved)
    return asked | {
        pair: waiting[pair]._replace(verdict=verdict.outcome, reason=verdict.reason)
        for pair, verdict in verdicts.items()
    }


def _may_wait(decided: Decided) -> bool:
    """Return whether it may be undecided: some of its actions may have been given up before it was."""
    return decided.verdict == "deferred" or decided.reason == "failed"


def _is_held(state: State, event: UUID) -> bool:
    return state.held is not None and state.held.event_id == event


def _released(definition: Definition | None, lost: str | None) -> Verdict:
    if definition is None:
        return Verdict("skipped", "deleted")
    if not definition.enabled:
        return Verdict("skipped", "disabled")
    return FIRE if lost is None else Verdict("skipped", "author", lost)


async def _executions(
    transaction: Transaction, catalogue: Catalogue, index: Index, wanted: Sequence[_Wanted], kind: str
) -> list[Execution]:
    """Return the actions of ``kind``, in order."""
    if not wanted:
        return []
    deeds = await catalogue.deeds(transaction, index, {(each.automation_id, each.revision) for each in wanted})
    return [
        Execution(
            each.received,
            each.seen.event,
            each.organization_id,
            each.automation_id,
            each.revision,
            place,
            action,
            each.seen,
            deed.name,
            each.replay_id,
        )
        for each in wanted
        for deed in (deeds[each.automation_id, each.revision],)
        for place, action in enumerate(deed.actions)
        if action.kind == kind
    ]


def _known(received: Received) -> Event[Any] | None:
    event = received.event
    return None if isinstance(event, UnknownEvent) else event
