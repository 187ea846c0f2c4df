"""What the client changes of projects, the registries among them: made, described, renamed, deleted."""

from collections.abc import Mapping
from typing import Any

from regista.access import directory
from regista.access.actions import Action
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError, NotFoundError
from regista.registry import registries
from regista.registry.registry import registry_name
from regista.tracking import projects
from regista.tracking.names import LongText, ProjectName
from regista.tracking.repository import projects_by_ids
from regista.tracking.subjects import Project
from regista.wandb import ids, loading
from regista.wandb.checks import checked
from regista.wandb.exchange import Exchange, Info, exchange_of
from regista.wandb.registries import rename_registry, save_registry
from regista.wandb.roots import Root

mutation = Root("Mutation")

_VISIBILITY = {"PRIVATE": "entity", "RESTRICTED": "private", "USER_READ": "organization", "USER_WRITE": "organization"}


@mutation.names("upsertModel", action=Action.PROJECT_WRITE)
async def _save(_root: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's name
    exchange = exchange_of(info)
    if input.get("id"):
        raise InvalidError("upsertModel finds a project by entityName and name, not by id; leave id out", field="id")
    if not input.get("name"):
        raise InvalidError("a project needs a name", field="name")
    if registry_name(input["name"]) is not None:
        registry, inserted = await save_registry(exchange, input)
        return await _shown(exchange, registry.project_id, inserted=inserted)
    name = checked(ProjectName, input["name"], "name")
    fields = _fields(input)

    async def command(tx: Transaction) -> tuple[Project, bool]:
        actor = exchange.actor
        entity = input.get("entity_name") or (await directory.person_of(tx, actor)).default_entity
        if entity is None:
            raise InvalidError(f"{actor.name} has no entity of their own; name one in entityName", field="entityName")
        try:
            await projects.find_project(tx, actor, entity, name, Action.PROJECT_WRITE)
        except NotFoundError:
            return await projects.create_project(tx, actor, entity, name, fields), True
        return await projects.update_project(tx, actor, entity, name, fields), False

    project, inserted = await exchange.change(command)
    return {"project": project, "model": project, "inserted": inserted}


@mutation.names("renameProject", action=Action.PROJECT_WRITE)
async def _rename(_root: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's name
    exchange = exchange_of(info)
    old, new = input["old_project_name"], input["new_project_name"]
    if registry_name(old) is not None:
        registry = await rename_registry(exchange, old, new)
        return await _shown(exchange, registry.project_id, inserted=False)
    fields = {"name": checked(ProjectName, new, "newProjectName")}
    project = await exchange.change(
        lambda tx: projects.update_project(tx, exchange.actor, input["entity_name"], old, fields)
    )
    return {"project": project, "model": project, "inserted": False}


@mutation.names("deleteModel", action=Action.PROJECT_WRITE)
async def _delete(_root: None, info: Info, input: dict[str, Any]) -> dict[str, bool]:  # noqa: A002 - the schema's name
    number = ids.decode(input["id"], "Project", "ProjectInternalId")
    exchange = exchange_of(info)

    async def command(tx: Transaction) -> None:
        project = (await projects_by_ids(tx, exchange.actor.organization_id, [number])).get(number)
        if project is None:
            raise NotFoundError(f"project {input['id']!r} does not exist, or you may not see it")
        registry = registry_name(project.name)
        if registry is not None:
            await registries.delete_registry(tx, exchange.actor, registry)
        else:
            await projects.delete_project(tx, exchange.actor, project.entity, project.name)

    await exchange.change(command)
    return {"success": True}


def _fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be written of a project: the client sends what it does not mean as null."""
    fields: dict[str, Any] = {}
    if given.get("description") is not None:
        fields["description"] = checked(LongText, given["description"], "description")
    access = given.get("access")
    if access is not None:
        if access not in _VISIBILITY:
            raise InvalidError(f"access {access!r} is none here; there are {', '.join(_VISIBILITY)}", field="access")
        fields["visibility"] = _VISIBILITY[access]
    return fields


async def _shown(exchange: Exchange, project_id: int, *, inserted: bool) -> dict[str, Any]:
    project = await loading.projects.get(exchange, project_id)
    return {"project": project, "model": project, "inserted": inserted}


BINDINGS = (mutation,)
