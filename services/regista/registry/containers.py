"""Commands on collections themselves: made, at need or on request, changed, tagged, deleted."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import asyncpg

from regista.access.actions import Action
from regista.access.verdict import Actor, Visibility, authorize, decide
from regista.kit import aggregate
from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError
from regista.kit.outbox import Draft, append
from regista.registry.acceptance import check_accepted
from regista.registry.errors import CollectionExistsError, HeldError, KindMismatchError, TypeMismatchError
from regista.registry.finding import lock_collection
from regista.registry.repository import collections, versions
from regista.registry.subjects import Collection, CollectionPath, Version
from regista.tracking.projects import ensure_project, find_project
from regista_events import (
    ArtifactDeleted,
    ArtifactDeletedData,
    CollectionCreated,
    CollectionCreatedData,
    CollectionDeleted,
    CollectionDeletedData,
    CollectionTagAdded,
    CollectionTagAddedData,
    CollectionTagRemoved,
    CollectionTagRemovedData,
    CollectionUpdated,
    CollectionUpdatedData,
)
from regista_events.transition import Change

_ALL = 2**31 - 1


class Wanted(NamedTuple):
    """A collection that a command needs. ``kind`` is sequence or portfolio, ``type`` that of its versions."""

    path: CollectionPath
    kind: str
    type: str
    description: str | None = None


class Ensured(NamedTuple):
    """A collection that exists now.

    ``made`` is its aggregate if this transaction made it, None if the caller has to lock it. ``drafts`` are the events
    of what was made on the way, for the caller to append first.
    """

    collection: Collection
    made: Aggregate | None
    drafts: list[Draft]


async def ensure_collection(transaction: Transaction, actor: Actor, wanted: Wanted, action: Action) -> Ensured:
    """Return the collection, made now, with its project, if it is absent: of two that make it at once, one does.

    Authorizes ``action``. Raises `KindMismatchError` and `TypeMismatchError` for one that holds something else,
    `TypeNotAcceptedError` where the registry does not take this type.
    """
    path = wanted.path
    collection = await collections.by_path(transaction, actor.organization_id, path)
    if collection is not None:
        authorize(actor, action, collection.resource())
        _fits(collection, wanted)
        return Ensured(collection, None, [])
    project, drafts = await ensure_project(transaction, actor, path.entity, path.project)
    authorize(actor, action, project.resource())
    await check_accepted(transaction, project.id, wanted.kind, wanted.type)
    made = await aggregate.create(transaction, actor.organization_id)
    number = await collections.add(
        transaction, made, project.entity_id, project.id, path.name, wanted.kind, wanted.type, wanted.description
    )
    if number is None:
        collection = await collections.by_path(transaction, actor.organization_id, path)
        if collection is None:
            raise asyncpg.SerializationError("the collection was made and deleted meanwhile")
        _fits(collection, wanted)
        return Ensured(collection, None, drafts)
    collection = await collections.by_id(transaction, actor.organization_id, number)
    assert collection is not None  # noqa: S101 - inserted above, in this transaction
    data = CollectionCreatedData(collection=collection.snapshot())
    return Ensured(collection, made, [*drafts, Draft(CollectionCreated, made, collection.path, data)])


async def create_collection(transaction: Transaction, actor: Actor, wanted: Wanted) -> Collection:
    """Make a collection. Raises `CollectionExistsError` when the project has one of the name."""
    try:
        collection, made, drafts = await ensure_collection(transaction, actor, wanted, Action.COLLECTION_WRITE)
    except (KindMismatchError, TypeMismatchError):
        made, collection, drafts = None, None, []
    if made is None or collection is None:
        raise CollectionExistsError(f"{wanted.path} exists already; use it, or choose another name", field="name")
    await append(transaction, drafts)
    return collection


async def list_collections(
    transaction: Transaction, actor: Actor, entity: str, project: str, after: int, limit: int, kind: str | None
) -> list[Collection]:
    """Return up to ``limit`` collections of a project behind id ``after``, of one kind or of both.

    Those that are for fewer people than their project are left out where the actor is none of them.
    """
    found = await find_project(transaction, actor, entity, project, Action.COLLECTION_READ)
    seen = [
        visibility.value
        for visibility in Visibility
        if decide(actor, Action.COLLECTION_READ, replace(found.resource(), visibility=visibility)).allowed
    ]
    return await collections.listed(transaction, found.id, after, limit, kind, seen)


async def update_collection(
    transaction: Transaction, actor: Actor, path: CollectionPath, fields: Mapping[str, Any]
) -> Collection:
    """Change name, description or visibility; a call that changes nothing emits nothing.

    Raises `CollectionExistsError` for a new name that is taken.
    """
    locked, collection = await lock_collection(transaction, actor, path, Action.COLLECTION_WRITE)
    changes = {
        field: Change[Any](from_=getattr(collection, field), to=value)
        for field, value in fields.items()
        if getattr(collection, field) != value
    }
    if not changes:
        return collection
    changed = replace(collection, **fields, updated_at=locked.now)
    try:
        await collections.update(
            transaction, collection.id, changed.name, changed.description, fields.get("visibility"), locked.now
        )
    except asyncpg.UniqueViolationError as error:
        raise CollectionExistsError(f"{changed.path} exists already; choose another name", field="name") from error
    data = CollectionUpdatedData(collection=changed.snapshot(), changes=changes)
    await append(transaction, [Draft(CollectionUpdated, locked, changed.path, data)])
    return changed


async def change_type(transaction: Transaction, actor: Actor, path: CollectionPath, artifact_type: str) -> Collection:
    """Change the type of the artifacts of a sequence; nothing is emitted where it is that already.

    Raises `KindMismatchError` for a portfolio, which has the type of what it links to, `HeldError` while a version is
    linked into one.
    """
    locked, collection = await lock_collection(transaction, actor, path, Action.COLLECTION_WRITE)
    if collection.kind != "sequence":
        raise KindMismatchError(
            f"{collection.path} is a {collection.kind}: its type is that of the versions linked into it",
            kind=collection.kind,
        )
    if collection.type == artifact_type:
        return collection
    if await collections.is_linked(transaction, collection.id):
        raise HeldError(
            f"versions of {collection.path} are linked in collections of type {collection.type!r}; unlink them first"
        )
    await collections.set_type(transaction, collection.id, artifact_type, locked.now)
    changed = replace(collection, type=artifact_type, updated_at=locked.now)
    change = Change[Any](from_=collection.type, to=artifact_type)
    data = CollectionUpdatedData(collection=changed.snapshot(), changes={"type": change})
    await append(transaction, [Draft(CollectionUpdated, locked, changed.path, data)])
    return changed


async def delete_collection(transaction: Transaction, actor: Actor, path: CollectionPath) -> None:
    """Delete a collection: of a sequence the versions go with it, of a portfolio only the links.

    Raises `HeldError` while a version of the sequence is linked elsewhere. One that holds a protected alias needs an
    admin.
    """
    locked, collection = await lock_collection(transaction, actor, path, Action.COLLECTION_WRITE)
    holders = await versions.holders(transaction, collection.id)
    protected = await collections.protected_aliases(transaction, collection)
    authorize(actor, Action.ARTIFACT_DELETE, collection.resource(protected=not protected.isdisjoint(holders)))
    gone = await versions.listed(transaction, collection.id, _ALL, _ALL) if collection.kind == "sequence" else []
    drafts = [_deleted(locked, collection, version) for version in reversed(gone)]
    try:
        await collections.delete(transaction, collection.id)
    except asyncpg.ForeignKeyViolationError as error:
        raise HeldError(
            f"versions of {collection.path} are linked in other collections, or being logged; unlink them first"
        ) from error
    data = CollectionDeletedData(collection=collection.snapshot())
    drafts.append(Draft(CollectionDeleted, locked, collection.path, data))
    await append(transaction, drafts)


async def set_collection_tag(
    transaction: Transaction, actor: Actor, path: CollectionPath, tag: str, value: str | None
) -> Collection:
    """Tag a collection, or give its tag another value; nothing is emitted where it has just that."""
    locked, collection = await lock_collection(transaction, actor, path, Action.TAG_SET)
    if tag in collection.tags and collection.tags[tag] == value:
        return collection
    await collections.set_tag(transaction, collection.id, tag, value)
    previous = collection.tags.get(tag)
    collection = replace(collection, tags=dict(sorted({**collection.tags, tag: value}.items())))
    data = CollectionTagAddedData(collection=collection.snapshot(), tag=tag, value=value, previous=previous)
    await append(transaction, [Draft(CollectionTagAdded, locked, collection.path, data)])
    return collection


async def remove_collection_tag(transaction: Transaction, actor: Actor, path: CollectionPath, tag: str) -> None:
    """Take a tag from a collection. Raises `NotFoundError` for one that it does not have."""
    locked, collection = await lock_collection(transaction, actor, path, Action.TAG_REMOVE)
    if tag not in collection.tags:
        raise NotFoundError(f"collection {collection.path} has no tag {tag!r}")
    await collections.remove_tag(transaction, collection.id, tag)
    previous = collection.tags[tag]
    left = replace(collection, tags={name: value for name, value in collection.tags.items() if name != tag})
    data = CollectionTagRemovedData(collection=left.snapshot(), tag=tag, previous=previous)
    await append(transaction, [Draft(CollectionTagRemoved, locked, left.path, data)])


async def lock_ensured(
    transaction: Transaction, actor: Actor, ensured: Ensured, *others: int
) -> tuple[dict[int, Aggregate], Collection]:
    """Lock the collection's aggregate and ``others``, in id order, and read the collection again.

    An aggregate that this transaction made is nobody else's to lock. Raises `NotFoundError` when the collection was
    deleted meanwhile.
    """
    collection = ensured.collection
    wanted = set(others) if ensured.made is not None else {collection.aggregate_id, *others}
    locked = await aggregate.lock(transaction, wanted)
    if ensured.made is not None:
        return {**locked, ensured.made.id: ensured.made}, collection
    read = await collections.by_id(transaction, actor.organization_id, collection.id)
    if read is None:
        raise NotFoundError(f"collection {collection.path} was deleted meanwhile")
    return locked, read


def _fits(collection: Collection, wanted: Wanted) -> None:
    if collection.kind != wanted.kind:
        does = "versions are linked into it" if collection.kind == "portfolio" else "versions are logged to it"
        raise KindMismatchError(
            f"{collection.path} is a {collection.kind}: {does}; choose another name", kind=collection.kind
        )
    if collection.type != wanted.type:
        raise TypeMismatchError(
            f"{collection.path} holds artifacts of type {collection.type!r}, not {wanted.type!r}; "
            "log or link them to another collection",
            type=collection.type,
        )


def _deleted(locked: Aggregate, collection: Collection, version: Version) -> Draft:
    data = ArtifactDeletedData(
        collection=collection.snapshot(),
        artifact=version.snapshot(collection),
        version=version.name,
        aliases=version.aliases,
        reason="collection",
    )
    return Draft(ArtifactDeleted, locked, f"{collection.path}:{version.name}", data)
