"""Commands on versions that exist: changed, deleted, used, downloaded."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import asyncpg

from regista.access.actions import Action
from regista.access.verdict import Actor, Resource, Visibility, authorize, decide
from regista.kit import aggregate as aggregates
from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError
from regista.kit.outbox import Draft, append
from regista.registry.aliases import release_aliases
from regista.registry.errors import HeldError
from regista.registry.finding import collection_by_path, missing_version, resolve_version
from regista.registry.links import unlink, unlinked
from regista.registry.repository import artifacts, collections, lineage, manifests, versions
from regista.registry.repository.lineage import Lineage, Neighbour
from regista.registry.subjects import Collection, CollectionPath, Entry, Version
from regista.tracking.runs import find_run
from regista_events import (
    ArtifactDeleted,
    ArtifactDeletedData,
    ArtifactDownloaded,
    ArtifactDownloadedData,
    ArtifactUpdated,
    ArtifactUpdatedData,
    ArtifactUsed,
    ArtifactUsedData,
)
from regista_events.transition import Change

_CLIENT = 200


async def list_versions(
    transaction: Transaction, actor: Actor, path: CollectionPath, before: int, limit: int
) -> tuple[Collection, list[Version]]:
    """Return up to ``limit`` versions below index ``before``, newest first."""
    collection = await collection_by_path(transaction, actor, path)
    return collection, await versions.listed(transaction, collection.id, before, limit)


async def update_version(
    transaction: Transaction, actor: Actor, path: CollectionPath, version: str, fields: Mapping[str, Any]
) -> tuple[Collection, Version]:
    """Change description, metadata or ``ttl_seconds`` of a version; its events are those of its source collection.

    A call that changes nothing emits nothing. Returns the version as a member of ``path``.
    """
    collection, found = await resolve_version(transaction, actor, path, version, Action.ARTIFACT_UPDATE)
    artifact = await artifacts.by_id(transaction, actor.organization_id, found.artifact_id)
    if artifact is None:
        raise missing_version(collection, version)
    aggregate = await aggregates.lock_one(transaction, artifact.aggregate_id)
    source = await collections.by_id(transaction, actor.organization_id, artifact.collection_id)
    own = await versions.of_artifact(transaction, artifact.collection_id, artifact.id)
    if source is None or own is None:
        raise missing_version(collection, version)
    authorize(actor, Action.ARTIFACT_UPDATE, source.resource())
    changes = {
        field: Change[Any](from_=getattr(own, field), to=value)
        for field, value in fields.items()
        if getattr(own, field) != value
    }
    if not changes:
        return collection, await _again(transaction, collection, found)
    changed = replace(own, **fields, updated_at=aggregate.now)
    await artifacts.update(
        transaction, artifact.id, changed.description, changed.metadata, changed.ttl_seconds, aggregate.now
    )
    data = ArtifactUpdatedData(
        collection=source.snapshot(), artifact=changed.snapshot(source), version=changed.name, changes=changes
    )
    await append(transaction, [Draft(ArtifactUpdated, aggregate, f"{source.path}:{changed.name}", data)])
    return collection, await _again(transaction, collection, found)


async def delete_version(
    transaction: Transaction, actor: Actor, path: CollectionPath, version: str, *, delete_aliases: bool = False
) -> None:
    """Delete a version of a sequence, and take it out of every portfolio; in a portfolio, only unlink it.

    Raises `HeldError` while it holds aliases in the sequence or anywhere else, unless ``delete_aliases``, and always
    while it is linked under a protected alias. One of the sequence's own that is protected needs an admin.
    """
    collection, found = await resolve_version(transaction, actor, path, version)
    if collection.kind == "portfolio":
        await unlink(transaction, actor, path, version)
        return
    authorize(actor, Action.ARTIFACT_DELETE, collection.resource())
    held = await lock_memberships(transaction, actor.organization_id, found.artifact_id)
    if not held:
        raise missing_version(collection, version)
    await _authorize_deletion(transaction, actor, held, delete_aliases=delete_aliases)
    await remove_everywhere(transaction, held)


async def lock_memberships(
    transaction: Transaction, organization_id: int, artifact: int
) -> list[tuple[Aggregate, Collection, Version]]:
    """Lock every collection that the artifact is a member of and read its memberships, that of its source first.

    Raises the driver's `SerializationError` (the boundary then begins again) when they change meanwhile.
    """
    where = await versions.memberships(transaction, artifact)
    locked = await aggregates.lock(transaction, (aggregate for _, aggregate, _ in where))
    if await versions.memberships(transaction, artifact) != where:
        raise asyncpg.SerializationError("the version was linked or unlinked while it was being deleted")
    places = await collections.by_ids(transaction, organization_id, [number for number, _, _ in where])
    held: list[tuple[Aggregate, Collection, Version]] = []
    for number, aggregate, membership in where:
        member = await versions.by_membership(transaction, membership)
        if member is None or number not in places:
            raise asyncpg.SerializationError("the version was deleted meanwhile")
        held.append((locked[aggregate], places[number], member))
    held.sort(key=lambda place: place[1].id != place[2].source_collection_id)
    return held


async def remove_everywhere(
    transaction: Transaction, held: list[tuple[Aggregate, Collection, Version]], reason: str | None = None
) -> None:
    """Delete a version with all its memberships, as `lock_memberships` returned them; ``reason`` if nobody asked."""
    for _, _, member in held:
        await versions.remove(transaction, member.membership_id)
    own_aggregate, own_place, own = held[0]
    await artifacts.delete(transaction, own.artifact_id, own_aggregate.now)
    data = ArtifactDeletedData(
        collection=own_place.snapshot(),
        artifact=own.snapshot(own_place),
        version=own.name,
        aliases=own.aliases,
        reason=reason,
    )
    drafts = [Draft(ArtifactDeleted, own_aggregate, f"{own_place.path}:{own.name}", data)]
    for aggregate, place, member in held:
        at = 0
        if member is not own:
            at = len(drafts)
            drafts.append(replace(unlinked(aggregate, place, member), caused_by=0))
        drafts += await release_aliases(transaction, aggregate, place, member, caused_by=at)
    await append(transaction, drafts)


async def use_version(
    transaction: Transaction,
    actor: Actor,
    path: CollectionPath,
    version: str,
    run: str | None,
    client: str | None,
    used_as: str | None = None,
) -> tuple[Collection, Version]:
    """Record that a run (``entity/project/runs/name``) or a client takes the version as its input.

    ``used_as`` is what the run calls it.

    Raises `NotFoundError` for a version or run that is not there, `AccessDeniedError`.
    """
    collection, found = await resolve_version(transaction, actor, path, version, Action.ARTIFACT_DOWNLOAD)
    if run is not None:
        parts = run.split("/")
        if len(parts) != 4 or parts[2] != "runs":  # noqa: PLR2004 - entity, project, `runs`, name
            raise NotFoundError(f"run {run!r} is not written as entity/project/runs/name")
        _, user = await find_run(transaction, actor, parts[0], parts[1], parts[3], Action.RUN_WRITE)
        await lineage.add(transaction, actor.organization_id, found.artifact_id, user.id, "input", used_as)
    seen = await aggregates.observe(transaction, actor.organization_id)
    data = ArtifactUsedData(
        collection=collection.snapshot(),
        artifact=found.snapshot(collection),
        version=found.name,
        run=run,
        client=_short(client),
        used_as=used_as,
    )
    await append(transaction, [Draft(ArtifactUsed, seen, f"{collection.path}:{found.name}", data)])
    return collection, found


async def download_file(
    transaction: Transaction, actor: Actor, path: CollectionPath, version: str, file: str, client: str | None
) -> Entry:
    """Return a file of a version, whose handing out is an event. Raises `NotFoundError`, `AccessDeniedError`."""
    collection, found = await resolve_version(transaction, actor, path, version, Action.ARTIFACT_DOWNLOAD)
    entries = await manifests.entries_at(transaction, found.artifact_id, [file])
    if not entries:
        raise NotFoundError(f"{collection.path}:{found.name} has no file {file!r}; list …/files to see which it has")
    await record_download(transaction, actor, collection, found, file, client)
    return entries[0]


async def record_download(
    transaction: Transaction,
    actor: Actor,
    collection: Collection,
    found: Version,
    file: str | None,
    client: str | None,
) -> None:
    """Append the event of a version's file, or with None of all its files, that were handed out."""
    seen = await aggregates.observe(transaction, actor.organization_id)
    data = ArtifactDownloadedData(
        collection=collection.snapshot(),
        artifact=found.snapshot(collection),
        version=found.name,
        client=_short(client),
        path=file,
    )
    await append(transaction, [Draft(ArtifactDownloaded, seen, f"{collection.path}:{found.name}", data)])


async def list_files(
    transaction: Transaction, actor: Actor, path: CollectionPath, version: str, after: str, limit: int
) -> list[Entry]:
    """Return up to ``limit`` files of a version behind path ``after``, in the byte order of their paths."""
    _, found = await resolve_version(transaction, actor, path, version)
    return await manifests.entries(transaction, found.artifact_id, after, limit)


async def version_lineage(
    transaction: Transaction, actor: Actor, path: CollectionPath, version: str
) -> dict[str, list[str]]:
    """Return the paths around a version that the actor may see, by the fields of `Lineage`."""
    _, found = await resolve_version(transaction, actor, path, version)
    around: Lineage = await lineage.around(transaction, found.artifact_id)
    return {
        field: [each.path for each in neighbours if _is_seen(actor, each)]
        for field, neighbours in around._asdict().items()
    }


async def _authorize_deletion(
    transaction: Transaction,
    actor: Actor,
    held: list[tuple[Aggregate, Collection, Version]],
    *,
    delete_aliases: bool,
) -> None:
    # Who may delete the version need not know every collection that it is linked in.
    shown = {place.id: place.path if _knows(actor, place) else "another team's collection" for _, place, _ in held}
    named = {f"{shown[place.id]}:{alias}" for _, place, member in held for alias in member.aliases}
    for _, place, member in held:
        protected = await collections.protected_aliases(transaction, place)
        kept = sorted(protected.intersection(member.aliases))
        if kept and place.kind == "portfolio":
            raise HeldError(
                f"the version is linked as {shown[place.id]}:{kept[0]}, a protected alias; move that alias first",
                aliases=sorted(named),
            )
        if place.kind == "sequence":
            authorize(actor, Action.ARTIFACT_DELETE, place.resource(protected=bool(kept)))
    if named and not delete_aliases:
        raise HeldError(
            f"the version holds aliases: {', '.join(sorted(named))}; move them first, or pass delete_aliases=true",
            aliases=sorted(named),
        )


async def _again(transaction: Transaction, collection: Collection, found: Version) -> Version:
    """Return a version that was read before its lock as it is now."""
    version = await versions.by_membership(transaction, found.membership_id)
    if version is None:
        raise missing_version(collection, found.name)
    return version


def _knows(actor: Actor, place: Collection) -> bool:
    return decide(actor, Action.COLLECTION_READ, place.resource()).visible


def _is_seen(actor: Actor, each: Neighbour) -> bool:
    place = Resource(each.path, actor.organization_id, each.entity_id, Visibility(each.visibility))
    return decide(actor, Action.ARTIFACT_READ, place).visible


def _short(client: str | None) -> str | None:
    return client[:_CLIENT] if client else None
