"""Executions over REST."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel
from pydantic_core import to_json

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.automations.executions import service
from regista.automations.executions.repository import Filters, Place
from regista.automations.executions.service import Shown
from regista.events.asking import Since, Until
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError
from regista.kit.web import PROBLEMS, ActionRouter, Cursor, Limit, Page
from regista.kit.web.pages import decode, encode, foreign
from regista_events import short_name

router = ActionRouter(prefix="/executions", tags=["automations"], responses=PROBLEMS)

Status = Literal["pending", "finished", "failed", "skipped"]
Kind = Literal["webhook", "slack", "no_op"]
Number = Annotated[int | None, Query(ge=1, lt=2**63)]
_SMALL = 2**15


class ExecutionShape(BaseModel):
    """One action of a decision: what became of it.

    ``status`` with ``reason``: ``skipped`` (`disabled`, `deleted`, `loop`, `condition_error`, `author`, `unreadable`,
    `cooldown`, `rate`, `coalesced`, `canceled`, `failed`), ``pending`` until it is sent, or while a limit holds it back
    (`cooldown`, `rate`), ``failed`` (`dead`, `canceled`) or ``finished``. ``error`` says more. ``event_subject`` is null
    for those who may not write the automation.
    """

    id: str
    automation_id: int
    automation: str
    revision: int
    event_id: UUID
    event_type: str | None
    event_subject: str | None
    action_index: int
    kind: str
    status: Status
    reason: str | None
    error: str | None
    delivery_id: UUID | None
    replay_id: UUID | None
    decided_at: datetime


class ExecutionDetail(ExecutionShape):
    """An execution with what it has sent: ``***`` stands for secrets, null is nothing, or not for this reader.

    ``payload`` of a Slack action is the message in Block Kit. ``missing`` are the expressions of its templates that had
    no value. ``links`` are paths of this API.
    """

    missing: list[str]
    links: dict[str, str]
    payload: Any


def _asked(
    automation: Number = None,
    event: UUID | None = None,
    status: Status | None = None,
    reason: Annotated[str | None, Query(max_length=100)] = None,
    kind: Kind | None = None,
    replay: UUID | None = None,
    since: Since = None,
    until: Until = None,
) -> Filters:
    return Filters(automation, status, reason, replay, since, until, kind, event)


@router.read("", action=Action.AUTOMATION_READ, response_model=Page[ExecutionShape])
async def list_executions(
    call: Call, asked: Annotated[Filters, Depends(_asked)], limit: Limit = 50, cursor: Cursor = None
) -> Page[ExecutionShape]:
    """List executions, newest first; ``from`` and ``to`` are about the moment of the decision.

    A page may hold fewer than ``limit`` items and still have a ``next_cursor``: it looks at 5,000 decisions at most.
    """
    behind = _behind(cursor)
    shown, following = await call.read(lambda tx: service.list_executions(tx, call.actor, asked, behind, limit))
    return Page[ExecutionShape](
        items=[ExecutionShape(**_fields(each)) for each in shown],
        next_cursor=None if following is None else encode(following),
    )


@router.read("/{execution}", action=Action.AUTOMATION_READ, response_model=ExecutionDetail)
async def get_execution(call: Call, execution: Annotated[str, Path(max_length=30)]) -> Response:
    """Return an execution with its payload."""
    place = _place(execution)

    async def query(tx: Transaction) -> bytes:
        shown, sent = await service.get_execution(tx, call.actor, place)
        fields = _fields(shown) | {"missing": sent.missing, "links": _links(shown.row)}
        return to_json(fields)[:-1] + b',"payload":' + (sent.payload or b"null") + b"}"

    return Response(await call.read(query), media_type="application/json")


def _behind(cursor: str | None) -> Place:
    key = decode(cursor, int, int)
    place = Place(*key) if key else Place()
    if not -1 <= place.action_index < _SMALL:
        raise foreign(cursor)
    return place


def _place(text: str) -> Place:
    position, _, index = text.partition("-")
    if not (position.isdecimal() and index.isdecimal() and position.isascii() and index.isascii()):
        raise NotFoundError(f"execution {text!r} does not exist; /api/v1/executions lists those that do")
    place = Place(int(position), int(index))
    if place.position >= 2**63 or place.action_index >= _SMALL:
        raise NotFoundError(f"execution {text!r} does not exist; /api/v1/executions lists those that do")
    return place


def _fields(shown: Shown) -> dict[str, Any]:
    row = shown.row
    names = ExecutionShape.model_fields.keys() - {"id", "event_type", "event_subject"}
    return {
        "id": f"{row['position']}-{row['action_index']}",
        "event_type": row["event_type"] and short_name(row["event_type"]),
        "event_subject": row["event_subject"] if shown.may_write else None,
    } | {name: row[name] for name in ExecutionShape.model_fields if name in names}


def _links(row: Any) -> dict[str, str]:
    links = {
        "event": f"/api/v1/events/{row['event_id']}",
        "automation": f"/api/v1/automations/{row['automation_id']}",
        "revisions": f"/api/v1/automations/{row['automation_id']}/revisions",
    }
    if row["delivery_id"] is not None:
        links["delivery"] = f"/api/v1/deliveries/{row['delivery_id']}"
    if row["replay_id"] is not None:
        links["replay"] = f"/api/v1/replays/{row['replay_id']}"
    return links
