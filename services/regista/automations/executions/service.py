"""Executions as people read them: what became of each action of each decision.

Nothing is kept for them: they are read from decisions, revisions and the ledgers. Whoever may see an automation, deleted
or not, sees its executions; what the event was about, and what was sent, is for those who may write the automation, since
an automation of the whole organization meets events of every team.
"""

from typing import Any, NamedTuple

import asyncpg

from regista.access.actions import Action
from regista.access.verdict import Actor, Resource, Visibility, authorize, decide, sight
from regista.automations import repository
from regista.automations.actions import SLACK
from regista.automations.executions import repository as executions_repository
from regista.automations.executions.repository import Filters, Place
from regista.automations.language.seen import Seen
from regista.automations.payloads import frozen
from regista.automations.payloads.authors import name_authors
from regista.automations.payloads.templates import render_action, render_message
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError
from regista_events import UnknownEvent, codec


class Shown(NamedTuple):
    """An execution, and whether its reader may see what the event was about."""

    row: asyncpg.Record
    may_write: bool


class Sent(NamedTuple):
    """What was sent, or will be: JSON with secrets masked, and the expressions of its templates without a value."""

    payload: bytes | None
    missing: tuple[str, ...]


async def list_executions(
    transaction: Transaction, actor: Actor, asked: Filters, behind: Place, limit: int
) -> tuple[list[Shown], Place | None]:
    """Return up to ``limit`` executions, newest first, and the place to go on behind, if any.

    A page may be shorter than ``limit`` and still have a next one: the search for rare ones is cut into pages.
    """
    await transaction.plan_for_values()
    seen = sight(actor, Action.AUTOMATION_READ)
    rows, edge = await executions_repository.page(transaction, actor.organization_id, seen, asked, behind, limit + 1)
    shown = [Shown(row, _may(actor, row)) for row in rows[:limit]]
    if len(rows) > limit:
        last = shown[-1].row
        return shown, Place(last["position"], last["action_index"])
    return shown, None if edge is None else Place(edge - 1)


async def get_execution(transaction: Transaction, actor: Actor, place: Place) -> tuple[Shown, Sent]:
    """Return an execution and what it has sent. Raises `NotFoundError`, also for what the actor may not see."""
    row = await executions_repository.one(transaction, actor.organization_id, place)
    if row is None:
        raise NotFoundError(f"execution {place.position}-{place.action_index} does not exist, or you may not see it")
    authorize(actor, Action.AUTOMATION_READ, _resource(actor, row))
    if not _may(actor, row) or row["delivery_id"] is None:
        return Shown(row, _may(actor, row)), Sent(None, ())
    return Shown(row, may_write=True), await _sent(transaction, row)


async def _sent(transaction: Transaction, row: asyncpg.Record) -> Sent:
    if row["payload"] is None:
        return Sent(row["body"], ())
    revision = (row["automation_id"], row["revision"])
    deed = (await repository.past_deeds(transaction, [revision]))[revision]
    event = None if row["body"] is None else codec.decode(row["body"])
    missing: tuple[str, ...] = ()
    if event is not None and not isinstance(event, UnknownEvent):
        seen = Seen(event)
        await name_authors(transaction, [seen])
        action = deed.actions[row["action_index"]]
        render = render_message if action.kind == SLACK else render_action
        again = render(action, deed.name, seen)
        missing = () if again is None else again.missing
    if not row["payload"]:
        return Sent(None, missing)
    return Sent(frozen.masked(row["payload"], frozen.read(row["holes"] or "[]")), missing)


def _may(actor: Actor, row: asyncpg.Record) -> bool:
    return decide(actor, Action.AUTOMATION_WRITE, _resource(actor, row)).allowed


def _resource(actor: Actor, row: Any) -> Resource:
    return Resource(
        f"execution {row['position']}-{row['action_index']}",
        actor.organization_id,
        row["entity_id"],
        Visibility(row["visibility"] or "entity"),
        project_id=row["project_id"],
    )
