"""Tags of versions, with an optional value.

A tag set in a sequence is the artifact's and shows wherever the version is a member; one set in a portfolio is that
membership's, and wins there over the artifact's of the same name. Wherever a tag comes to show, or shows no more, is an
event of that collection, so that an automation on a registry meets it too; the artifact's own comes first and is their
cause.
"""

from collections.abc import Mapping
from dataclasses import replace

from regista.access.actions import Action
from regista.access.verdict import Actor, authorize
from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError
from regista.kit.outbox import Draft, append
from regista.registry.finding import lock_collection, missing_version
from regista.registry.repository import versions
from regista.registry.subjects import Collection, CollectionPath, Tags, Version
from regista.registry.versions import lock_memberships
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
    own = collection.kind == "portfolio"
    await versions.set_tag(transaction, found, tag, value, own=own)
    drafts = (
        [_added(aggregate, collection, tagged, tag, changed[tag])]
        if own
        else await showing(transaction, aggregate, collection, tagged, changed)
    )
    await append(transaction, drafts)
    return collection, tagged


async def remove_tag(transaction: Transaction, actor: Actor, path: CollectionPath, version: str, tag: str) -> None:
    """Take a tag from a version: the membership's, and where that has none the artifact's, which goes everywhere.

    In a portfolio the artifact's is taken away by the roles of its source collection. Raises `NotFoundError` for a tag
    that the version does not have, `AccessDeniedError`.
    """
    aggregate, collection = await lock_collection(transaction, actor, path, Action.TAG_REMOVE)
    found = await _tagged(transaction, collection, version, tag)
    if tag in found.own_tags:
        places = [(aggregate, collection, found)]
    else:
        # Out of the order of ids, since what is there to lock is known only now: a deadlock begins again.
        held = await lock_memberships(transaction, actor.organization_id, found.artifact_id)
        authorize(actor, Action.TAG_REMOVE, held[0][1].resource())
        found = await _tagged(transaction, collection, version, tag)
        places = [place for place in held if tag not in place[2].own_tags]
    await versions.remove_tag(transaction, found, tag, own=tag in found.own_tags)
    drafts: list[Draft] = []
    for locked, place, member in places:
        left = await versions.by_membership(transaction, member.membership_id)
        if left is None:
            raise missing_version(place, version)
        data = TagRemovedData(
            collection=place.snapshot(),
            artifact=left.snapshot(place),
            version=left.name,
            tag=tag,
            previous=member.tags[tag],
        )
        subject = f"{place.path}:{left.name}"
        drafts.append(Draft(TagRemoved, locked, subject, data, caused_by=0 if drafts else None))
    await append(transaction, drafts)


async def showing(
    transaction: Transaction, aggregate: Aggregate, collection: Collection, version: Version, changed: Tags, at: int = 0
) -> list[Draft]:
    """Return the events of tags that the artifact has got now, in its source collection and wherever else they show.

    ``version`` is the artifact in its source collection as it is now, ``changed`` the previous values by name, ``at`` the
    place of the first of these events in what is appended. Call under the collection's lock.
    """
    if not changed:
        return []
    held = await lock_memberships(transaction, collection.organization_id, version.artifact_id)
    drafts: list[Draft] = []
    for tag, previous in changed.items():
        cause = at + len(drafts)
        drafts.append(_added(aggregate, collection, version, tag, previous))
        drafts += [
            replace(_added(locked, place, member, tag, previous), caused_by=cause)
            for locked, place, member in held
            if place.id != collection.id and tag not in member.own_tags
        ]
    return drafts


def _added(aggregate: Aggregate, collection: Collection, version: Version, tag: str, previous: str | None) -> Draft:
    data = TagAddedData(
        collection=collection.snapshot(),
        artifact=version.snapshot(collection),
        version=version.name,
        tag=tag,
        value=version.tags[tag],
        previous=previous,
    )
    return Draft(TagAdded, aggregate, f"{collection.path}:{version.name}", data)


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
