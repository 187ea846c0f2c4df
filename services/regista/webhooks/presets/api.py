"""Presets over REST. Nothing is stored: what comes out is what other requests take."""

from typing import Annotated, Any

from fastapi import Body as Given
from pydantic import BaseModel, ValidationError

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.kit.errors import InvalidError, NotFoundError
from regista.kit.web import PROBLEMS, ActionRouter
from regista.webhooks.presets.catalogue import PRESETS
from regista.webhooks.presets.preset import Filled, Parameters

router = ActionRouter(prefix="/presets", tags=["integrations"], responses=PROBLEMS)


class PresetShape(BaseModel):
    """A preset; ``parameters`` is the JSON Schema of what it asks for."""

    name: str
    title: str
    description: str
    parameters: dict[str, Any]


class PresetList(BaseModel):
    """All presets."""

    items: list[PresetShape]


class SecretBody(BaseModel):
    """The body of a ``POST /secrets``; ``value`` is null where only its owner has it. ``what`` says what it is."""

    name: str
    entity: str | None
    value: str | None
    what: str


class FilledPreset(BaseModel):
    """The bodies of the requests to send, in this order.

    ``secrets`` are for ``POST /secrets``, each without its ``what``; ``webhook`` is for ``POST /webhooks``; ``action`` is
    one of an automation's ``actions``.
    """

    secrets: list[SecretBody]
    webhook: dict[str, Any]
    action: dict[str, Any]


@router.read("", action=Action.INTEGRATION_READ, response_model=PresetList)
async def list_presets(call: Call) -> PresetList:
    """List the presets with what each asks for."""
    del call
    return PresetList(
        items=[
            PresetShape(
                name=each.name,
                title=each.title,
                description=each.description,
                parameters=each.parameters.model_json_schema(),
            )
            for each in PRESETS.values()
        ]
    )


@router.create("/{preset}", action=Action.INTEGRATION_READ, response_model=FilledPreset)
async def fill_preset(call: Call, preset: str, parameters: Annotated[dict[str, Any], Given()]) -> FilledPreset:
    """Fill in a preset; nothing is made."""
    del call
    found = PRESETS.get(preset)
    if found is None:
        raise NotFoundError(f"there is no preset {preset!r}; there are {', '.join(PRESETS)}")
    try:
        given = found.parameters.model_validate(parameters)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise InvalidError(f"{place}: {first['msg']}", field=place) from None
    return _shape(given, found.fill(given))


def _shape(given: Parameters, filled: Filled) -> FilledPreset:
    webhook = {"name": given.name, "entity": given.entity, "url": filled.url, "headers": filled.headers}
    if filled.access_token is not None:
        webhook["access_token"] = filled.access_token
    integration = given.name if given.entity is None else f"{given.entity}/{given.name}"
    return FilledPreset(
        secrets=[
            SecretBody(name=each.name, entity=given.entity, value=each.value, what=each.what) for each in filled.secrets
        ],
        webhook={name: value for name, value in webhook.items() if value is not None},
        action={"webhook": {"integration": integration, "payload": filled.payload}},
    )
