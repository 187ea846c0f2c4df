"""Automations and the past over REST: why one did or did not act, and what one would have done."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field, model_validator
from pydantic_core import to_json

from regista.access.actions import Action
from regista.access.boundary import Call, Caller, caller
from regista.access.verdict import Actor, Resource, authorize, decide
from regista.automations.api import ActionPart, Actions, AutomationId, NewAutomation, NoAction
from regista.automations.names import AutomationName
from regista.automations.past import explaining
from regista.automations.past.draft import draft, saved
from regista.automations.past.explain import StepName
from regista.automations.past.explaining import Answer
from regista.automations.past.simulating import Task, simulate, task
from regista.events.filters import Moment
from regista.events.passage import stretch
from regista.events.readers import readable_entities
from regista.events.selection import Selection
from regista.kit import clock
from regista.kit.db import Transaction
from regista.kit.errors import RegistaError, UnavailableError
from regista.kit.web import PROBLEMS, ActionRouter, Body

router = ActionRouter(prefix="/automations", tags=["automations"], responses=PROBLEMS)

MAX_SIMULATIONS = 4
"""Simulations that one process runs at a time: each keeps it busy."""
NDJSON = "application/x-ndjson"
Authorize = Callable[[Actor], None]
"""Raises what `authorize` raises."""
_STREAM: dict[int | str, Any] = {200: {"description": "lines of JSON", "content": {NDJSON: {}}}}


class DraftAutomation(NewAutomation):
    """An automation that is not saved; without actions it does nothing when it fires."""

    name: AutomationName = "draft"
    actions: Actions = Field(default_factory=lambda: [ActionPart(no_op=NoAction())])


class DraftQuestion(Body):
    """An event of the log, and an automation to ask about it."""

    event: UUID
    automation: DraftAutomation


class StepShape(BaseModel):
    """One step of the decision: ``holds`` is null where nobody knows, ``said`` is a sentence, ``values`` what it saw."""

    step: StepName
    holds: bool | None
    said: str
    values: dict[str, Any]


class DecisionShape(BaseModel):
    """What was decided when the automation met the event. ``executions`` is where its actions are listed."""

    revision: int
    verdict: Literal["fire", "skipped", "unmet", "deferred"]
    reason: str | None
    error: str | None
    decided_at: datetime
    executions: str


class ExplanationShape(BaseModel):
    """Why an automation did or did not act on an event.

    ``outcome`` and ``reason`` are what the steps come to: ``unconcerned`` is an event that leaves no decision, and
    ``reason`` then the step that says why. ``revision`` is the one that was in force, null for a draft. ``decision`` is
    what was recorded, null where nothing was.
    """

    automation_id: int | None
    revision: int | None
    event_id: UUID
    outcome: Literal["fire", "skipped", "unmet", "deferred", "unconcerned"]
    reason: str | None
    said: str
    steps: list[StepShape]
    decision: DecisionShape | None


class Simulated(Body):
    """What to simulate: an ``automation`` by id or a ``draft``, over the last ``days`` or from ``from`` up to ``to``.

    ``limit`` is how many events are told one by one; all are counted.
    """

    automation: AutomationId | None = None
    draft: DraftAutomation | None = None
    days: Annotated[int, Field(ge=1, le=3650)] | None = None
    since: Annotated[Moment | None, Field(alias="from")] = None
    until: Annotated[Moment | None, Field(alias="to")] = None
    limit: Annotated[int, Field(ge=0, le=1000)] = 20

    @model_validator(mode="after")
    def _one(self) -> "Simulated":
        if (self.automation is None) == (self.draft is None):
            raise ValueError("give either `automation`, an id, or `draft`")
        if self.days is not None and (self.since is not None or self.until is not None):
            raise ValueError("give either `days`, or `from` and `to`")
        return self

    @property
    def drafted(self) -> DraftAutomation:
        """The draft, where no automation is named."""
        assert self.draft is not None  # noqa: S101 - one of the two is given
        return self.draft


@router.read("/{automation_id}/explain", action=Action.AUTOMATION_READ, response_model=ExplanationShape)
async def explain_automation(
    call: Call, automation_id: AutomationId, event: Annotated[UUID, Query(description="an event of the log")]
) -> Response:
    """Say why an automation, deleted or not, did or did not act on an event, as it was when that happened."""

    async def query(tx: Transaction) -> ExplanationShape:
        answer = await explaining.explain_past(tx, call.actor, automation_id, event)
        return _explanation(answer, automation_id, event)

    return await call.answer(query)


@router.create("/explain", action=Action.AUTOMATION_WRITE, response_model=ExplanationShape)
async def explain_draft(call: Call, body: DraftQuestion) -> Response:
    """Say why an automation that is not saved would or would not act on an event."""

    async def query(tx: Transaction) -> ExplanationShape:
        answer = await explaining.explain_draft(tx, call.actor, body.automation.wanted(), body.event)
        return _explanation(answer, None, body.event)

    return await call.answer(query)


@router.create("/simulate", action=Action.AUTOMATION_READ, response_class=StreamingResponse, responses=_STREAM)
async def simulate_automation(call: Call, body: Simulated) -> Response:
    """Say what an automation or a draft would have done about the events of the past; nothing is done.

    The answer is NDJSON, as it comes: lines of ``kind`` ``hit`` (an event that it would act on, or skip, with the
    payloads that it would send, secrets masked), ``progress``, and at last ``summary``, or ``error`` where that cannot
    be reached. Limits are counted in the time of the events. It ends with the connection. It is for who may save the
    automation, or may read the events. A metric has no events from before its automation was saved: the summary's
    ``note`` says so of a draft.
    """

    async def query(tx: Transaction) -> tuple[Task, Resource]:
        subject = await (
            saved(tx, call.actor, body.automation)
            if body.automation is not None
            else draft(tx, call.actor, body.drafted.wanted())
        )
        writes = decide(call.actor, Action.AUTOMATION_WRITE, subject.scope).allowed
        if not writes:
            authorize(call.actor, Action.EVENT_READ, subject.scope)
        since = body.since if body.days is None else clock.now() - timedelta(days=body.days)
        selection = Selection(
            types=tuple(sorted(subject.definition.events)),
            since=since,
            until=body.until,
            # Whoever may save the automation would get what lies in its scope, and is told of nothing else.
            entities=None if writes else await readable_entities(tx, call.actor),
        )
        place = await stretch(tx, call.actor.organization_id, selection)
        return task(subject.definition._replace(enabled=True), selection, place, body.limit), subject.scope

    wanted, scope = await call.read(query)

    def authorized(actor: Actor) -> None:
        if not decide(actor, Action.AUTOMATION_WRITE, scope).allowed:
            authorize(actor, Action.EVENT_READ, scope)

    return stream(call, wanted, authorized)


def stream(call: Caller, wanted: Task, authorized: Authorize) -> Response:
    """Return the answer that simulates, for as long as its reader is ``authorized``.

    Raises `UnavailableError` where the process has enough to do.
    """
    state = call.request.app.state
    running: set[object] = getattr(state, "simulations", set())
    state.simulations = running
    if len(running) >= MAX_SIMULATIONS:
        raise UnavailableError(f"this process runs {MAX_SIMULATIONS} simulations already; try again later")
    stopping: asyncio.Event = getattr(state, "stopping", None) or asyncio.Event()
    lines = simulate(call.runtime.database, wanted, lambda: _still_allowed(call.request, authorized))
    place = object()

    async def written() -> AsyncGenerator[bytes]:
        running.add(place)
        try:
            async for line in lines:
                yield to_json(line) + b"\n"
                if stopping.is_set():
                    yield to_json({"kind": "error", "detail": "the server stops; ask again"}) + b"\n"
                    return
        finally:
            running.discard(place)
            await lines.aclose()

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(written(), media_type=NDJSON, headers=headers)


async def _still_allowed(request: Request, authorized: Authorize) -> bool:
    """Return whether the key may still ask; an outage is no refusal. Raises what the driver raises."""
    try:
        authorized((await caller(request)).actor)
    except RegistaError as error:
        return error.status >= 500  # noqa: PLR2004 - a fault of ours
    return True


def _explanation(answer: Answer, automation: int | None, event: UUID) -> ExplanationShape:
    told, recorded = answer.explanation, answer.recorded
    where = f"/api/v1/executions?automation={automation}&event={event}"
    return ExplanationShape(
        automation_id=automation,
        revision=answer.revision,
        event_id=event,
        outcome=told.outcome,
        reason=told.reason,
        said=told.said,
        steps=[
            StepShape(step=each.name, holds=each.holds, said=each.said, values=dict(each.values)) for each in told.steps
        ],
        decision=None if recorded is None else DecisionShape(**recorded._asdict(), executions=where),
    )
