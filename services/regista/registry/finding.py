"""From a path to a collection or version, locked or not, and to what the caller may know of it."""

from regista.access.actions import Action
from regista.access.verdict import Actor, authorize
from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError
from regista.registry.repository import collections, versions
from regista.registry.subjects import Collection, CollectionPath, Version


async def collection_by_path(
    transaction: Transaction, actor: Actor, path: CollectionPath, action: Action = Action.COLLECTION_READ
) -> Collection:
    """Return a collection that the actor may do ``action`` to. Raises `NotFoundError`, `AccessDeniedError`."""
    collection = await collections.by_path(transaction, actor.organization_id, path)
    if collection is None:
        raise missing_collection(path)
    authorize(actor, action, collection.resource())
    return collection


async def collection_by_id(
    transaction: Transaction, actor: Actor, number: int, action: Action = Action.COLLECTION_READ
) -> Collection:
    """Return a collection that the actor may do ``action`` to. Raises `NotFoundError`, `AccessDeniedError`."""
    collection = await collections.by_id(transaction, actor.organization_id, number)
    if collection is None:
        raise NotFoundError(f"collection {number} does not exist, or you may not see it")
    authorize(actor, action, collection.resource())
    return collection


async def resolve_version(
    transaction: Transaction, actor: Actor, path: CollectionPath, version: str, action: Action = Action.ARTIFACT_READ
) -> tuple[Collection, Version]:
    """Return a version (``vN`` or alias) and its collection. Raises `NotFoundError`, `AccessDeniedError`."""
    collection = await collection_by_path(transaction, actor, path, action)
    found = await versions.by_name(transaction, collection.id, version)
    if found is None:
        raise missing_version(collection, version)
    return collection, found


async def lock_collection(
    transaction: Transaction, actor: Actor, path: CollectionPath, action: Action
) -> tuple[Aggregate, Collection]:
    """Lock a collection, then read it and authorize ``action``. Raises `NotFoundError`, `AccessDeniedError`."""
    locked = await collections.lock(transaction, actor.organization_id, path)
    if locked is None:
        raise missing_collection(path)
    collection = await collections.by_id(transaction, actor.organization_id, locked[1])
    if collection is None:
        raise missing_collection(path)
    authorize(actor, action, collection.resource())
    return locked[0], collection


def split_version(text: str, default: str = "latest") -> tuple[CollectionPath, str] | None:
    """Return the parts of ``entity/project/name:version``, None for text that has not these parts."""
    path, colon, version = text.rpartition(":")
    if not colon or "/" in version:
        path, version = text, default
    parts = path.split("/")
    if len(parts) != len(CollectionPath._fields) or not all(parts) or not version:
        return None
    return CollectionPath(*parts), version


def missing_collection(path: CollectionPath | str) -> NotFoundError:
    """Return the error for a collection that is absent, in the words of `authorize` on one that may not be seen."""
    return NotFoundError(f"{path} does not exist, or you may not see it")


def missing_version(collection: Collection, version: str) -> NotFoundError:
    """Return the error for a version that a collection does not have."""
    return NotFoundError(f"{collection.path} has no version {version}; list …/versions to see which it has")


def missing_artifact(number: int) -> NotFoundError:
    """Return the error for an artifact that is absent or that may not be seen."""
    return NotFoundError(f"artifact {number} does not exist, or you may not see it")
