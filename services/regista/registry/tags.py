"""Tags of versions, with an optional value.

A tag set in a sequence is the artifact's and shows wherever the version is a member; one set in a portfolio is that
membership's, and wins there over the artifact's of the same name.
"""

from collections.abc import Mapping
from dataclasses import replace

from regista.access.actions import Action
from regista.access.verdict import Actor, authorize
from regista.kit.aggregate import lock_one
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError
from regista.kit.outbox import Draft, append
from regista.registry.finding import lock_collection, missing_version
from regista.registry.repository import collections, versions
from regista.registry.subjects import Collection, CollectionPath, Tags, Version
from regista_events import TagAdded, TagAddedData, TagRemoved, TagRemovedData


async def set_tag(
    transaction: Transaction,
    actor: Actor,
    path: CollectionPath,
    version: str,
    tag: str,
    value: str | None = None,
) -> tuple[Collection, Version]:
    """Tag a version, or give its tag another value; nothing is emitted where it has just that."""
    aggregate, collection = await lock_collection(transaction, actor, path, Action.TAG_SET)
    found = await versions.by_name(transaction, collection.id, version)
    if found is None:
        raise missing_version(collection, version)
    tagged, changed = merge_tags(found, {tag: value})
    if not changed:
        return collection, found
    await versions.set_tag(transaction, found, tag, value, own=collection.kind == "portfolio")
    data = TagAddedData(
        collection=collection.snapshot(),
        artifact=tagged.snapshot(collection),
        version=tagged.name,
        tag=tag,
        value=value,
        previous=changed[tag],
    )
    await append(transaction, [Draft(TagAdded, aggregate, f"{collection.path}:{tagged.name}", data)])
    return collection, tagged


async def remove_tag(transaction: Transaction, actor: Actor, path: CollectionPath, version: str, tag: str) -> None:
    """Take a tag from a version: the membership's, and where that has none the artifact's, which goes everywhere.

    In a portfolio the artifact's is taken away under the lock and by the roles of its source collection, whose event
    it is too. Raises `NotFoundError` for a tag that the version does not have, `AccessDeniedError`.
    """
    aggregate, collection = await lock_collection(transaction, actor, path, Action.TAG_REMOVE)
    found = await _tagged(transaction, collection, version, tag)
    places = [(aggregate, collection)]
    own = tag in found.own_tags
    if not own and found.source_collection_id != collection.id:
        # Out of the order of ids, since what is there to lock is known only now: a deadlock begins again.
        source = await collections.by_id(transaction, actor.organization_id, found.source_collection_id)
        if source is None:
            raise missing_version(collection, version)
        places.append((await lock_one(transaction, source.aggregate_id), source))
        authorize(actor, Action.TAG_REMOVE, source.resource())
        found = await _tagged(transaction, collection, version, tag)
    await versions.remove_tag(transaction, found, tag, own=own)
    drafts: list[Draft] = []
    for locked, place in places:
        left = (
            await versions.by_membership(transaction, found.membership_id)
            if place is collection
            else await versions.of_artifact(transaction, place.id, found.artifact_id)
        )
        if left is None:
            raise missing_version(place, version)
        data = TagRemovedData(
            collection=place.snapshot(),
            artifact=left.snapshot(place),
            version=left.name,
            tag=tag,
            previous=found.tags[tag],
        )
        drafts.append(Draft(TagRemoved, locked, f"{place.path}:{left.name}", data))
    await append(transaction, drafts)


async def _tagged(transaction: Transaction, collection: Collection, version: str, tag: str) -> Version:
    found = await versions.by_name(transaction, collection.id, version)
    if found is None:
        raise missing_version(collection, version)
    if tag not in found.tags:
        raise NotFoundError(f"{collection.path}:{found.name} has no tag {tag!r}")
    return found


def merge_tags(version: Version, tags: Mapping[str, str | None]) -> tuple[Version, Tags]:
    """Return the version with ``tags`` over its own, and the previous value of each that is new or other."""
    changed = {
        name: version.tags.get(name)
        for name, value in tags.items()
        if name not in version.tags or version.tags[name] != value
    }
    merged = dict(sorted({**version.tags, **tags}.items()))
    return replace(version, tags=merged), changed
