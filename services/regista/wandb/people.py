"""``User``, ``Entity`` and ``Organization``: who asks, and where paths begin."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ariadne import ObjectType

from regista.access import directory
from regista.access.actions import Action
from regista.access.directory import Person, Place, TeamMember, Tenant
from regista.access.repository import live_keys
from regista.access.verdict import Resource, decide
from regista.wandb import ids
from regista.wandb.exchange import Info, exchange_of
from regista.wandb.loading import team_members
from regista.wandb.roots import Root

query = Root("Query")
user = ObjectType("User")
entity = ObjectType("Entity")
organization = ObjectType("Organization")
member = ObjectType("Member")

_LIMITS: dict[str, Any] = {}
_MOST_FOUND = 100
_MOST_KEYS = 1000


@query.names("viewer", action=Action.SELF_READ)
async def _viewer(_root: None, info: Info) -> Person:
    exchange = exchange_of(info)
    return await exchange.read(lambda tx: directory.person_of(tx, exchange.actor))


@query.names("entity", action=Action.MEMBER_READ)
async def _entity(_root: None, info: Info, name: str | None = None) -> Place | None:
    exchange = exchange_of(info)
    if not name:
        person = await exchange.read(lambda tx: directory.person_of(tx, exchange.actor))
        name = person.default_entity
    return await exchange.find(lambda tx: directory.find_place(tx, exchange.actor, name)) if name else None


@query.names("organization", action=Action.SELF_READ)
def _organization(_root: None, info: Info, name: str) -> Tenant | None:
    actor = exchange_of(info).actor
    return Tenant(actor.organization_id, actor.organization) if name == actor.organization else None


@query.names("users", action=Action.MEMBER_READ)
async def _users(_root: None, info: Info, query: str | None = None) -> dict[str, Any]:
    exchange = exchange_of(info)
    found = await exchange.read(lambda tx: directory.search_people(tx, exchange.actor, query or "", _MOST_FOUND))
    return {"edges": [{"node": person} for person in found]}


@user.field("id")
def _user_id(person: Person, _info: Info) -> str:
    return ids.encode("User", person.id)


@user.field("username")
def _username(person: Person, _info: Info) -> str:
    return person.name


@user.field("flags")
def _flags(_person: Person, _info: Info) -> dict[str, Any]:
    # Whether the client uploads the program that logs; people ask for it by the client's own setting.
    return {"code_saving_enabled": False}


@user.field("entity")
def _default_entity(person: Person, _info: Info) -> str | None:
    return person.default_entity


@user.field("deletedAt")
def _deleted_at(person: Person, _info: Info) -> datetime | None:
    return person.deactivated_at


@user.field("teams")
def _teams(person: Person, _info: Info) -> dict[str, Any]:
    return {"edges": [{"node": place} for place in person.teams]}


@user.field("organizations")
def _organizations(person: Person, info: Info) -> list[Tenant]:
    actor = exchange_of(info).actor
    return (
        [Tenant(person.organization_id, actor.organization)] if person.organization_id == actor.organization_id else []
    )


@user.field("apiKeys")
async def _api_keys(person: Person, info: Info) -> dict[str, Any] | None:
    """Return the keys that work, by their beginnings; None to those who may not see them."""
    exchange = exchange_of(info)
    actor = exchange.actor
    if not decide(actor, Action.KEY_READ, Resource("API keys", actor.organization_id, owner_id=person.id)).allowed:
        return None
    rows = await exchange.read(lambda tx: live_keys(tx, actor.organization_id, person.id, _MOST_KEYS))
    return {
        "edges": [
            {"node": {"id": ids.encode("ApiKey", row["id"]), "name": row["prefix"], "description": row["name"]}}
            for row in rows
        ]
    }


@entity.field("id")
def _entity_id(place: Place, _info: Info) -> str:
    return ids.encode("Entity", place.id)


@entity.field("entityType")
def _entity_type(place: Place, _info: Info) -> str:
    return place.kind


@entity.field("isTeam")
def _is_team(place: Place, _info: Info) -> bool:
    return place.kind == "team"


@entity.field("organization")
def _entity_organization(place: Place, info: Info) -> Tenant:
    return Tenant(place.organization_id, exchange_of(info).actor.organization)


@entity.field("user")
async def _entity_user(place: Place, info: Info) -> Person | None:
    if place.kind != "user":
        return None
    exchange = exchange_of(info)
    found = await exchange.read(lambda tx: directory.people_by_names(tx, place.organization_id, [place.name]))
    return found.get(place.name)


@entity.field("members")
async def _members(place: Place, info: Info) -> list[TeamMember]:
    return await team_members.get(exchange_of(info), place.id) or []


@member.field("id")
def _member_id(member: TeamMember, _info: Info) -> str:
    return ids.encode("User", member.person.id)


@member.field("name")
@member.field("username")
def _member_name(member: TeamMember, _info: Info) -> str:
    return member.person.name


@member.field("email")
def _member_email(member: TeamMember, _info: Info) -> str | None:
    return member.person.email


@member.field("admin")
def _is_admin(member: TeamMember, _info: Info) -> bool:
    return member.role == "admin"


@member.field("pending")
def _is_pending(_member: TeamMember, _info: Info) -> bool:
    return False


@member.field("accountType")
def _account_type(member: TeamMember, _info: Info) -> str:
    return "SERVICE" if member.person.kind == "service" else "MEMBER"


def _constant(value: Any) -> Callable[..., Any]:
    def resolve(_place: Place, _info: Info) -> Any:
        return value

    return resolve


# What the client's classes require of a team and Regista has no counterpart for.
for _name, _value in {
    "available": False,
    "readOnly": False,
    "readOnlyAdmin": False,
    "privateOnly": False,
    "storageBytes": 0,
    "codeSavingEnabled": False,
    "defaultAccess": "PRIVATE",
    "isPaid": True,
    "limits": _LIMITS,
    "xxhashDigestsEnabled": False,
}.items():
    entity.set_field(_name, _constant(_value))


@organization.field("id")
def _organization_id(tenant: Tenant, _info: Info) -> str:
    return ids.encode("Organization", tenant.id)


@organization.field("orgEntity")
async def _org_entity(_tenant: Tenant, info: Info) -> Place | None:
    exchange = exchange_of(info)
    return await exchange.find(lambda tx: directory.organization_place(tx, exchange.actor))


@organization.field("featureFlags")
def _feature_flags(_tenant: Tenant, _info: Info, **_asked: Any) -> list[Any]:
    return []


@organization.field("advancedRegistryFeatures")
def _advanced_features(_tenant: Tenant, _info: Info) -> dict[str, bool]:
    return {"advanced_search": True}


BINDINGS = (query, user, entity, organization, member)
