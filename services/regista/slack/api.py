"""Slack's channels over REST.

A channel is reached by a bot (its token and a channel) or by an incoming webhook (its URL); neither token nor URL is ever
shown again.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi.responses import Response
from pydantic import BaseModel, Field, StringConstraints

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.access.names import EntityName
from regista.access.verdict import decide
from regista.automations.secrets.reference import resolved
from regista.automations.secrets.service import require, values_named
from regista.effects.guard import Guard
from regista.effects.names import IntegrationName
from regista.kit.db import Transaction
from regista.kit.web import PROBLEMS, ActionRouter, Body, Cursor, Limit, Page, page
from regista.kit.web.pages import decode
from regista.slack import service
from regista.slack.asking import workspace_of
from regista.slack.channels import Wanted, check_token, checked, merged
from regista.slack.message import Words
from regista.slack.routes import ChannelRoute, load_route
from regista.slack.service import CHANNELS
from regista.slack.trial import try_channel

router = ActionRouter(prefix="/slack-channels", tags=["integrations"], responses=PROBLEMS)

Channel = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        description="the id of a channel (`C0123456789`) or its name (`#ml-ops`; the `#` may be left out)",
    ),
]
Token = Annotated[
    str,
    Field(
        min_length=1, max_length=1000, description="a bot's token, `xoxb-…`, or `${secret.NAME}`; needs `chat:write`"
    ),
]
Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4096,
        description="the URL of an incoming webhook; its path may hold `${secret.NAME}`",
    ),
]
Title = Annotated[str, StringConstraints(max_length=10_000)]
Text = Annotated[str, Field(max_length=10_000, description="in Slack's mrkdwn")]
ChannelId = Annotated[int, Field(ge=1, lt=2**63)]


class NewSlackChannel(Body):
    """A channel: either `token` and `channel`, or `url`. `entity` is the team it belongs to, by default one's own."""

    name: IntegrationName
    entity: EntityName | None = None
    channel: Channel | None = None
    token: Token | None = None
    url: Url | None = None


class SlackChannelChanges(Body):
    """What is to be different from now on; a `url` takes the place of a bot, `token` and `channel` that of a URL.

    A token or URL enables a channel again that was disabled because Slack did not take the one before.
    """

    channel: Channel | None = None
    token: Token | None = None
    url: Url | None = None


class TestMessage(Body):
    """What is said, as it is: nothing is filled in. Without `title` and `text`, that it is a test."""

    title: Title = ""
    text: Text = ""
    severity: Literal["info", "warn", "error"] | None = None


class SlackChannelShape(BaseModel):
    """A channel. `workspace` is what Slack calls a bot's; `channel` is null for an incoming webhook, which has one."""

    id: int
    name: str
    entity: str
    form: Literal["bot", "incoming_webhook"]
    workspace: str | None
    channel: str | None
    has_token: bool
    state: str
    disabled_reason: str | None
    failing: bool
    created_at: datetime


class TestMessageResult(BaseModel):
    """What came of a test: `error` is `slack_WORD` with Slack's word, or what went wrong on the way.

    `body`, Slack's answer, is null for those who may not edit the channel.
    """

    ok: bool
    error: str | None
    ms: float
    body: str | None


@router.create("", action=Action.INTEGRATION_WRITE, response_model=SlackChannelShape, status_code=201)
async def create_slack_channel(call: Call, body: NewSlackChannel) -> Response:
    """Make a channel. Slack is asked about a token first: one that it does not take is refused."""
    if (before := await call.answered()) is not None:
        return before
    guard, wanted = Guard.of(call.runtime), Wanted(body.channel, body.token, body.url)

    async def token(tx: Transaction) -> str | None:
        owner = await CHANNELS.owner(tx, call.actor, body.entity)
        return await _token_to_ask(tx, guard, owner["id"], checked(wanted, guard.allowed))

    workspace = await _workspace(call, token)

    async def command(tx: Transaction) -> SlackChannelShape:
        return _shape(await service.create(tx, call.actor, guard, body.name, body.entity, wanted, workspace))

    return await call.mutate(command, status=201)


@router.read("", action=Action.INTEGRATION_READ, response_model=Page[SlackChannelShape])
async def list_slack_channels(call: Call, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List the channels of one's teams and of the organization."""
    key = decode(cursor, int)

    async def query(tx: Transaction) -> Page[SlackChannelShape]:
        rows = await CHANNELS.page_of(tx, call.actor, key[0] if key else 0, limit + 1)
        return page(rows, limit, lambda row: [row["id"]], _shape)

    return await call.answer(query)


@router.read("/{channel_id}", action=Action.INTEGRATION_READ, response_model=SlackChannelShape)
async def get_slack_channel(call: Call, channel_id: ChannelId) -> Response:
    """Return a channel."""

    async def query(tx: Transaction) -> SlackChannelShape:
        return _shape(await CHANNELS.authorized(tx, call.actor, channel_id, Action.INTEGRATION_READ))

    return await call.answer(query)


@router.change("/{channel_id}", action=Action.INTEGRATION_WRITE, response_model=SlackChannelShape)
async def change_slack_channel(call: Call, channel_id: ChannelId, body: SlackChannelChanges) -> Response:
    """Change a channel; the next message goes by it. Slack is asked about a token first."""
    guard, given = Guard.of(call.runtime), Wanted(body.channel, body.token, body.url)

    async def token(tx: Transaction) -> str | None:
        row = await CHANNELS.authorized(tx, call.actor, channel_id, Action.INTEGRATION_WRITE)
        wanted = checked(merged(service.wanted_of(guard.vault, row), given), guard.allowed)
        return await _token_to_ask(tx, guard, row["entity_id"], wanted) if given.token is not None else None

    workspace = await _workspace(call, token)

    async def command(tx: Transaction) -> SlackChannelShape:
        return _shape(await service.change(tx, call.actor, guard, channel_id, given, workspace))

    return await call.mutate(command)


@router.remove("/{channel_id}", action=Action.INTEGRATION_WRITE, status_code=204)
async def delete_slack_channel(call: Call, channel_id: ChannelId) -> Response:
    """Delete a channel that no automation uses; what was waiting for it is canceled."""
    return await call.mutate(lambda tx: CHANNELS.delete(tx, call.actor, channel_id), status=204)


@router.create("/{channel_id}/enable", action=Action.INTEGRATION_WRITE, response_model=SlackChannelShape)
async def enable_slack_channel(call: Call, channel_id: ChannelId) -> Response:
    """Post again, what has been waiting first."""

    async def command(tx: Transaction) -> SlackChannelShape:
        return _shape(await CHANNELS.enable(tx, call.actor, channel_id))

    return await call.mutate(command)


@router.create("/{channel_id}/disable", action=Action.INTEGRATION_WRITE, response_model=SlackChannelShape)
async def disable_slack_channel(call: Call, channel_id: ChannelId) -> Response:
    """Post nothing more; messages wait."""

    async def command(tx: Transaction) -> SlackChannelShape:
        return _shape(await CHANNELS.disable(tx, call.actor, channel_id))

    return await call.mutate(command)


@router.create("/{channel_id}/test", action=Action.AUTOMATION_WRITE, response_model=TestMessageResult)
async def test_slack_channel(call: Call, channel_id: ChannelId, body: TestMessage) -> TestMessageResult:
    """Post a message now, and say what came back."""
    runtime = call.runtime

    async def query(tx: Transaction) -> tuple[ChannelRoute, bool]:
        row = await CHANNELS.authorized(tx, call.actor, channel_id, Action.AUTOMATION_WRITE)
        may_edit = decide(call.actor, Action.INTEGRATION_WRITE, CHANNELS.resource_of(row)).allowed
        return await load_route(tx, row, runtime.vault), may_edit

    route, may_edit = await call.read(query)
    result = await try_channel(
        runtime.client,
        runtime.settings.slack_api_url,
        route,
        Words(body.title, body.text, body.severity),
        organization=call.actor.organization,
        author=call.actor.name,
        public_url=runtime.public_url,
    )
    return TestMessageResult(
        ok=result.error is None, error=result.error, ms=result.ms, body=result.body if may_edit else None
    )


async def _workspace(call: Call, token: Callable[[Transaction], Awaitable[str | None]]) -> str | None:
    """Return what Slack calls the workspace of the token that the query finds, None where it finds none."""
    found = await call.read(token)
    if found is None:
        return None
    return await workspace_of(call.runtime.client, call.runtime.settings.slack_api_url, found)


async def _token_to_ask(tx: Transaction, guard: Guard, entity: int, wanted: Wanted) -> str | None:
    """Return a bot's token with the team's secrets put in. Raises UnknownSecretError, `InvalidError` for what is none."""
    if wanted.token is None:
        return None
    names = service.references(wanted)
    await require(tx, entity, names, field="token")
    token = resolved(wanted.token, await values_named(tx, guard.vault, entity, names))
    check_token(token)
    return token


def _shape(row: Any) -> SlackChannelShape:
    return SlackChannelShape(
        id=row["id"],
        name=row["name"],
        entity=row["entity"],
        form="bot" if row["channel"] is not None else "incoming_webhook",
        workspace=row["workspace"],
        channel=row["channel"],
        has_token=row["token"] is not None,
        state=row["state"],
        disabled_reason=row["disabled_reason"],
        failing=row["failing"],
        created_at=row["created_at"],
    )
