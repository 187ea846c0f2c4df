"""Commands and queries on projects. None commits: the boundary does."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import asyncpg

from regista.access.actions import Action
from regista.access.repository import entity_by_name
from regista.access.verdict import Actor, Resource, authorize, sight
from regista.kit import aggregate
from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError, NotFoundError
from regista.kit.outbox import Draft, append
from regista.tracking import line_repository, repository
from regista.tracking.errors import ProjectExistsError
from regista.tracking.names import REGISTRY_PREFIX
from regista.tracking.subjects import Project
from regista.tracking.summary import for_event
from regista_events import (
    ProjectCreated,
    ProjectCreatedData,
    ProjectDeleted,
    ProjectDeletedData,
    ProjectUpdated,
    ProjectUpdatedData,
    RunDeleted,
    RunDeletedData,
)
from regista_events.transition import Change


class Ensured(NamedTuple):
    """A project that exists now; ``drafts`` holds its `project.created` if this transaction made it."""

    project: Project
    drafts: list[Draft]


async def find_project(transaction: Transaction, actor: Actor, entity: str, name: str, action: Action) -> Project:
    """Return a project that the actor may do ``action`` in.

    Raises `NotFoundError`, also for what the actor may not see, and `AccessDeniedError`.
    """
    project = await repository.project_by_path(transaction, actor.organization_id, entity, name)
    if project is None:
        raise _missing(entity, name)
    authorize(actor, action, project.resource())
    return project


async def list_projects(transaction: Transaction, actor: Actor, entity: str, after: int, limit: int) -> list[Project]:
    """Return up to ``limit`` projects of an entity behind id ``after``."""
    return await repository.projects(
        transaction,
        actor.organization_id,
        await _entity_id(transaction, actor, entity, Action.PROJECT_READ),
        after,
        limit,
    )


async def list_seen(transaction: Transaction, actor: Actor, after: int, limit: int) -> list[Project]:
    """Return up to ``limit`` projects behind id ``after`` that the actor may see, registries' too, of every entity."""
    seen = sight(actor, Action.PROJECT_READ)
    return await repository.projects_seen(transaction, actor.organization_id, seen, after, limit)


async def count_projects(transaction: Transaction, actor: Actor, entity: str) -> int:
    """Return how many projects an entity has."""
    place = await _entity_id(transaction, actor, entity, Action.PROJECT_READ)
    return await repository.count_projects(transaction, place)


async def ensure_project(
    transaction: Transaction,
    actor: Actor,
    entity: str,
    name: str,
    fields: Mapping[str, str | None] | None = None,
) -> Ensured:
    """Return the project, made now if it is absent: of two that make it at once, one does.

    Authorizes `project.write` where it makes one, nothing where it finds one. The caller appends the drafts. Raises
    `NotFoundError` for a registry that there is not: those are made by a command of their own.
    """
    project = await repository.project_by_path(transaction, actor.organization_id, entity, name)
    if project is not None:
        return Ensured(project, [])
    if name.startswith(REGISTRY_PREFIX):
        raise _missing(entity, name)
    entity_id = await _entity_id(transaction, actor, entity, Action.PROJECT_WRITE)
    made = await aggregate.create(transaction, actor.organization_id)
    fields = fields or {}
    wanted = Project(
        id=0,
        aggregate_id=made.id,
        organization_id=actor.organization_id,
        entity_id=entity_id,
        entity=entity,
        name=name,
        title=fields.get("title"),
        description=fields.get("description"),
        visibility=fields.get("visibility") or "entity",
        created_at=made.now,
        updated_at=made.now,
    )
    number = await repository.add_project(transaction, made, wanted)
    if number is None:
        project = await repository.project_by_path(transaction, actor.organization_id, entity, name)
        if project is None:
            raise asyncpg.SerializationError("the project was made and deleted meanwhile")
        return Ensured(project, [])
    project = replace(wanted, id=number)
    data = ProjectCreatedData(project=project.snapshot())
    return Ensured(project, [Draft(ProjectCreated, made, project.path, data)])


async def create_project(
    transaction: Transaction, actor: Actor, entity: str, name: str, fields: Mapping[str, str | None]
) -> Project:
    """Make a project. Raises `ProjectExistsError` when the entity has one of the name, `InvalidError` for a registry's."""
    await _entity_id(transaction, actor, entity, Action.PROJECT_WRITE)
    _refuse_registry(name)
    project, drafts = await ensure_project(transaction, actor, entity, name, fields)
    if not drafts:
        raise ProjectExistsError(
            f"{entity} has a project {name!r} already; use it, or choose another name", field="name"
        )
    await append(transaction, drafts)
    return project


async def update_project(
    transaction: Transaction, actor: Actor, entity: str, name: str, fields: Mapping[str, Any]
) -> Project:
    """Change name, title, description or visibility; a call that changes nothing emits nothing.

    Raises `ProjectExistsError` for a new name that is taken, `InvalidError` for the project of a registry.
    """
    locked, project = await _locked(transaction, actor, entity, name)
    _refuse_registry(project.name)
    _refuse_registry(fields.get("name") or "")
    changed = replace(project, **fields)
    changes = {
        field: Change[Any](from_=getattr(project, field), to=value)
        for field, value in fields.items()
        if getattr(project, field) != value
    }
    if not changes:
        return project
    changed = replace(changed, updated_at=locked.now)
    try:
        await repository.update_project(transaction, changed)
    except asyncpg.UniqueViolationError as error:
        raise ProjectExistsError(
            f"{entity} has a project {changed.name!r} already; choose another name", field="name"
        ) from error
    data = ProjectUpdatedData(project=changed.snapshot(), changes=changes)
    await append(transaction, [Draft(ProjectUpdated, locked, changed.path, data)])
    return changed


async def delete_project(transaction: Transaction, actor: Actor, entity: str, name: str) -> None:
    """Delete a project and its runs, each with its event, runs first.

    Raises `ProjectHeldError` while it holds collections.
    """
    locked, project = await _locked(transaction, actor, entity, name)
    # A run is made after its project, so its aggregate has the higher id: the order of locks holds.
    runs_locked = await aggregate.lock(transaction, await repository.run_aggregates(transaction, project.id))
    runs = [run for run in await repository.runs(transaction, project.id, 0, None) if run.aggregate_id in runs_locked]
    await line_repository.discard(transaction, [run.id for run in runs])
    await repository.delete_project(transaction, project.id, [run.id for run in runs])
    drafts = [
        Draft(
            RunDeleted,
            runs_locked[run.aggregate_id],
            run.path(project),
            RunDeletedData(run=run.snapshot(project), summary=for_event(run.summary)),
        )
        for run in runs
    ]
    drafts.append(Draft(ProjectDeleted, locked, project.path, ProjectDeletedData(project=project.snapshot())))
    await append(transaction, drafts)


async def _locked(transaction: Transaction, actor: Actor, entity: str, name: str) -> tuple[Aggregate, Project]:
    locked = await repository.lock_project(transaction, actor.organization_id, entity, name)
    if locked is None:
        raise _missing(entity, name)
    return locked, await find_project(transaction, actor, entity, name, Action.PROJECT_WRITE)


async def _entity_id(transaction: Transaction, actor: Actor, entity: str, action: Action) -> int:
    row = await entity_by_name(transaction, actor.organization_id, entity)
    if row is None:
        raise NotFoundError(f"entity {entity} does not exist, or you may not see it")
    authorize(actor, action, Resource(f"entity {entity}", actor.organization_id, row["id"]))
    return row["id"]


def _refuse_registry(name: str) -> None:
    if name.startswith(REGISTRY_PREFIX):
        raise InvalidError(
            f"names that begin with {REGISTRY_PREFIX} are those of registries; make or change the registry instead",
            field="name",
        )


def _missing(entity: str, name: str) -> NotFoundError:
    # In the words of `authorize` on a project that may not be seen: nobody can tell which it is.
    return NotFoundError(f"{entity}/{name} does not exist, or you may not see it")
