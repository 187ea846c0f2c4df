"""Webhooks over REST."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi.responses import Response
from pydantic import BaseModel, Field, StrictBool, StringConstraints

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.access.names import EntityName
from regista.access.verdict import Actor, decide
from regista.automations.payloads.templates import check_payload
from regista.automations.secrets.reference import SecretName
from regista.automations.secrets.service import require, values_named
from regista.automations.triggers import parse_events
from regista.delivery import Throttle
from regista.effects.guard import Guard
from regista.effects.names import IntegrationName
from regista.kit.db import Transaction
from regista.kit.web import PROBLEMS, ActionRouter, Body, Cursor, Limit, Page, Part, page
from regista.kit.web.pages import decode
from regista.webhooks import repository, service
from regista.webhooks.routes import load_route
from regista.webhooks.service import ENDPOINTS, Wanted
from regista.webhooks.trial import Wanted as Trial
from regista.webhooks.trial import try_route

router = ActionRouter(prefix="/webhooks", tags=["integrations"], responses=PROBLEMS)

Url = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Seconds = Annotated[
    float, Field(ge=1, le=30, strict=True, description="whole exchange, from the name to the end of the response")
]
Concurrency = Annotated[int, Field(ge=1, le=64, strict=True, description="requests at a time; 1 is strictly in order")]
Headers = Annotated[dict[str, str], Field(max_length=50)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
WebhookId = Annotated[int, Field(ge=1, lt=2**63)]
_ONCE = frozenset({"secret"})


class ThrottlePart(Part):
    """At most ``count`` requests start within any ``seconds``."""

    count: Annotated[int, Field(ge=1, le=10_000, strict=True)]
    seconds: Annotated[float, Field(gt=0, le=86_400, strict=True)]

    def value(self) -> Throttle:
        """Return the throttle as delivery takes it."""
        return Throttle(self.count, self.seconds)


class NewWebhook(Body):
    """An endpoint. ``entity`` is the team it belongs to, by default one's own."""

    name: IntegrationName
    url: Url
    entity: EntityName | None = None
    signature: Literal["v1", "v1a"] = "v1"
    timeout_seconds: Seconds = 15.0
    concurrency: Concurrency = 4
    throttle: ThrottlePart | None = None
    headers: Headers = Field(default_factory=dict[str, str])
    access_token: Token | None = None
    wandb_signature: StrictBool = False
    wandb_secret: SecretName | None = Field(
        None, description="the named secret that makes X-Wandb-Signature in place of the endpoint's own"
    )


class WebhookChanges(Body):
    """What is to be different from now on; what is left out stays.

    ``headers`` replaces them all; null takes away headers, token, secret or throttle.
    """

    url: Url = ""
    timeout_seconds: Seconds = 15.0
    concurrency: Concurrency = 4
    throttle: ThrottlePart | None = None
    headers: Headers | None = None
    access_token: Token | None = None
    wandb_signature: StrictBool = False
    wandb_secret: SecretName | None = None


class Rotation(Body):
    """A new key; the one before signs along for ``keep_hours``, and 0 drops every old one at once."""

    keep_hours: Annotated[float, Field(ge=0, le=168, strict=True)] = 24.0


class TestSend(Body):
    """The type of the sample that is sent; with ``payload``, a template, what that makes of the sample."""

    type: Annotated[str, StringConstraints(max_length=200)]
    payload: dict[str, Any] | None = None


class KeyShape(BaseModel):
    """A key that signs now; the newest has no expiry. ``public_key`` is what receivers of ``v1a`` need."""

    created_at: datetime
    expires_at: datetime | None
    public_key: str | None


class WebhookShape(BaseModel):
    """An endpoint. ``secret`` is there once: when it is made, and when it is rotated."""

    id: int
    name: str
    entity: str
    url: str
    secret: str | None = None
    signature: str
    keys: list[KeyShape]
    wandb_signature: bool
    wandb_secret: str | None
    has_access_token: bool
    headers: list[str]
    timeout_seconds: float
    concurrency: int
    throttle: ThrottlePart | None
    state: str
    disabled_reason: str | None
    failing: bool
    created_at: datetime


class TestResult(BaseModel):
    """What came of a test send; ``body`` is null for those who may not edit the webhook."""

    status: int | None
    error: str | None
    ms: float
    body: str | None


@router.create("", action=Action.INTEGRATION_WRITE, response_model=WebhookShape, status_code=201)
async def create_webhook(call: Call, body: NewWebhook) -> Response:
    """Make an endpoint; the answer shows its secret this once."""
    wanted = Wanted(
        url=body.url,
        timeout_seconds=body.timeout_seconds,
        wandb_signature=body.wandb_signature,
        wandb_secret=body.wandb_secret,
        headers=body.headers,
        access_token=body.access_token,
        concurrency=body.concurrency,
        throttle=body.throttle and body.throttle.value(),
    )

    async def command(tx: Transaction) -> WebhookShape:
        row, secret = await service.create(
            tx, call.actor, Guard.of(call.runtime), body.name, body.entity, body.signature, wanted
        )
        return await _shape(tx, call.actor, row, secret)

    return await call.mutate(command, status=201, secrets=_ONCE)


@router.read("", action=Action.INTEGRATION_READ, response_model=Page[WebhookShape])
async def list_webhooks(call: Call, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List the endpoints of one's teams and of the organization."""
    key = decode(cursor, int)

    async def query(tx: Transaction) -> Page[WebhookShape]:
        rows = await ENDPOINTS.page_of(tx, call.actor, key[0] if key else 0, limit + 1)
        keys = await repository.live_keys_of(tx, [row["id"] for row in rows])
        return page(rows, limit, lambda row: [row["id"]], lambda row: _shown(call.actor, row, keys[row["id"]]))

    return await call.answer(query)


@router.read("/{webhook_id}", action=Action.INTEGRATION_READ, response_model=WebhookShape)
async def get_webhook(call: Call, webhook_id: WebhookId) -> Response:
    """Return an endpoint."""

    async def query(tx: Transaction) -> WebhookShape:
        row = await ENDPOINTS.authorized(tx, call.actor, webhook_id, Action.INTEGRATION_READ)
        return await _shape(tx, call.actor, row)

    return await call.answer(query)


@router.change("/{webhook_id}", action=Action.INTEGRATION_WRITE, response_model=WebhookShape)
async def change_webhook(call: Call, webhook_id: WebhookId, body: WebhookChanges) -> Response:
    """Change an endpoint; the next attempt goes by it."""
    changes: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set}
    if body.throttle is not None:
        changes["throttle"] = body.throttle.value()
    if "headers" in changes:
        changes["headers"] = body.headers or {}

    async def command(tx: Transaction) -> WebhookShape:
        row = await service.change(tx, call.actor, Guard.of(call.runtime), webhook_id, changes)
        return await _shape(tx, call.actor, row)

    return await call.mutate(command)


@router.remove("/{webhook_id}", action=Action.INTEGRATION_WRITE, status_code=204)
async def delete_webhook(call: Call, webhook_id: WebhookId) -> Response:
    """Delete an endpoint that no automation uses; what was waiting for it is canceled."""
    return await call.mutate(lambda tx: ENDPOINTS.delete(tx, call.actor, webhook_id), status=204)


@router.create("/{webhook_id}/rotate", action=Action.INTEGRATION_WRITE, response_model=WebhookShape)
async def rotate_secret(call: Call, webhook_id: WebhookId, body: Rotation | None = None) -> Response:
    """Make a new key; the answer shows the secret this once."""
    keep = timedelta(hours=(body or Rotation()).keep_hours)

    async def command(tx: Transaction) -> WebhookShape:
        row, secret = await service.rotate(tx, call.actor, Guard.of(call.runtime), webhook_id, keep)
        return await _shape(tx, call.actor, row, secret)

    return await call.mutate(command, secrets=_ONCE)


@router.create("/{webhook_id}/enable", action=Action.INTEGRATION_WRITE, response_model=WebhookShape)
async def enable_webhook(call: Call, webhook_id: WebhookId) -> Response:
    """Send again, what has been waiting first."""

    async def command(tx: Transaction) -> WebhookShape:
        return await _shape(tx, call.actor, await ENDPOINTS.enable(tx, call.actor, webhook_id))

    return await call.mutate(command)


@router.create("/{webhook_id}/disable", action=Action.INTEGRATION_WRITE, response_model=WebhookShape)
async def disable_webhook(call: Call, webhook_id: WebhookId) -> Response:
    """Send nothing more; deliveries wait."""

    async def command(tx: Transaction) -> WebhookShape:
        return await _shape(tx, call.actor, await ENDPOINTS.disable(tx, call.actor, webhook_id))

    return await call.mutate(command)


@router.create("/{webhook_id}/test", action=Action.AUTOMATION_WRITE, response_model=TestResult)
async def test_webhook(call: Call, webhook_id: WebhookId, body: TestSend) -> TestResult:
    """Send a sample event now, or a payload with the team's secrets in it, and say what came back."""
    (event_type,) = parse_events([body.type])
    names = {each.name for each in check_payload({"payload": body.payload}, [event_type])} if body.payload else set()
    runtime = call.runtime

    async def query(tx: Transaction) -> tuple[Any, bool, dict[str, str]]:
        row = await ENDPOINTS.authorized(tx, call.actor, webhook_id, Action.AUTOMATION_WRITE)
        await require(tx, row["entity_id"], names, field="payload")
        values = await values_named(tx, runtime.vault, row["entity_id"], names)
        return await load_route(tx, row, runtime.vault), _may_edit(call.actor, row), values

    route, may_edit, values = await call.read(query)
    wanted = Trial(event_type, call.actor.organization, runtime.public_url, body.payload, values, call.actor.name)
    result = await try_route(runtime.client, route, wanted)
    return TestResult(status=result.status, error=result.error, ms=result.ms, body=result.body if may_edit else None)


def _may_edit(actor: Actor, row: Any) -> bool:
    return decide(actor, Action.INTEGRATION_WRITE, ENDPOINTS.resource_of(row)).allowed


async def _shape(tx: Transaction, actor: Actor, row: Any, secret: str | None = None) -> WebhookShape:
    return _shown(actor, row, await repository.live_keys(tx, row["id"]), secret)


def _shown(actor: Actor, row: Any, keys: list[Any], secret: str | None = None) -> WebhookShape:
    throttle = None
    if row["throttle_count"] is not None:
        throttle = ThrottlePart(count=row["throttle_count"], seconds=row["throttle_seconds"])
    return WebhookShape(
        id=row["id"],
        name=row["name"],
        entity=row["entity"],
        url=service.shown_url(actor, row),
        secret=secret,
        signature=row["signature"],
        keys=[
            KeyShape(created_at=key["created_at"], expires_at=key["expires_at"], public_key=key["public_key"])
            for key in keys
        ],
        wandb_signature=row["wandb_signature"],
        wandb_secret=row["wandb_secret"],
        has_access_token=row["access_token"] is not None,
        headers=row["header_names"],
        timeout_seconds=row["timeout_seconds"],
        concurrency=row["concurrency"],
        throttle=throttle,
        state=row["state"],
        disabled_reason=row["disabled_reason"],
        failing=row["failing"],
        created_at=row["created_at"],
    )
