"""Replays over REST."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query
from fastapi.responses import Response
from pydantic import BaseModel, Field, StringConstraints, model_validator

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.access.verdict import Actor
from regista.automations import repository, service
from regista.automations.api import AutomationId
from regista.automations.past import replay
from regista.automations.past.api import NDJSON, stream
from regista.automations.past.hindsight import everything
from regista.automations.past.replay import Asked
from regista.automations.past.replay_repository import LAST
from regista.automations.past.simulating import Task, task
from regista.events.filters import Moment, full_types
from regista.events.passage import stretch as place_of
from regista.events.selection import Selection
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError
from regista.kit.web import PROBLEMS, ActionRouter, Body, Cursor, Limit, Page, page
from regista.kit.web.pages import decode

router = ActionRouter(tags=["replays"], responses=PROBLEMS)

MOST_EVENTS = 1000
WebhookId = Annotated[int, Field(ge=1, lt=2**63)]
_EITHER: dict[int | str, Any] = {200: {"description": "with `dry_run`: lines of JSON", "content": {NDJSON: {}}}}


class Wanted(Body):
    """Which events are meant: ``events`` by id, or all that fit the rest, of which at least one must be given.

    ``types`` as `alias.added`, ``subject`` is what the subject begins with, ``from`` is included and ``to`` is not.
    ``dry_run`` counts what would be sent and does nothing: the answer is that of ``/automations/simulate``.
    """

    events: Annotated[list[UUID], Field(min_length=1, max_length=MOST_EVENTS)] | None = None
    types: (
        Annotated[list[Annotated[str, StringConstraints(max_length=200)]], Field(min_length=1, max_length=100)] | None
    ) = None
    subject: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    since: Annotated[Moment | None, Field(alias="from")] = None
    until: Annotated[Moment | None, Field(alias="to")] = None
    dry_run: bool = False

    @model_validator(mode="after")
    def _some(self) -> "Wanted":
        fitting = [self.types, self.subject, self.since, self.until]
        if self.events is not None and any(each is not None for each in fitting):
            raise ValueError("give either `events`, or what they are to fit")
        if self.events is None and not any(each is not None for each in fitting):
            raise ValueError("say which events: `events`, `types`, `subject`, `from` or `to`")
        return self

    def selection(self) -> Selection:
        """Return what is meant. Raises `InvalidError` for a type that is not in the catalogue."""
        types = full_types(self.types)
        return Selection(
            events=None if self.events is None else tuple(dict.fromkeys(self.events)),
            types=None if types is None else tuple(types),
            subject=self.subject,
            since=self.since,
            until=self.until,
        )


class ReplayShape(BaseModel):
    """Events of the past that are acted on once more, and how far that has come.

    ``finished``: all of them were judged; what ``fired`` is delivered as any other execution is. ``done`` is the share
    of the log that was looked at, ``revision`` the one in force when it was asked for.
    """

    id: UUID
    automation_id: int | None
    revision: int | None
    webhook_id: int | None
    selection: dict[str, Any]
    state: Literal["running", "finished", "canceled", "failed"]
    error: str | None
    done: float
    examined: int
    fired: int
    skipped: int
    requested_by: str
    created_at: datetime
    finished_at: datetime | None


@router.create(
    "/automations/{automation_id}/replay",
    action=Action.AUTOMATION_WRITE,
    response_model=ReplayShape,
    status_code=202,
    responses=_EITHER,
)
async def replay_to_automation(call: Call, automation_id: AutomationId, body: Wanted) -> Response:
    """Let an automation act once more on events of the past, those that lie in its scope and fulfil its condition.

    Limits are not counted, and its own age does not matter. Deliveries are new ones with header `Regista-Replayed: true`.
    """
    wanted = body.selection()
    if body.dry_run:
        dry = await call.read(lambda tx: _task(tx, call, automation_id, wanted))
        return stream(call, dry, _anybody)

    async def command(tx: Transaction) -> ReplayShape:
        return _shape(await replay.to_automation(tx, call.actor, automation_id, wanted))

    return await call.mutate(command, status=202)


@router.create(
    "/webhooks/{webhook_id}/replay",
    action=Action.DELIVERY_REDELIVER,
    response_model=ReplayShape,
    status_code=202,
    responses=_EITHER,
)
async def replay_to_webhook(call: Call, webhook_id: WebhookId, body: Wanted) -> Response:
    """Send events of the past to an endpoint as they are, with header `Regista-Replayed: true`: those one may read."""
    wanted = body.selection()
    if body.dry_run:
        dry = await call.read(lambda tx: _plain_task(tx, call, webhook_id, wanted))
        return stream(call, dry, _anybody)

    async def command(tx: Transaction) -> ReplayShape:
        return _shape(await replay.to_webhook(tx, call.actor, webhook_id, wanted))

    return await call.mutate(command, status=202)


@router.read("/replays", action=Action.AUTOMATION_READ, response_model=Page[ReplayShape])
async def list_replays(
    call: Call,
    automation: Annotated[AutomationId | None, Query()] = None,
    webhook: Annotated[WebhookId | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List replays to automations and endpoints that one may see, newest first."""
    key = decode(cursor, str, str)

    async def query(tx: Transaction) -> Page[ReplayShape]:
        before = LAST if key is None else _place(key)
        rows = await replay.page_of(tx, call.actor, Asked(automation, webhook), before, limit + 1)
        return page(rows, limit, lambda row: [row["created_at"].isoformat(), str(row["id"])], _shape)

    return await call.answer(query)


@router.read("/replays/{replay_id}", action=Action.AUTOMATION_READ, response_model=ReplayShape)
async def get_replay(call: Call, replay_id: UUID) -> Response:
    """Return a replay and how far it has come."""

    async def query(tx: Transaction) -> ReplayShape:
        return _shape(await replay.get(tx, call.actor, replay_id))

    return await call.answer(query)


@router.create("/replays/{replay_id}/cancel", action=Action.AUTOMATION_WRITE, response_model=ReplayShape)
async def cancel_replay(call: Call, replay_id: UUID) -> Response:
    """End a replay that runs or waits to be planned. What is planned is delivered; the rest is skipped, ``canceled``."""

    async def command(tx: Transaction) -> ReplayShape:
        return _shape(await replay.cancel(tx, call.actor, replay_id))

    return await call.mutate(command)


def _anybody(_actor: Actor) -> None:
    """Return: counts say little, and for a moment."""


async def _task(tx: Transaction, call: Call, automation: int, wanted: Selection) -> Task:
    row = await service.writable(tx, call.actor, automation)
    definition = await repository.definition(tx, call.actor.organization_id, automation)
    assert definition is not None  # noqa: S101 - it was read by this transaction
    selection = replay.of_automation(row, wanted)
    # A replay counts no limits, and whoever may ask for it need not be able to read the log: nothing is told one by one.
    return task(
        definition._replace(limits=None), selection, await place_of(tx, call.actor.organization_id, selection), 0
    )


async def _plain_task(tx: Transaction, call: Call, webhook: int, wanted: Selection) -> Task:
    organization = call.actor.organization_id
    selection = await replay.of_webhook(tx, call.actor, webhook, wanted)
    return Task(organization, everything, selection, await place_of(tx, organization, selection))


def _place(key: tuple[str, str]) -> tuple[datetime, UUID]:
    try:
        moment = datetime.fromisoformat(key[0])
        if moment.tzinfo is not None:
            return moment.astimezone(UTC), UUID(key[1])
    except (ValueError, OverflowError):
        pass
    raise InvalidError("the cursor is not one of this list; begin without a cursor", field="cursor")


def _shape(row: Any) -> ReplayShape:
    whole = row["until"] - row["began"]
    return ReplayShape(
        webhook_id=row["integration_id"],
        done=round((row["position"] - row["began"]) / whole, 4) if whole > 0 else 1.0,
        **{name: row[name] for name in ReplayShape.model_fields if name not in {"webhook_id", "done"}},
    )
