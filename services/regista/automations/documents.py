"""Automations as documents: the JSON Schema that files and requests are written by, and a check that saves nothing."""

from dataclasses import replace
from functools import cache
from typing import Any

from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, TypeAdapter

from regista.access.actions import Action, Scope
from regista.access.boundary import Call
from regista.automations import repository, service
from regista.automations.api import NewAutomation
from regista.automations.run_triggers import RunTrigger
from regista.automations.triggers import AWAITED
from regista.kit.db import Transaction
from regista.kit.web import PROBLEMS, ActionRouter

SCHEMA_PATH = "/schemas/automations.json"

router = ActionRouter(prefix="/automations", tags=["automations"], responses=PROBLEMS)
documents = ActionRouter(tags=["automations"])

_SCOPE = "org|entity/[^/]+|project/[^/]+/[^/]+|registry/[^/]+|collection/[^/]+/[^/]+/[^/]+"


class CheckedAutomation(BaseModel):
    """What a definition stands for: ``id`` is the automation of that name in that scope, null where there is none."""

    id: int | None


@cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an automation as people write it.

    It says more than the request does by itself: the types of events there are, how a scope is written, and what a run
    must do. What only the whole can tell (a name in a condition, an integration) is the server's to say.
    """
    written = NewAutomation.model_json_schema()
    trigger = TypeAdapter[Any](RunTrigger).json_schema(ref_template="#/$defs/{model}")
    written["$defs"] |= trigger.pop("$defs")
    for test in ("Threshold", "Difference", "ZScore"):
        written["$defs"][test]["required"].append("test")  # which of them it is cannot be told otherwise
    fields = written["properties"]
    event = {"type": "string", "enum": list(AWAITED)}
    fields["on"] |= {"anyOf": [event, {**_without_title(fields["on"]), "items": event}]}
    for constraint in ("type", "items", "minItems", "maxItems"):
        fields["on"].pop(constraint, None)
    fields["scope"] |= {"pattern": f"^(?:{_SCOPE})$"}
    fields["trigger"] |= {"anyOf": [trigger, {"type": "null"}]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **written,
        "title": "Automation",
    }


@documents.read(SCHEMA_PATH, action=None)
async def get_automation_schema() -> Response:
    """Return the JSON Schema of an automation, for editors and for whoever makes files of them."""
    headers = {"cache-control": "public, max-age=3600"}
    return JSONResponse(schema(), media_type="application/schema+json", headers=headers)


@router.create("/check", action=Action.AUTOMATION_READ, response_model=CheckedAutomation)
async def check_automation(call: Call, body: NewAutomation) -> Response:
    """Say whether an automation could be saved as it is written, and save nothing; the errors are those of a save.

    Asked by whoever may save it: a key for reading is enough, since a pipeline that plans changes needs no other.
    """
    actor = replace(call.actor, scope=max(call.actor.scope, Scope.WRITE))

    async def query(tx: Transaction) -> CheckedAutomation:
        revision = await service.check(tx, actor, body.wanted())
        return CheckedAutomation(id=await repository.named(tx, call.actor.organization_id, revision))

    return await call.answer(query)


def _without_title(field: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in field.items() if name not in {"title", "description"}}
