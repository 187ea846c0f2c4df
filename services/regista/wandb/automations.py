"""``Trigger``: automations, as the client lists, makes, changes and deletes them.

Every one is an automation of the slice, with its revisions and events, and is seen over REST as well.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import asyncpg
from ariadne import ObjectType, UnionType

from regista.access.actions import Action
from regista.access.directory import Place, Tenant
from regista.automations import listing, service
from regista.automations.listing import Question
from regista.kit.db import Transaction
from regista.registry.subjects import Collection
from regista.tracking.subjects import Project
from regista.wandb import ids
from regista.wandb.automations_saved import changes_of, wanted_of
from regista.wandb.automations_shown import Act, Scope, Trigger, of_projects, triggers_of
from regista.wandb.exchange import Exchange, Info, exchange_of
from regista.wandb.filters import parse_filter, parse_order
from regista.wandb.paging import connection, page_size, read_cursor
from regista.wandb.roots import Root

KIND = "Trigger"
_ACTED = {
    "webhook": "GenericWebhookTriggeredAction",
    "slack": "NotificationTriggeredAction",
    "no_op": "NoOpTriggeredAction",
}

mutation = Root("Mutation")
entity = ObjectType("Entity")
organization = ObjectType("Organization")
project = ObjectType("Project")
trigger = ObjectType("Trigger")
scope = UnionType("TriggerScope")
condition = UnionType("TriggeringCondition")
action = UnionType("TriggeredAction")
webhook = ObjectType("GenericWebhookTriggeredAction")
notification = ObjectType("NotificationTriggeredAction")
no_op = ObjectType("NoOpTriggeredAction")


@mutation.names("createFilterTrigger", action=Action.AUTOMATION_WRITE, statuses=[409])
async def _create(_root: None, info: Info, input: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's word
    exchange = exchange_of(info)

    async def command(tx: Transaction) -> asyncpg.Record:
        wanted = await wanted_of(tx, exchange.actor, input)
        return await service.create(tx, exchange.actor, wanted, enabled=input["enabled"])

    return await _payload(exchange, await exchange.change(command))


@mutation.names("updateFilterTrigger", action=Action.AUTOMATION_WRITE, statuses=[404, 409])
async def _update(_root: None, info: Info, input: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's word
    exchange = exchange_of(info)
    number = ids.decode(input["id"], KIND)

    async def command(tx: Transaction) -> asyncpg.Record:
        actor = exchange.actor
        before = await service.get(tx, actor, number)
        (shown,) = await triggers_of(tx, actor, [before])
        changes = await changes_of(tx, actor, shown, input)
        return await service.change(tx, actor, number, changes, enabled=input.get("enabled"))

    return await _payload(exchange, await exchange.change(command))


@mutation.names("deleteTrigger", action=Action.AUTOMATION_WRITE)
async def _delete(_root: None, info: Info, input: Mapping[str, Any]) -> dict[str, bool]:  # noqa: A002 - the schema's word
    exchange = exchange_of(info)
    number = ids.decode(input["trigger_id"], KIND)
    await exchange.change(lambda tx: service.delete(tx, exchange.actor, number))
    return {"success": True}


async def _payload(exchange: Exchange, row: asyncpg.Record) -> dict[str, Any]:
    (shown,) = await exchange.read(lambda tx: triggers_of(tx, exchange.actor, [row]))
    return {"trigger": shown}


@entity.field("triggers")
async def _of_entity(place: Place, info: Info, **asked: Any) -> dict[str, Any]:
    return await _page(exchange_of(info), asked, entity=place.id, whole=place.kind == "organization")


@organization.field("triggers")
async def _of_organization(_tenant: Tenant, info: Info, **asked: Any) -> dict[str, Any]:
    return await _page(exchange_of(info), asked)


@project.field("triggers")
async def _of_project(parent: Project, info: Info) -> list[Trigger]:
    exchange = exchange_of(info)
    return [each for each in await of_projects.get(exchange, parent.id) or () if each is not None]


async def _page(exchange: Exchange, asked: Mapping[str, Any], **within: Any) -> dict[str, Any]:
    size = page_size(asked.get("first"))
    cursor = read_cursor(asked.get("after"))
    question = Question(
        size + 1,
        parse_filter(asked.get("filters")),
        parse_order(asked.get("order")),
        None if cursor is None else [None if part is None else str(part) for part in cursor],
        **within,
    )

    async def query(tx: Transaction, asked: Question) -> tuple[list[asyncpg.Record], list[Trigger | None]]:
        rows = await listing.search(tx, exchange.actor, asked)
        return rows, await triggers_of(tx, exchange.actor, rows)

    found: list[Trigger] = []
    # The client takes a page that is empty for the end of the list, so what it has no words for must not fill one.
    while len(found) <= size:
        rows, shown = await exchange.read(partial(query, asked=question))
        found += [each for each in shown if each is not None]
        if len(rows) < question.limit:
            break
        question = question._replace(cursor=rows[-1]["keys"])
    return connection(found, size, lambda each: each.row["keys"])


@trigger.field("id")
def _id(each: Trigger, _info: Info) -> str:
    return ids.encode(KIND, each.row["id"])


@trigger.field("name")
def _name(each: Trigger, _info: Info) -> str:
    return each.row["name"]


@trigger.field("description")
def _description(each: Trigger, _info: Info) -> str | None:
    return each.row["description"]


@trigger.field("enabled")
def _enabled(each: Trigger, _info: Info) -> bool:
    return each.row["enabled"]


@trigger.field("createdAt")
def _created(each: Trigger, _info: Info) -> datetime:
    return each.row["created_at"]


@trigger.field("updatedAt")
def _updated(each: Trigger, _info: Info) -> datetime:
    return each.row["updated_at"]


@trigger.field("triggeringCondition")
def _condition(each: Trigger, _info: Info) -> dict[str, Any]:
    return each.event._asdict()


@trigger.field("triggeredAction")
def _action(each: Trigger, _info: Info) -> Act:
    return each.action


@scope.type_resolver
def _scope_type(place: Scope, *_: Any) -> str:
    match place:
        case Collection(kind=kind):
            return "ArtifactPortfolio" if kind == "portfolio" else "ArtifactSequence"
        case Project():
            return "Project"
        case Place():
            return "Entity"


@condition.type_resolver
def _condition_type(*_: Any) -> str:
    return "FilterEventTriggeringCondition"


@action.type_resolver
def _action_type(act: Act, *_: Any) -> str:
    return _ACTED[act.kind]


@webhook.field("requestPayload")
def _request_payload(act: Act, _info: Info) -> Any:
    return act.settings.get("payload")


@notification.field("title")
def _title(act: Act, _info: Info) -> str | None:
    return act.settings.get("title")


@notification.field("message")
def _message(act: Act, _info: Info) -> str | None:
    return act.settings.get("text")


@notification.field("severity")
def _severity(act: Act, _info: Info) -> str | None:
    severity = act.settings.get("severity")
    return severity and severity.upper()


@no_op.field("noOp")
def _no_op(_act: Act, _info: Info) -> bool:
    return True


BINDINGS = (
    mutation,
    entity,
    organization,
    project,
    trigger,
    scope,
    condition,
    action,
    webhook,
    notification,
    no_op,
)
