"""Simulations as they run: the log in chunks, each in a transaction of its own, and news of it as it comes.

Nothing is written, and no connection is held while news is on its way to whoever asked. A simulation ends with its
reader.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from regista.automations.actions import SLACK
from regista.automations.deciding.limits import Limits
from regista.automations.matching import Action, Definition
from regista.automations.past.draft import NUMBER
from regista.automations.past.hindsight import Hindsight, Judge, Judged
from regista.automations.past.simulate import Simulation
from regista.automations.payloads.authors import name_authors
from regista.automations.payloads.frozen import masked
from regista.automations.payloads.templates import render_action, render_message
from regista.automations.run_triggers import MetricTrigger
from regista.events.passage import Chunk, read
from regista.events.selection import Selection, Stretch
from regista.kit import clock
from regista.kit.db import Database, is_outage

NEWS_SECONDS = 0.25
"""How often a simulation says how far it is, at most."""
TURN = 25
"""Events that are judged before everybody else in the process has a turn."""
ALLOWED_SECONDS = 15.0
"""How often it is asked whether the reader may still have it."""

_UNWATCHED = (
    "a metric is watched from the moment its automation is saved, and the log has no values for a draft to be tried on; "
    "save it with the action no_op and read its executions"
)

Line = dict[str, Any]
Allowed = Callable[[], Awaitable[bool]]


class Task(NamedTuple):
    """What is to be simulated: what becomes of which events, and how many are told one by one.

    ``actions`` of the automation called ``name`` are what is told of those; ``note`` is what to know of the counts.
    """

    organization_id: int
    judge: Judge
    selection: Selection
    stretch: Stretch
    shown: int = 0
    limits: Limits | None = None
    actions: tuple[Action, ...] = ()
    name: str = ""
    note: str | None = None


def task(definition: Definition, selection: Selection, place: Stretch, shown: int) -> Task:
    """Return the simulation of a definition."""
    return Task(
        definition.organization_id,
        Hindsight(definition).judge,
        selection,
        place,
        shown,
        definition.limits,
        definition.actions,
        definition.name,
        _UNWATCHED if definition.id == NUMBER and isinstance(definition.trigger, MetricTrigger) else None,
    )


async def simulate(database: Database, wanted: Task, allowed: Allowed) -> AsyncGenerator[Line]:
    """Yield ``hit`` for each of the first events that it would act on or skip, ``progress`` now and then, and ``summary``.

    ``progress`` and ``summary`` have the counts of `Simulation`, ``summary`` the task's ``note`` besides. Where the
    database goes away or the reader is not ``allowed`` any more, the last line is ``error`` in place of the summary.
    """
    simulation = Simulation(wanted.judge, wanted.limits)
    left, shown = wanted.stretch, wanted.shown
    began = told = asked = clock.monotonic()
    try:
        while not left.ended:
            async with database.transaction() as transaction:
                chunk = await read(transaction, wanted.organization_id, wanted.selection, left)
            hits = await _told(database, wanted, (await _met(simulation, chunk))[:shown])
            left = chunk.left
            shown -= len(hits)
            for hit in hits:
                yield hit
            now = clock.monotonic()
            if now >= asked + ALLOWED_SECONDS:
                asked = now
                if not await allowed():
                    yield {"kind": "error", "detail": "the key that asked for this may not read it any more"}
                    return
            if now >= told + NEWS_SECONDS:
                told = now
                yield _counts("progress", simulation) | {"done": _share(wanted.stretch, left)}
    except Exception as error:
        if not is_outage(error):
            raise
        yield {"kind": "error", "detail": "the database does not answer; ask again"}
        return
    simulation.end(clock.now())
    seconds = round(clock.monotonic() - began, 3)
    yield _counts("summary", simulation) | {"seconds": seconds, "note": wanted.note}


async def _met(simulation: Simulation, chunk: Chunk) -> list[Judged]:
    """Return what becomes of the chunk's events, those left out that nothing becomes of."""
    judged: list[Judged] = []
    for place, event in enumerate(chunk.events):
        if place % TURN == 0:
            await asyncio.sleep(0)
        each = simulation.meet(event)
        if each is not None and each.verdict.outcome != "unmet":
            judged.append(each)
    return judged


def _counts(kind: str, simulation: Simulation) -> Line:
    return {
        "kind": kind,
        "examined": simulation.examined,
        "concerned": simulation.concerned,
        "unmet": simulation.unmet,
        "matched": simulation.matched,
        "fires": simulation.fires,
        "waiting": simulation.waiting,
        "skipped": dict(simulation.skipped),
    }


def _share(whole: Stretch, left: Stretch) -> float:
    return round((left.after - whole.after) / max(whole.last - whole.after, 1), 4)


async def _told(database: Database, wanted: Task, hits: Sequence[Judged]) -> list[Line]:
    if hits and any(action.template is not None and action.template.says_author for action in wanted.actions):
        async with database.transaction() as transaction:
            await name_authors(transaction, [hit.seen for hit in hits])
    return [_hit(wanted, hit) for hit in hits]


def _hit(wanted: Task, hit: Judged) -> Line:
    event = hit.seen.event
    return {
        "kind": "hit",
        "event": {"id": str(event.id), "type": event.short_type, "subject": event.subject, "time": event.time},
        "verdict": hit.verdict.outcome,
        "reason": hit.verdict.reason,
        "error": hit.verdict.error,
        "actions": [] if hit.verdict.outcome == "skipped" else [_action(wanted, each, hit) for each in wanted.actions],
    }


def _action(wanted: Task, action: Action, hit: Judged) -> Line:
    told: Line = {"action": action.kind, "integration": action.settings.get("integration")}
    if action.kind == SLACK:
        said = render_message(action, wanted.name, hit.seen)
        return told | said._asdict()
    frozen = render_action(action, wanted.name, hit.seen)
    if frozen is None:
        return told
    payload = json.loads(masked(frozen.body, frozen.holes)) if frozen.error is None else None
    return told | {"payload": payload, "missing": list(frozen.missing), "error": frozen.error}
