"""``Project``: found by path, listed, and what is said of each."""

from collections.abc import Callable
from typing import Any

from ariadne import ObjectType

from regista.access import directory
from regista.access.actions import Action
from regista.access.directory import Person, Place
from regista.access.verdict import decide
from regista.kit.db import Transaction
from regista.registry.registry import registry_name
from regista.tracking import projects
from regista.tracking.subjects import Project
from regista.wandb import ids, loading
from regista.wandb.exchange import Exchange, Info, exchange_of
from regista.wandb.paging import connection, page_size, read_position
from regista.wandb.roots import Root

KIND = "Project"
UNCATEGORIZED = "uncategorized"
"""The project of runs that name none, in the client's own word."""
FEWEST = 1000
"""Rows at least of a page of what somebody may see. The client walks it for automations, and takes the first page whose
projects have none for the last."""
_ACCESS = {"entity": "PRIVATE", "organization": "USER_READ", "private": "RESTRICTED"}
_ACCESS_OF_REGISTRY = {**_ACCESS, "organization": "PRIVATE"}

query = Root("Query")
project = ObjectType(KIND)
entity = ObjectType("Entity")
user = ObjectType("User")


async def default_entity(exchange: Exchange, entity: str | None) -> str | None:
    """Return the entity that is meant: the one that is named, or the caller's own."""
    if entity:
        return entity
    person = await exchange.read(lambda tx: directory.person_of(tx, exchange.actor))
    return person.default_entity


async def find(exchange: Exchange, entity: str | None, name: str | None) -> Project | None:
    """Return a project; None for one that there is not or that the caller may not see."""
    place = await default_entity(exchange, entity)
    if place is None:
        return None

    async def read(tx: Transaction) -> Project:
        return await projects.find_project(tx, exchange.actor, place, name or UNCATEGORIZED, Action.PROJECT_READ)

    found = await exchange.find(read)
    if found is not None:
        loading.projects.remember(exchange, {found.id: found})
    return found


async def page_of(
    exchange: Exchange, entity: str | None, after: str | None, first: int | None
) -> dict[str, Any] | None:
    """Return a page of an entity's projects; None without the entity."""
    place = await default_entity(exchange, entity)
    if place is None:
        return None
    size, position = page_size(first), read_position(after)
    actor = exchange.actor
    found = await exchange.find(lambda tx: projects.list_projects(tx, actor, place, position, size + 1))
    if found is None:
        return None
    return connection(
        found,
        size,
        lambda one: (one.id,),
        total=lambda: exchange.read(lambda tx: projects.count_projects(tx, actor, place)),
    )


@query.names("project", action=Action.PROJECT_READ)
@query.names("model", action=Action.PROJECT_READ)
async def _project(_root: None, info: Info, name: str | None = None, entity_name: str | None = None) -> Project | None:
    return await find(exchange_of(info), entity_name, name)


@query.names("models", action=Action.PROJECT_READ)
async def _projects(
    _root: None, info: Info, entity_name: str | None = None, after: str | None = None, first: int | None = None
) -> dict[str, Any] | None:
    return await page_of(exchange_of(info), entity_name, after, first)


@entity.field("project")
async def _project_of_entity(place: Place, info: Info, name: str | None = None) -> Project | None:
    return await find(exchange_of(info), place.name, name)


@user.field("projects")
async def _projects_of_user(
    _person: Person, info: Info, after: str | None = None, first: int | None = None
) -> dict[str, Any]:
    exchange = exchange_of(info)
    size, position = max(page_size(first), FEWEST), read_position(after)
    found = await exchange.read(lambda tx: projects.list_seen(tx, exchange.actor, position, size + 1))
    return connection(found, size, lambda one: (one.id,))


@project.field("id")
def _id(found: Project, _info: Info) -> str:
    return ids.encode(KIND, found.id)


@project.field("internalId")
def _internal_id(found: Project, _info: Info) -> str:
    return ids.encode("ProjectInternalId", found.id)


@project.field("entityName")
def _entity_name(found: Project, _info: Info) -> str:
    return found.entity


@project.field("entity")
async def _entity(found: Project, info: Info) -> Place | None:
    return await loading.places.get(exchange_of(info), found.entity_id)


@project.field("access")
def _access(found: Project, _info: Info) -> str:
    return (_ACCESS if registry_name(found.name) is None else _ACCESS_OF_REGISTRY)[found.visibility]


@project.field("readOnly")
def _read_only(found: Project, info: Info) -> bool:
    return not decide(exchange_of(info).actor, Action.RUN_WRITE, found.resource()).allowed


def _constant(value: Any) -> Callable[..., Any]:
    def resolve(_project: Project, _info: Info) -> Any:
        return value

    return resolve


# What the client's classes require of a project and Regista has no counterpart for.
for _name, _value in {"isBenchmark": False, "views": None, "user": None, "totalSweeps": 0}.items():
    project.set_field(_name, _constant(_value))

BINDINGS = (query, project, entity, user)
