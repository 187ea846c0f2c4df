"""Registries as the client knows them: projects of the organization's entity, with types and members.

The client makes, changes, renames and deletes registries by the mutations that it has for projects; the name says which
is meant.
"""

from typing import Any, cast

from ariadne import ObjectType

from regista.access import directory
from regista.access.actions import Action, Role
from regista.access.directory import Person, Place
from regista.access.verdict import Actor
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError, NotFoundError
from regista.registry import members, registries, search
from regista.registry.members import Member
from regista.registry.names import ArtifactType, RegistryName
from regista.registry.registry import Openness, Registry, registry_name
from regista.tracking.names import LongText
from regista.tracking.repository import projects_by_ids
from regista.tracking.subjects import Project
from regista.wandb import ids, loading
from regista.wandb.checks import checked
from regista.wandb.exchange import Exchange, Info, exchange_of
from regista.wandb.roots import Root

mutation = Root("Mutation")
project_type = ObjectType("Project")
project_member = ObjectType("ProjectMember")
team_member = ObjectType("ProjectTeamMember")

_OPENNESS: dict[str, Openness] = {"PRIVATE": "organization", "RESTRICTED": "restricted"}
_NEW_MEMBER = Role.VIEWER
"""The role of who is added without one."""


@project_type.field("allowAllArtifactTypesInRegistry")
async def _accepts_all(project: Project, info: Info) -> bool:
    registry = await loading.registries.get(exchange_of(info), project.id)
    return registry.accepts_all if registry is not None else True


@project_type.field("members")
async def _members(project: Project, info: Info) -> list[Member]:
    return [member for member in await _all_members(project, info) if member.account_id is not None]


@project_type.field("teamMembers")
async def _team_members(project: Project, info: Info) -> list[Member]:
    return [member for member in await _all_members(project, info) if member.entity_id is not None]


async def _all_members(project: Project, info: Info) -> list[Member]:
    exchange = exchange_of(info)
    registry = await loading.registries.get(exchange, project.id)
    return await exchange.read(lambda tx: members.list_members(tx, registry)) if registry is not None else []


@project_member.field("id")
def _member_id(member: Member, _info: Info) -> str:
    return ids.encode("User", cast("int", member.account_id))


@project_member.field("username")
def _username(member: Member, _info: Info) -> str:
    return member.name


@project_member.field("role")
@team_member.field("role")
def _role(member: Member, _info: Info) -> dict[str, str]:
    return {"name": member.role.key}


@team_member.field("team")
async def _team(member: Member, info: Info) -> Place | None:
    return await loading.places.get(exchange_of(info), cast("int", member.entity_id))


async def save_registry(exchange: Exchange, given: dict[str, Any]) -> tuple[Registry, bool]:
    """Make the registry that an ``UpsertModelInput`` names, or change it; return it and whether it was made.

    Types that are given are added to those that it has: the client sends the new ones alone.
    """
    name = checked(RegistryName, registry_name(given["name"]), "name")
    fields: dict[str, Any] = {}
    if "description" in given:
        fields["description"] = checked(LongText | None, given["description"], "description")
    if given.get("access") is not None:
        fields["visibility"] = _openness(given["access"])
    types = [checked(ArtifactType, each["name"], "artifactTypes") for each in given.get("artifact_types") or ()]
    accepts_all = given.get("allow_all_artifact_types_in_registry")
    actor = exchange.actor

    async def command(tx: Transaction) -> tuple[Registry, bool]:
        place = await directory.organization_place(tx, actor)
        if given.get("entity_name") not in {None, place.name}:
            raise InvalidError(
                f"{given['name']} is a registry: make it under {place.name}, the entity of organization {actor.organization}",
                field="entityName",
            )
        try:
            registry = await registries.find_registry(tx, actor, name)
        except NotFoundError:
            wanted = registries.Wanted(
                name, fields.get("visibility", "organization"), fields.get("description"), tuple(types)
            )
            return await registries.create_registry(tx, actor, wanted), True
        if types or accepts_all is False:
            held = (await search.list_types(tx, actor, [registry.project_id]))[registry.project_id]
            fields["artifact_types"] = sorted({*registry.artifact_types, *types, *held})
        if accepts_all is not None:
            fields["accepts_all"] = accepts_all
        return await registries.update_registry(tx, actor, name, fields), False

    return await exchange.change(command)


async def rename_registry(exchange: Exchange, old: str, new: str) -> Registry:
    """Rename the registry whose project is called ``old``."""
    name = registry_name(new)
    if name is None:
        raise InvalidError(
            f"{old} is a registry; its name begins with its prefix, {new!r} does not", field="newProjectName"
        )
    fields = {"name": checked(RegistryName, name, "newProjectName")}
    return await exchange.change(
        lambda tx: registries.update_registry(tx, exchange.actor, cast("str", registry_name(old)), fields)
    )


@mutation.names("createProjectMembers", action=Action.REGISTRY_ADMIN)
async def _add_members(_root: None, info: Info, input: dict[str, Any]) -> dict[str, bool]:  # noqa: A002 - the schema's name
    exchange = exchange_of(info)

    async def command(tx: Transaction) -> None:
        registry = await _registry_of(tx, exchange.actor, input["project_id"])
        known = {(member.account_id, member.entity_id) for member in await members.list_members(tx, registry)}
        found = await _people_and_teams(tx, exchange.actor, input.get("user_ids"), input.get("team_ids"))
        added = [each for each in found if _key(each) not in known]
        await _set(tx, exchange.actor, registry, added, _NEW_MEMBER)

    await exchange.change(command)
    return {"success": True}


@mutation.names("deleteProjectMembers", action=Action.REGISTRY_ADMIN)
async def _remove_members(_root: None, info: Info, input: dict[str, Any]) -> dict[str, bool]:  # noqa: A002 - the schema's name
    await _give(exchange_of(info), input["project_id"], input.get("user_ids"), input.get("team_ids"), Role.NONE)
    return {"success": True}


@mutation.names("updateProjectMember", action=Action.REGISTRY_ADMIN)
async def _set_member(_root: None, info: Info, input: dict[str, Any]) -> dict[str, bool]:  # noqa: A002 - the schema's name
    role = _role_named(input["user_project_role"])
    await _give(exchange_of(info), input["project_id"], [input["user_id"]], None, role)
    return {"success": True}


@mutation.names("updateProjectTeamMember", action=Action.REGISTRY_ADMIN)
async def _set_team(_root: None, info: Info, input: dict[str, Any]) -> dict[str, bool]:  # noqa: A002 - the schema's name
    role = _role_named(input["team_project_role"])
    await _give(exchange_of(info), input["project_id"], None, [input["team_id"]], role)
    return {"success": True}


async def _give(
    exchange: Exchange, project_id: str, users: list[str] | None, teams: list[str] | None, role: Role
) -> None:
    async def command(tx: Transaction) -> None:
        registry = await _registry_of(tx, exchange.actor, project_id)
        found = await _people_and_teams(tx, exchange.actor, users, teams)
        await _set(tx, exchange.actor, registry, found, role)

    await exchange.change(command)


async def _set(tx: Transaction, actor: Actor, registry: Registry, found: list[Person | Place], role: Role) -> None:
    locked, registry = await registries.lock_registry(tx, actor, registry.name)
    await members.set_members(tx, locked[registry.aggregate_id], registry, [(each, role) for each in found])


async def _registry_of(tx: Transaction, actor: Actor, project_id: str) -> Registry:
    number = ids.decode(project_id, "Project", "ProjectInternalId")
    project = (await projects_by_ids(tx, actor.organization_id, [number])).get(number)
    name = registry_name(project.name) if project is not None else None
    if name is None:
        raise NotFoundError(f"{project_id!r} is no registry, or you may not see it; only registries have members")
    return await registries.find_registry(tx, actor, name)


async def _people_and_teams(
    tx: Transaction, actor: Actor, users: list[str] | None, teams: list[str] | None
) -> list[Person | Place]:
    accounts = [ids.decode(each, "User") for each in users or ()]
    entities = [ids.decode(each, "Entity") for each in teams or ()]
    people = await directory.people_by_ids(tx, actor.organization_id, accounts)
    places = await directory.places_by_ids(tx, actor.organization_id, entities)
    missing = [str(each) for each in (*(set(accounts) - people.keys()), *(set(entities) - places.keys()))]
    if missing:
        raise NotFoundError(f"organization {actor.organization} has no account or team with id {', '.join(missing)}")
    return [*people.values(), *places.values()]


def _key(member: Person | Place) -> tuple[int | None, int | None]:
    return (member.id, None) if isinstance(member, Person) else (None, member.id)


def _openness(access: str) -> Openness:
    if access not in _OPENNESS:
        raise InvalidError(f"access {access!r} is none of a registry; there are {', '.join(_OPENNESS)}", field="access")
    return _OPENNESS[access]


def _role_named(text: str) -> Role:
    try:
        return Role.of(text)
    except ValueError as error:
        raise InvalidError(str(error), field="role") from None


BINDINGS = (mutation, project_type, project_member, team_member)
