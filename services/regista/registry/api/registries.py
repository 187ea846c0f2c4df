"""Routes of registries, their members and the aliases that are protected in them."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi.responses import Response
from pydantic import BaseModel, StringConstraints

from regista.access import directory
from regista.access.actions import Action, Role
from regista.access.api import Explanation
from regista.access.boundary import Call
from regista.access.names import EntityName
from regista.access.service import verdict_on
from regista.kit.db import Transaction
from regista.kit.db.conditions import EVERYTHING
from regista.kit.web import Body, Cursor, Limit, Page, page
from regista.kit.web.pages import decode
from regista.registry import members, protection, registries, search
from regista.registry.api.routing import router
from regista.registry.names import Alias, ArtifactType, RegistryName
from regista.registry.registry import Openness, Registry
from regista.tracking.names import LongText

REGISTRY = "/registries/{name}"
MemberRole = Literal["restricted_viewer", "viewer", "member", "admin"]
AnyAlias = Annotated[str, StringConstraints(max_length=128)]


class NewRegistry(Body):
    """A registry. Without `artifact_types` it accepts artifacts of any type."""

    name: RegistryName
    description: LongText | None = None
    visibility: Openness = "organization"
    artifact_types: tuple[ArtifactType, ...] = ()


class RegistryChange(Body):
    """What is to change of a registry; what is left out stays. A type that a collection holds stays accepted."""

    name: RegistryName = ""
    description: LongText | None = None
    visibility: Openness = "organization"
    accepts_all: bool = True
    artifact_types: tuple[ArtifactType, ...] = ()


class RegistryShape(BaseModel):
    """A registry; `project` is what its collections lie in, under the organization's own entity."""

    id: int
    name: str
    entity: str
    project: str
    description: str | None
    visibility: str
    accepts_all: bool
    artifact_types: list[str]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, registry: Registry) -> "RegistryShape":
        """Return the shape of a registry."""
        return cls(
            id=registry.id,
            name=registry.name,
            entity=registry.entity,
            project=registry.project,
            description=registry.description,
            visibility=registry.openness,
            accepts_all=registry.accepts_all,
            artifact_types=registry.artifact_types,
            created_at=registry.created_at,
            updated_at=registry.updated_at,
        )


class RegistryMember(BaseModel):
    """Who has a role in a registry: a person, a program (service) or a team."""

    name: str
    kind: str
    role: str


class SetRegistryRole(Body):
    """The role to have from now on."""

    role: MemberRole


class Protected(BaseModel):
    """An alias that only admins of the registry may set or remove."""

    alias: str


@router.read("/registries", action=Action.REGISTRY_READ, response_model=Page[RegistryShape])
async def list_registries(call: Call, limit: Limit = 50, cursor: Cursor = None) -> Page[RegistryShape]:
    """List the registries that one may see, oldest first."""
    key = decode(cursor, int)
    part = search.Slice((), [str(key[0])] if key is not None else None, limit + 1)
    rows = await call.read(lambda tx: search.search_registries(tx, call.actor, EVERYTHING, part))
    return page(rows, limit, lambda found: (found.thing.project_id,), lambda found: RegistryShape.of(found.thing))


@router.create("/registries", action=Action.REGISTRY_ADMIN, response_model=RegistryShape, status_code=201)
async def create_registry(call: Call, body: NewRegistry) -> Response:
    """Make a registry, as an admin of the organization, and be its first admin."""
    wanted = registries.Wanted(body.name, body.visibility, body.description, body.artifact_types)

    async def command(tx: Transaction) -> RegistryShape:
        return RegistryShape.of(await registries.create_registry(tx, call.actor, wanted))

    return await call.mutate(command, status=201)


@router.read(REGISTRY, action=Action.REGISTRY_READ, response_model=RegistryShape)
async def read_registry(call: Call, name: str) -> RegistryShape:
    """Read a registry."""
    return RegistryShape.of(await call.read(lambda tx: registries.find_registry(tx, call.actor, name)))


@router.change(REGISTRY, action=Action.REGISTRY_ADMIN, response_model=RegistryShape)
async def update_registry(call: Call, name: str, body: RegistryChange) -> Response:
    """Change a registry; renaming it changes the path of its collections."""
    fields: dict[str, Any] = body.model_dump(exclude_unset=True)

    async def command(tx: Transaction) -> RegistryShape:
        return RegistryShape.of(await registries.update_registry(tx, call.actor, name, fields))

    return await call.mutate(command)


@router.remove(REGISTRY, action=Action.REGISTRY_ADMIN, status_code=204)
async def delete_registry(call: Call, name: str) -> Response:
    """Delete a registry with its collections; the versions that were linked stay where they were logged."""
    return await call.mutate(lambda tx: registries.delete_registry(tx, call.actor, name), status=204)


@router.read(REGISTRY + "/members", action=Action.REGISTRY_READ, response_model=list[RegistryMember])
async def list_registry_members(call: Call, name: str) -> list[RegistryMember]:
    """List who was given a role in a registry; admins of the organization are admins without."""

    async def query(tx: Transaction) -> list[RegistryMember]:
        registry = await registries.find_registry(tx, call.actor, name)
        return [
            RegistryMember(name=member.name, kind=member.kind, role=member.role.key)
            for member in await members.list_members(tx, registry)
        ]

    return await call.read(query)


async def _set(tx: Transaction, call: Call, name: str, member: str, role: Role) -> RegistryMember:
    locked, registry = await registries.lock_registry(tx, call.actor, name)
    found = await directory.find_member(tx, call.actor, member)
    await members.set_members(tx, locked[registry.aggregate_id], registry, [(found, role)])
    return RegistryMember(name=found.name, kind=found.kind, role=role.key)


@router.replace(REGISTRY + "/members/{member}", action=Action.REGISTRY_ADMIN, response_model=RegistryMember)
async def set_registry_member(call: Call, name: str, member: str, body: SetRegistryRole) -> Response:
    """Give a person, a program or a team a role in a registry."""
    return await call.mutate(lambda tx: _set(tx, call, name, member, Role.of(body.role)))


@router.remove(REGISTRY + "/members/{member}", action=Action.REGISTRY_ADMIN, status_code=204)
async def remove_registry_member(call: Call, name: str, member: str) -> Response:
    """Take the role in a registry away from a person, a program or a team."""

    async def command(tx: Transaction) -> None:
        await _set(tx, call, name, member, Role.NONE)

    return await call.mutate(command, status=204)


@router.read(REGISTRY + "/access", action=Action.ACCESS_EXPLAIN, response_model=Explanation)
async def explain_registry(
    call: Call,
    name: str,
    action: Action,
    actor: EntityName | None = None,
    protected: bool = False,  # noqa: FBT001, FBT002 - a query parameter
) -> Response:
    """Say whether an actor may do something in a registry, and why."""

    async def query(tx: Transaction) -> Explanation:
        registry = await registries.find_registry(tx, call.actor, name, Action.ACCESS_EXPLAIN)
        resource = replace(registry.resource(), protected=protected)
        return Explanation.of(await verdict_on(tx, call.actor, actor, action, resource))

    return await call.answer(query)


@router.read(REGISTRY + "/protected-aliases", action=Action.REGISTRY_READ, response_model=list[Protected])
async def list_protected_aliases(call: Call, name: str) -> list[Protected]:
    """List the aliases that only admins of the registry may set or remove."""
    aliases = await call.read(lambda tx: protection.list_protected(tx, call.actor, name))
    return [Protected(alias=alias) for alias in aliases]


@router.replace(REGISTRY + "/protected-aliases/{alias}", action=Action.REGISTRY_ADMIN, response_model=Protected)
async def protect_alias(call: Call, name: str, alias: Alias) -> Response:
    """Protect an alias in all collections of a registry."""

    async def command(tx: Transaction) -> Protected:
        await protection.protect(tx, call.actor, name, alias)
        return Protected(alias=alias)

    return await call.mutate(command)


@router.remove(REGISTRY + "/protected-aliases/{alias}", action=Action.REGISTRY_ADMIN, status_code=204)
async def unprotect_alias(call: Call, name: str, alias: AnyAlias) -> Response:
    """Let everybody who may set aliases set this one."""
    return await call.mutate(lambda tx: protection.unprotect(tx, call.actor, name, alias), status=204)
