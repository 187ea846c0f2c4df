"""Pages of collections and versions, by the client's filters and orders."""

from typing import Any

from ariadne import ObjectType

from regista.access.directory import Place
from regista.kit.db.conditions import EVERYTHING, Order
from regista.kit.errors import InvalidError
from regista.registry import search
from regista.registry.search import Filters, Found, Slice, Where
from regista.tracking.repository import projects_by_ids
from regista.wandb.exchange import Exchange, Info, exchange_of
from regista.wandb.filters import parse_filter, parse_order
from regista.wandb.loading import registries
from regista.wandb.nodes import Membership
from regista.wandb.paging import connection, page_size, read_cursor
from regista.wandb.projects import page_of

entity = ObjectType("Entity")

_NEWEST = (Order("id", descending=True),)
_LINKED_LAST = (Order("linked_at", descending=True),)
_KINDS = {"SEQUENCE": "sequence", "PORTFOLIO": "portfolio"}


async def collections_page(
    exchange: Exchange,
    where: Where,
    project_filters: Any,
    *,
    filters: Any = None,
    after: str | None = None,
    first: int | None = None,
    order: str | None = None,
) -> dict[str, Any]:
    """Return a page of collections; without an order the newest come first."""
    size = page_size(first)
    asked = Filters(parse_filter(project_filters), parse_filter(filters), EVERYTHING)
    part = Slice(parse_order(order) or _NEWEST, _cursor(after), size + 1)
    actor = exchange.actor
    rows = await exchange.read(lambda tx: search.search_collections(tx, actor, asked, where, part))
    return connection(
        rows,
        size,
        _key,
        lambda found: found.thing,
        total=lambda: exchange.read(lambda tx: search.count_collections(tx, actor, asked, where)),
    )


async def registries_page(
    exchange: Exchange,
    *,
    filters: Any = None,
    after: str | None = None,
    first: int | None = None,
    order: str | None = None,
) -> dict[str, Any]:
    """Return a page of the organization's registries, as the projects that they are; the oldest come first."""
    size = page_size(first)
    condition = parse_filter(filters)
    part = Slice(parse_order(order), _cursor(after), size + 1)
    rows = await exchange.read(lambda tx: search.search_registries(tx, exchange.actor, condition, part))
    found = await exchange.read(
        lambda tx: projects_by_ids(tx, exchange.actor.organization_id, (each.thing.project_id for each in rows))
    )
    rows = [each for each in rows if each.thing.project_id in found]  # one may be deleted between the two
    registries.remember(exchange, {each.thing.project_id: each.thing for each in rows})
    return connection(rows, size, _key, lambda each: found[each.thing.project_id])


@entity.field("projects")
async def _projects(place: Place, info: Info, **asked: Any) -> dict[str, Any] | None:
    exchange = exchange_of(info)
    if place.kind == "organization":
        return await registries_page(exchange, **asked)
    if asked.get("filters") or asked.get("order"):
        raise InvalidError("projects are not filtered or ordered here, only the registries of an organization's entity")
    return await page_of(exchange, place.name, asked.get("after"), asked.get("first"))


@entity.field("artifactCollections")
async def _collections(
    place: Place, info: Info, project_filters: Any = None, collection_types: list[str] | None = None, **asked: Any
) -> dict[str, Any]:
    kinds = [_KINDS[each] for each in collection_types] if collection_types is not None else None
    where = Where(entity_id=place.id, kinds=kinds)
    return await collections_page(exchange_of(info), where, project_filters, **asked)


@entity.field("artifactMemberships")
async def _memberships(
    place: Place,
    info: Info,
    project_filters: Any = None,
    collection_filters: Any = None,
    filters: Any = None,
    after: str | None = None,
    first: int | None = None,
    order: str | None = None,
) -> dict[str, Any]:
    exchange = exchange_of(info)
    size = page_size(first)
    asked = Filters(parse_filter(project_filters), parse_filter(collection_filters), parse_filter(filters))
    where = Where(entity_id=place.id, kinds=["portfolio"])
    part = Slice(parse_order(order) or _LINKED_LAST, _cursor(after), size + 1)
    rows = await exchange.read(lambda tx: search.search_versions(tx, exchange.actor, asked, where, part))
    return connection(rows, size, _key, lambda found: Membership(*found.thing))


def _cursor(after: str | None) -> list[str | None] | None:
    key = read_cursor(after)
    return None if key is None else [None if part is None else str(part) for part in key]


def _key(found: Found[Any]) -> list[str | None]:
    return list(found.cursor)


BINDINGS = (entity,)
