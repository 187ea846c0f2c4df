"""Deliveries over REST."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.access.verdict import authorize_key
from regista.delivery import service
from regista.delivery.repository.views import Filters
from regista.kit.db import Transaction
from regista.kit.web import PROBLEMS, ActionRouter, Body, Cursor, Limit, Page, page
from regista.kit.web.pages import decode, encode, foreign

router = ActionRouter(prefix="/deliveries", tags=["deliveries"], responses=PROBLEMS)

State = Literal["pending", "succeeded", "dead", "canceled"]
_MOST = 2**15
"""Above every attempt's number."""
Number = Annotated[int, Field(ge=1, lt=2**63)]


class DeliveryShape(BaseModel):
    """An effect and what became of it; `endpoint` is the name of what it goes to, of `kind` webhook or slack.

    `id` is the same on every attempt, and the `webhook-id` that the receiver of a webhook sees. `automation_id` and
    `revision` are null where the event was replayed to the endpoint itself.
    """

    id: UUID
    lane_id: int
    endpoint: str
    kind: str
    event_id: UUID
    event_type: str | None
    automation_id: int | None
    action_index: int
    revision: int | None
    replay_id: UUID | None
    state: State
    attempts: int
    created_at: datetime
    finished_at: datetime | None
    next_attempt_at: datetime | None


class AttemptShape(BaseModel):
    """One attempt. `headers` and `body` of the answer are null for those who may not edit the endpoint.

    `body` is the first 20 kB as text; `truncated` tells that there was more. Where nothing was sent for a reason of the
    delivery's own (`secret_missing`, `url_too_long`, `payload_too_large` and the like in `error`), it says that in words.
    """

    number: int
    manual: bool
    started_at: datetime
    seconds: float
    status: int | None
    error: str | None
    truncated: bool
    headers: dict[str, str] | None
    body: str | None


class Redelivery(Body):
    """Which deliveries to send again: all that fit, in the state given, by default those that were given up.

    `cursor` is `next_cursor` of the answer before, when one request did not suffice.
    """

    state: State | None = "dead"
    lane: Number | None = None
    automation: Number | None = None
    event: UUID | None = None
    since: AwareDatetime | None = None
    cursor: Annotated[str, Field(max_length=1024)] | None = None


class Redelivered(BaseModel):
    """How many attempts were asked for; `next_cursor` is null when nothing is left."""

    redelivered: int
    next_cursor: str | None


def _delivery(row: Any) -> DeliveryShape:
    return DeliveryShape.model_validate(dict(row))


def _attempt(row: Any, *, may_edit: bool) -> AttemptShape:
    values = dict(row)
    lines = [line.partition(": ") for line in values["headers"].splitlines()]
    values["headers"] = {name: value for name, _, value in lines} if may_edit else None
    values["body"] = values["body"].decode("utf-8", "replace") if may_edit else None
    return AttemptShape.model_validate(values)


@router.read("", action=Action.DELIVERY_READ, response_model=Page[DeliveryShape])
async def list_deliveries(
    call: Call,
    state: State | None = None,
    lane: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    automation: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    event: UUID | None = None,
    since: AwareDatetime | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DeliveryShape]:
    """List deliveries, newest first."""
    before = decode(cursor, int)
    filters = Filters(state, lane, automation, event, since)

    async def query(transaction: Transaction) -> list[Any]:
        return await service.list_deliveries(transaction, call.actor, filters, before[0] if before else None, limit + 1)

    return page(await call.read(query), limit, lambda row: [row["position"]], _delivery)


@router.create("/redeliver", action=Action.DELIVERY_REDELIVER, response_model=Redelivered, status_code=202)
async def redeliver_many(call: Call, wanted: Redelivery) -> Response:
    """Ask for one more attempt at each delivery that fits, 1000 at most."""
    before = decode(wanted.cursor, int)
    filters = Filters(wanted.state, wanted.lane, wanted.automation, wanted.event, wanted.since)

    async def command(transaction: Transaction) -> Redelivered:
        authorize_key(call.actor, Action.DELIVERY_REDELIVER, "deliveries")
        number, rest = await service.redeliver_many(transaction, call.actor, filters, before[0] if before else None)
        return Redelivered(redelivered=number, next_cursor=None if rest is None else encode([rest]))

    return await call.mutate(command, status=202)


@router.read("/{delivery}", action=Action.DELIVERY_READ, response_model=DeliveryShape)
async def get_delivery(call: Call, delivery: UUID) -> DeliveryShape:
    """Return one delivery."""
    return _delivery(await call.read(lambda tx: service.get_delivery(tx, call.actor, delivery)))


@router.read("/{delivery}/attempts", action=Action.DELIVERY_READ, response_model=Page[AttemptShape])
async def list_attempts(call: Call, delivery: UUID, limit: Limit = 50, cursor: Cursor = None) -> Page[AttemptShape]:
    """List the attempts at a delivery, oldest first."""
    after = decode(cursor, int)
    if after is not None and not 0 <= after[0] < _MOST:
        raise foreign(cursor)
    rows, may_edit = await call.read(
        lambda tx: service.list_attempts(tx, call.actor, delivery, after[0] if after else 0, limit + 1)
    )
    return page(rows, limit, lambda row: [row["number"]], lambda row: _attempt(row, may_edit=may_edit))


@router.create("/{delivery}/redeliver", action=Action.DELIVERY_REDELIVER, response_model=DeliveryShape, status_code=202)
async def redeliver(call: Call, delivery: UUID) -> Response:
    """Ask for one more attempt, with the same id; it does not begin the schedule again."""

    async def command(transaction: Transaction) -> DeliveryShape:
        return _delivery(await service.redeliver(transaction, call.actor, delivery))

    return await call.mutate(command, status=202)


@router.create("/{delivery}/cancel", action=Action.DELIVERY_REDELIVER, response_model=DeliveryShape)
async def cancel(call: Call, delivery: UUID) -> Response:
    """End a pending delivery. An attempt that is being made may still arrive."""

    async def command(transaction: Transaction) -> DeliveryShape:
        return _delivery(await service.cancel(transaction, call.actor, delivery))

    return await call.mutate(command)
