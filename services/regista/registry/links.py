"""Links: a version becomes a member of a portfolio, and leaves it again."""

from collections.abc import Sequence
from typing import NamedTuple

from regista.access.actions import Action
from regista.access.verdict import Actor, authorize
from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError, NotFoundError
from regista.kit.outbox import Draft, append
from regista.registry.aliases import authorize_aliases, place_aliases, release_aliases
from regista.registry.containers import Wanted, ensure_collection, lock_ensured
from regista.registry.errors import KindMismatchError
from regista.registry.finding import lock_collection, missing_version, resolve_version, split_version
from regista.registry.names import checked_aliases
from regista.registry.repository import artifacts, collections, versions
from regista.registry.subjects import Collection, CollectionPath, Version
from regista_events import ArtifactLinked, ArtifactLinkedData, ArtifactUnlinked, ArtifactUnlinkedData


class Linked(NamedTuple):
    """A version in a portfolio; ``created`` is False where it was a member before."""

    collection: Collection
    version: Version
    created: bool


class Sent(NamedTuple):
    """What an MLflow client sent as source and run, kept as it was written."""

    uri: str | None = None
    run: str | None = None


async def link(
    transaction: Transaction,
    actor: Actor,
    source: str,
    target: CollectionPath,
    aliases: Sequence[str] = (),
    *,
    at_least: int = 0,
    again: bool = False,
    sent: Sent = Sent(),  # noqa: B008 - a constant tuple
) -> Linked:
    """Link the version at ``source`` (``entity/project/name:v0``) into a portfolio, made now if it is absent.

    A version that is a member already keeps its newest membership, and only its aliases move, unless ``again``: then
    it becomes a member once more. A new membership has the collection's next index, or ``at_least``, the higher.
    Raises `NotFoundError`, `KindMismatchError`, `TypeMismatchError`, `InvalidNameError`, `AccessDeniedError`.
    """
    wanted = checked_aliases(aliases)
    parts = split_version(source)
    if parts is None:
        raise InvalidError(f"source {source!r} is no version; write entity/project/name:v0", field="source")
    origin, version = await resolve_version(transaction, actor, *parts)
    ensured = await ensure_collection(
        transaction, actor, Wanted(target, "portfolio", origin.type), Action.ARTIFACT_LINK
    )
    # The source's own collection is locked too: the version cannot be deleted while it becomes a member.
    artifact = await artifacts.by_id(transaction, actor.organization_id, version.artifact_id)
    if artifact is None:
        raise missing_version(origin, version.name)
    locked, collection = await lock_ensured(transaction, actor, ensured, artifact.aggregate_id)
    artifact = await artifacts.by_id(transaction, actor.organization_id, version.artifact_id)
    if artifact is None or artifact.state != "committed":
        raise missing_version(origin, version.name)
    await authorize_aliases(transaction, actor, collection, wanted)
    aggregate = locked[collection.aggregate_id]
    drafts = list(ensured.drafts)
    member = None if again else await versions.of_artifact(transaction, collection.id, artifact.id)
    if member is not None:
        member, moves = await place_aliases(transaction, aggregate, collection, member, wanted, newest=False)
        await append(transaction, [*drafts, *moves])
        return Linked(collection, member, created=False)
    index = max(collection.next_index, at_least)
    membership = await versions.add(
        transaction, collection, artifact.id, index, actor.id, aggregate.now, sent.uri, sent.run
    )
    await collections.set_next_index(transaction, collection.id, index + 1, aggregate.now)
    member = await versions.by_membership(transaction, membership)
    assert member is not None  # noqa: S101 - inserted above, in this transaction
    place = len(drafts)
    member, moves = await place_aliases(
        transaction, aggregate, collection, member, wanted, newest=True, caused_by=place
    )
    data = ArtifactLinkedData(
        collection=collection.snapshot(),
        artifact=member.snapshot(collection),
        version=member.name,
        source=member.source,
        aliases=wanted,
        tags=list(member.tags),
        source_uri=sent.uri,
        source_run=sent.run,
    )
    linked = Draft(ArtifactLinked, aggregate, f"{collection.path}:{member.name}", data)
    await append(transaction, [*drafts, linked, *moves])
    return Linked(collection, member, created=True)


async def unlink(transaction: Transaction, actor: Actor, path: CollectionPath, version: str) -> None:
    """Take a version out of a portfolio, with the aliases that it holds there; `latest` goes to the newest left.

    A version that holds a protected alias needs an admin. Raises `NotFoundError`, `KindMismatchError` for a
    sequence, `AccessDeniedError`.
    """
    aggregate, collection = await lock_collection(transaction, actor, path, Action.ARTIFACT_UNLINK)
    if collection.kind != "portfolio":
        raise KindMismatchError(f"{collection.path} is where its versions are logged; delete the version instead")
    gone = await versions.by_name(transaction, collection.id, version)
    if gone is None:
        raise NotFoundError(f"{collection.path} has no version {version}")
    protected = await collections.protected_aliases(transaction, collection)
    authorize(actor, Action.ARTIFACT_UNLINK, collection.resource(protected=not protected.isdisjoint(gone.aliases)))
    await versions.remove(transaction, gone.membership_id)
    drafts = [unlinked(aggregate, collection, gone)]
    drafts += await release_aliases(transaction, aggregate, collection, gone, caused_by=0)
    await append(transaction, drafts)


def unlinked(aggregate: Aggregate, collection: Collection, gone: Version) -> Draft:
    """Return the event of a version that left a portfolio."""
    data = ArtifactUnlinkedData(
        collection=collection.snapshot(),
        artifact=gone.snapshot(collection),
        version=gone.name,
        source=gone.source,
        aliases=gone.aliases,
        tags=list(gone.tags),
    )
    return Draft(ArtifactUnlinked, aggregate, f"{collection.path}:{gone.name}", data)
