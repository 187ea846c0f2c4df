"""Commands and queries on registries. None commits: the boundary does.

Who writes: admins of the organization make registries, admins of a registry change them. A registry and its project are
made, renamed and deleted together, each with its event, under the locks of both.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import asyncpg

from regista.access import directory
from regista.access.actions import Action, Role
from regista.access.service import organization_resource
from regista.access.verdict import Actor, authorize
from regista.kit import aggregate
from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError
from regista.kit.outbox import Draft, append
from regista.registry import members
from regista.registry.errors import RegistryExistsError, TypeInUseError
from regista.registry.registry import Openness, Registry, project_name, visibility_of
from regista.registry.repository import collections, registries
from regista.tracking import repository as tracking
from regista.tracking.projects import delete_project
from regista.tracking.subjects import Project
from regista_events import (
    CollectionDeleted,
    CollectionDeletedData,
    ProjectCreated,
    ProjectCreatedData,
    ProjectUpdated,
    ProjectUpdatedData,
    RegistryCreated,
    RegistryCreatedData,
    RegistryDeleted,
    RegistryDeletedData,
    RegistryUpdated,
    RegistryUpdatedData,
)
from regista_events.transition import Change

_ALL = 2**31 - 1
_OF_PROJECT = ("name", "description", "visibility")


class Wanted(NamedTuple):
    """A registry to make. Without ``artifact_types`` it takes artifacts of any type."""

    name: str
    visibility: Openness = "organization"
    description: str | None = None
    artifact_types: tuple[str, ...] = ()


async def find_registry(
    transaction: Transaction, actor: Actor, name: str, action: Action = Action.REGISTRY_READ
) -> Registry:
    """Return a registry that the actor may do ``action`` to. Raises `NotFoundError`, `AccessDeniedError`."""
    registry = await registries.by_name(transaction, actor.organization_id, name)
    if registry is None:
        raise _missing(name)
    authorize(actor, action, registry.resource())
    return registry


async def create_registry(transaction: Transaction, actor: Actor, wanted: Wanted) -> Registry:
    """Make a registry and its project; who makes it is its first admin.

    Raises `RegistryExistsError` for a name that is taken, `AccessDeniedError` for who is no admin of the organization.
    """
    authorize(actor, Action.REGISTRY_ADMIN, organization_resource(actor))
    place = await directory.organization_place(transaction, actor)
    holding = await aggregate.create(transaction, actor.organization_id)
    project = Project(
        id=0,
        aggregate_id=holding.id,
        organization_id=actor.organization_id,
        entity_id=place.id,
        entity=place.name,
        name=project_name(wanted.name),
        title=None,
        description=wanted.description,
        visibility=visibility_of(wanted.visibility),
        created_at=holding.now,
        updated_at=holding.now,
    )
    project_id = await tracking.add_project(transaction, holding, project)
    if project_id is None:
        raise _taken(actor, wanted.name)
    made = await aggregate.create(transaction, actor.organization_id)
    types = sorted(set(wanted.artifact_types))
    try:
        await registries.add(transaction, made, place.id, project_id, wanted.name, all_types=not types, types=types)
    except asyncpg.UniqueViolationError as error:
        raise _taken(actor, wanted.name) from error
    registry = await find_registry(transaction, actor, wanted.name)
    project = replace(project, id=project_id)
    drafts = [
        Draft(ProjectCreated, holding, project.path, ProjectCreatedData(project=project.snapshot())),
        Draft(RegistryCreated, made, registry.path, RegistryCreatedData(registry=registry.snapshot())),
    ]
    drafts += await members.give(transaction, made, registry, await directory.person_of(transaction, actor), Role.ADMIN)
    await append(transaction, drafts)
    return registry


async def update_registry(transaction: Transaction, actor: Actor, name: str, fields: Mapping[str, Any]) -> Registry:
    """Change name, description, visibility (an `Openness`), ``accepts_all`` or ``artifact_types``.

    A call that changes nothing emits nothing. Raises `RegistryExistsError` for a new name that is taken,
    `TypeInUseError` where a type would be accepted no longer that a collection holds.
    """
    locked, registry = await lock_registry(transaction, actor, name)
    changed = replace(registry, **_as_kept(fields), updated_at=locked[registry.aggregate_id].now)
    changes = _changes(registry, changed)
    if not changes:
        return registry
    if "artifact_types" in changes or "accepts_all" in changes:
        await _check_types(transaction, changed)
    try:
        await registries.update(transaction, changed)
        drafts = await _update_project(transaction, locked[registry.project_aggregate_id], registry, changed)
    except asyncpg.UniqueViolationError as error:
        raise _taken(actor, changed.name) from error
    data = RegistryUpdatedData(registry=changed.snapshot(), changes=changes)
    own = Draft(RegistryUpdated, locked[registry.aggregate_id], changed.path, data)
    await append(transaction, [own, *drafts])
    return changed


async def delete_registry(transaction: Transaction, actor: Actor, name: str) -> None:
    """Delete a registry with its collections and its project; the versions that were linked stay where they are.

    Raises `HeldError` while something else than links is in its project.
    """
    locked, registry = await lock_registry(transaction, actor, name, contents=True)
    drafts: list[Draft] = []
    for collection in await collections.of_project(transaction, registry.project_id):
        if collection.aggregate_id not in locked:
            raise asyncpg.SerializationError("a collection was made while its registry was being deleted")
        await collections.delete(transaction, collection.id)
        data = CollectionDeletedData(collection=collection.snapshot())
        drafts.append(Draft(CollectionDeleted, locked[collection.aggregate_id], collection.path, data))
    await registries.delete(transaction, registry.id)
    gone = RegistryDeletedData(registry=registry.snapshot())
    drafts.append(Draft(RegistryDeleted, locked[registry.aggregate_id], registry.path, gone))
    await append(transaction, drafts)
    await delete_project(transaction, actor, registry.entity, registry.project)
    await members.forget(transaction)


async def lock_registry(
    transaction: Transaction, actor: Actor, name: str, *, contents: bool = False
) -> tuple[dict[int, Aggregate], Registry]:
    """Lock a registry and its project (``contents``: and its collections), then read it and authorize its admin.

    Raises `NotFoundError`, `AccessDeniedError`.
    """
    seen = await find_registry(transaction, actor, name, Action.REGISTRY_ADMIN)
    inside = await registries.collection_aggregates(transaction, seen.project_id) if contents else []
    try:
        locked = await aggregate.lock(transaction, [seen.aggregate_id, seen.project_aggregate_id, *inside])
    except NotFoundError:
        raise _missing(name) from None
    await registries.lock_rows(transaction, seen.id)
    registry = (await registries.by_projects(transaction, actor.organization_id, [seen.project_id])).get(
        seen.project_id
    )
    if registry is None or registry.name != name:
        raise _missing(name)
    authorize(actor, Action.REGISTRY_ADMIN, registry.resource())
    return locked, registry


def _as_kept(fields: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(fields)
    if "visibility" in kept:
        kept["visibility"] = visibility_of(kept["visibility"]).value
    if "artifact_types" in kept:
        kept["artifact_types"] = sorted(set(kept["artifact_types"]))
    return kept


def _changes(before: Registry, after: Registry) -> dict[str, Change[Any]]:
    values = {
        field: (getattr(before, field), getattr(after, field))
        for field in ("name", "description", "accepts_all", "artifact_types")
    }
    values["visibility"] = (before.openness, after.openness)
    return {field: Change[Any](from_=old, to=new) for field, (old, new) in values.items() if old != new}


async def _check_types(transaction: Transaction, registry: Registry) -> None:
    left_out = [
        each for each in await registries.used_types(transaction, registry.project_id) if not registry.accepts(each)
    ]
    if left_out:
        raise TypeInUseError(
            f"registry {registry.name} holds artifacts of type {', '.join(map(repr, left_out))}; "
            "keep the type among those it accepts, or delete its collections first",
            field="artifact_types",
            types=left_out,
        )


async def _update_project(
    transaction: Transaction, locked: Aggregate, before: Registry, after: Registry
) -> list[Draft]:
    project = (await tracking.projects_by_ids(transaction, before.organization_id, [before.project_id]))[
        before.project_id
    ]
    changed = replace(
        project,
        name=after.project,
        description=after.description,
        visibility=after.visibility,
        updated_at=locked.now,
    )
    changes = {
        field: Change[Any](from_=getattr(project, field), to=getattr(changed, field))
        for field in _OF_PROJECT
        if getattr(project, field) != getattr(changed, field)
    }
    if not changes:
        return []
    await tracking.update_project(transaction, changed)
    data = ProjectUpdatedData(project=changed.snapshot(), changes=changes)
    return [Draft(ProjectUpdated, locked, changed.path, data)]


def _missing(name: str) -> NotFoundError:
    # In the words of `authorize` on a registry that may not be seen: nobody can tell which it is.
    return NotFoundError(f"registry {name} does not exist, or you may not see it")


def _taken(actor: Actor, name: str) -> RegistryExistsError:
    return RegistryExistsError(
        f"organization {actor.organization} has a registry {name!r} already; use it, or choose another name",
        field="name",
    )
