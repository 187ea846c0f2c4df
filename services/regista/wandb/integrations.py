"""``Integration``: what automations send to, webhooks and Slack channels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ariadne import InterfaceType, ObjectType

from regista.access.actions import Action
from regista.access.directory import Place
from regista.access.verdict import Actor
from regista.automations import integrations
from regista.automations.integrations import Found
from regista.effects.guard import Guard
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError
from regista.slack.service import shown as channels_of
from regista.wandb import ids
from regista.wandb.exchange import Info, exchange_of
from regista.wandb.paging import connection, page_size, read_position
from regista.wandb.roots import Root
from regista.webhooks import service as webhooks
from regista.webhooks.service import Wanted

KIND = "Integration"
FEWEST = 1000
"""Rows of a page at least. The client takes a page without the kind that it looks for (a Slack channel among webhooks)
for the end of the list, so an entity's integrations come in one page, however few it asks for."""
_TYPES = {"webhook": "GenericWebhookIntegration", "slack": "SlackIntegration"}

mutation = Root("Mutation")
entity = ObjectType("Entity")
integration = InterfaceType("Integration")
webhook = ObjectType("GenericWebhookIntegration")
slack = ObjectType("SlackIntegration")


@dataclass(frozen=True, slots=True)
class Sink:
    """An integration as the client is shown it: ``url`` of a webhook, ``workspace`` and ``channel`` of Slack's."""

    number: int
    kind: str
    name: str
    entity: str
    url: str = ""
    created_at: Any = None
    workspace: str | None = None
    channel: str | None = None


def hidden(number: int, kind: str) -> Sink:
    """Return what stands for an integration that the reader of an automation may not see."""
    return Sink(number, kind, "an integration that you may not see", "")


async def sinks_of(transaction: Transaction, actor: Actor, numbers: Sequence[int]) -> dict[int, Sink]:
    """Return the integrations that the actor may see, by number: three statements at most."""
    return await _sinks(transaction, actor, list((await integrations.by_ids(transaction, actor, numbers)).values()))


async def _sinks(transaction: Transaction, actor: Actor, found: Sequence[Found]) -> dict[int, Sink]:
    hooks, posts = ([each.id for each in found if each.kind == kind] for kind in ("webhook", "slack"))
    urls = await webhooks.urls(transaction, actor, hooks) if hooks else {}
    channels = await channels_of(transaction, actor, posts) if posts else {}
    return {
        each.id: Sink(
            each.id,
            each.kind,
            each.name,
            each.entity,
            urls.get(each.id, ""),
            each.created_at,
            *channels.get(each.id, (None, None)),
        )
        for each in found
    }


@entity.field("integrations")
async def _integrations(place: Place, info: Info, after: str | None = None, first: int | None = None) -> dict[str, Any]:
    exchange = exchange_of(info)
    size, position = max(page_size(first), FEWEST), read_position(after)

    async def query(tx: Transaction) -> list[Sink]:
        found = await integrations.of_entity(tx, exchange.actor, place.id, position, size + 1)
        return list((await _sinks(tx, exchange.actor, found)).values())

    return connection(await exchange.read(query), size, lambda sink: [sink.number])


@mutation.names("createGenericWebhookIntegration", action=Action.INTEGRATION_WRITE, statuses=[409])
async def _create(_root: None, info: Info, input: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's word
    exchange = exchange_of(info)
    token, secret = input.get("access_token_ref"), input.get("secret_ref")
    wanted = Wanted(
        url=input["url_endpoint"],
        # The client names secrets of the team: what each is made of is looked up when something is sent.
        access_token=f"${{secret.{token}}}" if token else None,
        wandb_signature=bool(secret),
        wandb_secret=secret or None,
    )
    if not wanted.url.isprintable():
        raise InvalidError("urlEndpoint holds characters that no URL has", field="urlEndpoint")

    async def command(tx: Transaction) -> Sink:
        guard = Guard.of(exchange.call.runtime)
        row, _ = await webhooks.create(tx, exchange.actor, guard, input["name"], input["entity_name"], "v1", wanted)
        return Sink(row["id"], "webhook", row["name"], row["entity"], row["url"], row["created_at"])

    return {"integration": await exchange.change(command)}


@integration.type_resolver
def _type(sink: Sink, *_: Any) -> str:
    return _TYPES[sink.kind]


@webhook.field("id")
@slack.field("id")
def _id(sink: Sink, _info: Info) -> str:
    return ids.encode(KIND, sink.number)


@webhook.field("urlEndpoint")
def _url(sink: Sink, _info: Info) -> str:
    return sink.url


# Slack tells the workspace of a bot; an incoming webhook names neither that nor its channel.
@slack.field("teamName")
def _team(sink: Sink, _info: Info) -> str:
    return sink.workspace or sink.entity


@slack.field("channelName")
def _channel(sink: Sink, _info: Info) -> str:
    return sink.channel or sink.name


BINDINGS = (mutation, entity, integration, webhook, slack)
