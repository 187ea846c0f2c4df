"""Secrets over REST: values go in and never come out."""

from datetime import datetime
from typing import Annotated, Any

from fastapi.responses import Response
from pydantic import BaseModel, Field, StringConstraints

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.access.names import EntityName
from regista.automations.secrets import service
from regista.automations.secrets.reference import SecretName
from regista.kit.bodies import Rule
from regista.kit.db import Transaction
from regista.kit.web import PROBLEMS, ActionRouter, Body, Cursor, Limit, Page, page
from regista.kit.web.pages import decode

router = ActionRouter(prefix="/secrets", tags=["integrations"], responses=PROBLEMS)

SecretId = Annotated[int, Field(ge=1, lt=2**63)]
# What a header can carry: a secret is put into headers as it is.
Value = Annotated[
    str,
    StringConstraints(min_length=1, max_length=4096, pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$"),
    Rule("use 1 to 4,096 characters of ASCII, no control characters, no space at either end", secret=True),
]


class NewSecret(Body):
    """A secret. ``entity`` is the team it belongs to, by default one's own."""

    name: SecretName
    value: Value
    entity: EntityName | None = None


class NewValue(Body):
    """The value from now on."""

    value: Value


class SecretShape(BaseModel):
    """A secret without its value."""

    id: int
    name: str
    entity: str
    created_at: datetime
    updated_at: datetime


@router.create("", action=Action.INTEGRATION_WRITE, response_model=SecretShape, status_code=201)
async def create_secret(call: Call, body: NewSecret) -> Response:
    """Store a secret; its value is never shown again."""

    async def command(tx: Transaction) -> SecretShape:
        vault = call.runtime.vault
        return _shape(await service.create(tx, call.actor, vault, body.entity, body.name, body.value))

    return await call.mutate(command, status=201)


@router.read("", action=Action.INTEGRATION_READ, response_model=Page[SecretShape])
async def list_secrets(call: Call, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List the names of one's teams' secrets."""
    key = decode(cursor, int)

    async def query(tx: Transaction) -> Page[SecretShape]:
        rows = await service.page_of(tx, call.actor, key[0] if key else 0, limit + 1)
        return page(rows, limit, lambda row: [row["id"]], _shape)

    return await call.answer(query)


@router.replace("/{secret_id}", action=Action.INTEGRATION_WRITE, response_model=SecretShape)
async def rotate_secret_value(call: Call, secret_id: SecretId, body: NewValue) -> Response:
    """Give a secret another value; the next attempt of every delivery goes by it."""

    async def command(tx: Transaction) -> SecretShape:
        return _shape(await service.rotate(tx, call.actor, call.runtime.vault, secret_id, body.value))

    return await call.mutate(command)


@router.remove("/{secret_id}", action=Action.INTEGRATION_WRITE, status_code=204)
async def delete_secret(call: Call, secret_id: SecretId) -> Response:
    """Delete a secret that nothing refers to."""
    return await call.mutate(lambda tx: service.delete(tx, call.actor, secret_id), status=204)


def _shape(row: Any) -> SecretShape:
    return SecretShape(
        id=row["id"],
        name=row["name"],
        entity=row["entity"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
