"""Automations over REST."""

from collections.abc import Container
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Depends
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, field_validator, model_validator

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.automations import list_filters, listing, repository, service, vocabulary_api
from regista.automations.actions import WantedAction
from regista.automations.deciding.author_access import lost_access
from regista.automations.deciding.limits import Limits
from regista.automations.language.tokens import LONGEST
from regista.automations.listing import Question
from regista.automations.names import AutomationName
from regista.automations.service import Wanted
from regista.kit.db import Transaction
from regista.kit.db.conditions import Condition
from regista.kit.web import PROBLEMS, ActionRouter, Body, Cursor, Limit, Page, Part, page
from regista.kit.web.pages import decode

router = ActionRouter(prefix="/automations", tags=["automations"], responses=PROBLEMS)
router.include_router(vocabulary_api.router)  # before the path of any automation's

_NAMES = {"on": "events", "where": "condition"}
"""Fields of a request that commands call otherwise."""
Text = Annotated[str, StringConstraints(max_length=4096)]
AutomationId = Annotated[int, Field(ge=1, lt=2**63)]
_MOST_ACTIONS = 20
Integration = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class WebhookAction(Part):
    """Send to a webhook: its name, or ``ENTITY/NAME``. ``payload`` is a JSON template; without one the event is sent.

    In its texts and names stand ``${…}``: W&B's variables, CEL over the event, ``${secret.NAME}``, ``${ACCESS_TOKEN}``. A text
    that is one of them takes the value's own type; ``$${`` is a plain ``${``. 64 KiB as written, 1 MiB once filled in.
    """

    integration: Integration
    payload: dict[str, Any] | None = None


class SlackAction(Part):
    """Say something in a channel; ``title`` and ``text`` are templates."""

    integration: Integration
    title: Text | None = None
    text: Text | None = None
    severity: Literal["info", "warn", "error"] | None = None


class NoAction(Part):
    """Do nothing: the execution alone says that the automation has fired."""


class ActionPart(Part):
    """One action, by its kind: exactly one of the fields."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    webhook: WebhookAction | None = None
    slack: SlackAction | None = None
    no_op: NoAction | None = None

    @model_validator(mode="after")
    def _one(self) -> "ActionPart":
        if len(self.model_fields_set) != 1 or None in (getattr(self, name) for name in self.model_fields_set):
            raise ValueError("give exactly one kind of action: `webhook`, `slack` or `no_op`")
        return self

    def wanted(self) -> WantedAction:
        """Return the action as the service takes it."""
        ((kind, settings),) = self.model_dump(exclude_none=True).items()
        return WantedAction(kind, settings)


class _Definition(Body):
    @field_validator("on", mode="before", check_fields=False)
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


Events = Annotated[
    list[Annotated[str, StringConstraints(max_length=200)]],
    Field(min_length=1, max_length=100, description="event types, such as `alias.added`; one may stand alone"),
]
Actions = Annotated[list[ActionPart], Field(min_length=1, max_length=_MOST_ACTIONS)]
Where = Annotated[
    str,
    StringConstraints(max_length=LONGEST),
    Field(
        description="The condition, in CEL, over the words that `/automations/vocabulary` has for each event type. An event "
        "for which it is false, or errs, does not fire; what is wrong with it is said when it is saved, with its place.",
        examples=['alias == "production" && artifact.metadata.acc >= 0.9 && previous != null'],
    ),
]
Trigger = Annotated[
    dict[str, Any],
    Field(
        description="What a run must do: `states` belongs to `run.state_changed`, `metric` to `run.metric_triggered`.",
        examples=[
            {"states": ["finished", "failed"]},
            {"metric": {"test": "threshold", "name": "loss", "window": 5, "comparison": "<", "value": 0.1}},
        ],
    ),
]


class NewAutomation(_Definition):
    """An automation: in which scope, on which events, under which condition (CEL), what is to be done.

    ``trigger`` is what a run must do, for `run.state_changed` and `run.metric_triggered`.
    """

    name: AutomationName
    scope: Annotated[str, StringConstraints(max_length=1000)]
    on: Events
    actions: Actions
    where: Where | None = None
    trigger: Trigger | None = None
    limits: Limits | None = None
    description: Text | None = None
    enabled: StrictBool = True

    def wanted(self) -> Wanted:
        """Return the automation as the service takes it."""
        return Wanted(
            self.name,
            self.description,
            self.scope,
            self.on,
            [each.wanted() for each in self.actions],
            self.where,
            self.trigger,
            self.limits and self.limits.written(),
        )


class AutomationChanges(_Definition):
    """What is to be different from now on; anything but ``enabled`` makes a new revision.

    What is left out stays; null takes ``where``, ``trigger``, ``limits`` and ``description`` away.
    """

    name: AutomationName = ""
    scope: Annotated[str, StringConstraints(max_length=1000)] = ""
    on: Events = Field(default_factory=list[str])
    actions: Actions = Field(default_factory=list[ActionPart])
    where: Where | None = None
    trigger: Trigger | None = None
    limits: Limits | None = None
    description: Text | None = None
    enabled: StrictBool = True


class RevisionShape(BaseModel):
    """One save of an automation.

    ``trigger`` is what a run must do, where it is about runs.
    """

    revision: int
    name: str
    description: str | None
    scope: str
    on: list[str]
    where: str | None
    trigger: dict[str, Any] | None
    actions: list[dict[str, Any]]
    limits: dict[str, Any] | None
    author: str
    created_at: datetime


class AutomationShape(RevisionShape):
    """An automation with its revision in force; ``created_at`` is the automation's.

    ``author_access`` false: whoever saved the revision may not save it any more, so that it is skipped until somebody
    does who may. ``deleted_at`` is null while it is there; a deleted one can be read, and nothing else.
    """

    id: int
    enabled: bool
    author_access: bool
    updated_at: datetime
    deleted_at: datetime | None


@router.create("", action=Action.AUTOMATION_WRITE, response_model=AutomationShape, status_code=201)
async def create_automation(call: Call, body: NewAutomation) -> Response:
    """Make an automation; it is in force for every change from now on."""
    wanted = body.wanted()

    async def command(tx: Transaction) -> AutomationShape:
        return await _shaped(tx, await service.create(tx, call.actor, wanted, enabled=body.enabled))

    return await call.mutate(command, status=201)


@router.read("", action=Action.AUTOMATION_READ, response_model=Page[AutomationShape])
async def list_automations(
    call: Call, asked: Annotated[Condition, Depends(list_filters.asked)], limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List the automations of one's teams and of the organization."""
    key = decode(cursor, int)

    async def query(tx: Transaction) -> Page[AutomationShape]:
        rows = await listing.search(tx, call.actor, Question(limit + 1, asked, cursor=[str(key[0])] if key else None))
        lost = await lost_access(tx, [(row["id"], row["revision"]) for row in rows])
        return page(rows, limit, lambda row: [row["id"]], lambda row: _shape(row, lost))

    return await call.answer(query)


@router.read("/{automation_id}", action=Action.AUTOMATION_READ, response_model=AutomationShape)
async def get_automation(call: Call, automation_id: AutomationId) -> Response:
    """Return an automation, deleted or not."""

    async def query(tx: Transaction) -> AutomationShape:
        return await _shaped(tx, await service.get_ever(tx, call.actor, automation_id))

    return await call.answer(query)


@router.change("/{automation_id}", action=Action.AUTOMATION_WRITE, response_model=AutomationShape)
async def change_automation(call: Call, automation_id: AutomationId, body: AutomationChanges) -> Response:
    """Save a new revision, or switch the automation on or off."""
    given = body.model_fields_set
    changes: dict[str, Any] = {_NAMES.get(name, name): getattr(body, name) for name in given - {"enabled"}}
    enabled = body.enabled if "enabled" in given else None
    if "actions" in given:
        changes["actions"] = [each.wanted() for each in body.actions]
    if body.limits is not None:
        changes["limits"] = body.limits.written()

    async def command(tx: Transaction) -> AutomationShape:
        return await _shaped(tx, await service.change(tx, call.actor, automation_id, changes, enabled=enabled))

    return await call.mutate(command)


@router.remove("/{automation_id}", action=Action.AUTOMATION_WRITE, status_code=204)
async def delete_automation(call: Call, automation_id: AutomationId) -> Response:
    """Delete an automation: it never fires again."""
    return await call.mutate(lambda tx: service.delete(tx, call.actor, automation_id), status=204)


@router.read("/{automation_id}/revisions", action=Action.AUTOMATION_READ, response_model=Page[RevisionShape])
async def list_revisions(call: Call, automation_id: AutomationId, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List what an automation, deleted or not, has been, newest first."""
    key = decode(cursor, int)

    async def query(tx: Transaction) -> Page[RevisionShape]:
        await service.get_ever(tx, call.actor, automation_id)
        rows = await repository.revisions(tx, automation_id, key[0] if key else 2**31 - 1, limit + 1)
        return page(rows, limit, lambda row: [row["revision"]], lambda row: RevisionShape(**_parts(row)))

    return await call.answer(query)


async def _shaped(transaction: Transaction, row: Any) -> AutomationShape:
    return _shape(row, await lost_access(transaction, [(row["id"], row["revision"])]))


def _shape(row: Any, lost: Container[tuple[int, int]]) -> AutomationShape:
    return AutomationShape(
        id=row["id"],
        enabled=row["enabled"],
        author_access=(row["id"], row["revision"]) not in lost,
        updated_at=row["updated_at"],
        deleted_at=row["deleted_at"],
        **_parts(row),
    )


def _parts(row: Any) -> dict[str, Any]:
    return {
        "revision": row["revision"],
        "name": row["name"],
        "description": row["description"],
        "scope": row["scope"],
        "on": row["events"],
        "where": row["condition"],
        "trigger": row["trigger"],
        "actions": row["actions"],
        "limits": row["limits"],
        "author": row["author"],
        "created_at": row["created_at"],
    }
