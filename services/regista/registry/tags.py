"""Tags of versions, with an optional value.

A tag set in a sequence is the artifact's and shows wherever the version is a member; one set in a portfolio is that
membership's, and wins there over the artifact's of the same name.
"""

from collections.abc import Mapping
from dataclasses import replace

from regista.access.actions import Action
from regista.access.verdict import Actor
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError
from regista.kit.outbox import Draft, append
from regista.registry.finding import lock_collection, missing_version
from regista.registry.repository import versions
from regista.registry.subjects import Collection, CollectionPath, Tags, Version
from regista_events import TagAdded, TagAddedData, TagRemoved, TagRemovedData


async def set_tag(
    transaction: Transaction,
    actor: Actor,
    path: CollectionPath,
    version: str,
    tag: str,
    value: str | None = None,
    *,
    on_artifact: bool | None = None,
) -> tuple[Collection, Version]:
    """Tag a version, or give its tag another value; nothing is emitted where it has just that.

    ``on_artifact`` decides whose the tag is, where the kind of the collection should not.
    """
    aggregate, collection = await lock_collection(transaction, actor, path, Action.TAG_SET)
    found = await versions.by_name(transaction, collection.id, version)
    if found is None:
        raise missing_version(collection, version)
    own = collection.kind == "portfolio" if on_artifact is None else not on_artifact
    tagged, changed = merge_tags(found, {tag: value})
    if not changed:
        return collection, found
    await versions.set_tag(transaction, found, tag, value, own=own)
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
    """Take a tag from a version, the membership's and the artifact's. Raises `NotFoundError` for one it does not have."""
    aggregate, collection = await lock_collection(transaction, actor, path, Action.TAG_REMOVE)
    found = await versions.by_name(transaction, collection.id, version)
    if found is None:
        raise missing_version(collection, version)
    if tag not in found.tags:
        raise NotFoundError(f"{collection.path}:{found.name} has no tag {tag!r}")
    await versions.remove_tag(transaction, found, tag, own=True)
    await versions.remove_tag(transaction, found, tag, own=False)
    left = replace(found, tags={name: value for name, value in found.tags.items() if name != tag})
    data = TagRemovedData(
        collection=collection.snapshot(),
        artifact=left.snapshot(collection),
        version=left.name,
        tag=tag,
        previous=found.tags[tag],
    )
    await append(transaction, [Draft(TagRemoved, aggregate, f"{collection.path}:{left.name}", data)])


def merge_tags(version: Version, tags: Mapping[str, str | None]) -> tuple[Version, Tags]:
    """Return the version with ``tags`` over its own, and the previous value of each that is new or other."""
    changed = {
        name: version.tags.get(name)
        for name, value in tags.items()
        if name not in version.tags or version.tags[name] != value
    }
    merged = dict(sorted({**version.tags, **tags}.items()))
    return replace(version, tags=merged), changed
