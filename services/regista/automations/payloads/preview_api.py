"""Previews of templates over REST."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, StringConstraints

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.automations.api import Text, Where
from regista.automations.names import AutomationName
from regista.automations.payloads.preview import Sketch, preview
from regista.automations.triggers import parse_events
from regista.kit.db import Transaction
from regista.kit.web import PROBLEMS, ActionRouter, Body

router = ActionRouter(prefix="/automations", tags=["automations"], responses=PROBLEMS)


class PreviewRequest(Body):
    """A webhook's ``payload``, a message's ``title`` and ``text``, a condition, to be tried on an event.

    ``event`` is the id of one of the log; without one, a sample of the type is taken. ``name`` is what
    ``${automation_name}`` stands for.
    """

    on: Annotated[str, StringConstraints(max_length=200)]
    payload: dict[str, Any] | None = None
    title: Text | None = None
    text: Text | None = None
    where: Where | None = None
    event: UUID | None = None
    name: AutomationName = "preview"


class PreviewShape(BaseModel):
    """What came of it. ``payload`` shows ``***`` for secrets, ``secrets`` the names of those that it needs.

    ``missing`` are the expressions that had no value in the event and stand as nothing. ``error`` is why nothing
    would be sent (``payload_too_large``). ``holds`` is what the condition says, null where there is none; one that fails is
    false, and ``condition_error`` says why.
    """

    event: dict[str, Any]
    payload: Any
    title: str | None
    text: str | None
    missing: list[str]
    secrets: list[str]
    error: str | None
    holds: bool | None
    condition_error: str | None


@router.create("/preview", action=Action.AUTOMATION_WRITE, response_model=PreviewShape)
async def preview_automation(call: Call, body: PreviewRequest) -> PreviewShape:
    """Render templates for an event, and say whether a condition holds; nothing is sent or stored."""
    (event_type,) = parse_events([body.on])
    given = {name: getattr(body, name) for name in ("payload", "title", "text")}
    settings = {name: value for name, value in given.items() if value is not None}
    sketch = Sketch(event_type, settings, body.where, body.event, body.name)

    async def query(tx: Transaction) -> PreviewShape:
        made = await preview(tx, call.actor, sketch, call.runtime.public_url)
        return PreviewShape(
            event=made.event.model_dump(mode="json", by_alias=True),
            payload=made.payload,
            title=None if body.title is None else made.message.title,
            text=None if body.text is None else made.message.text,
            missing=made.missing,
            secrets=made.secrets,
            error=made.error,
            holds=made.truth and made.truth.holds,
            condition_error=made.truth and made.truth.error,
        )

    return await call.read(query)
