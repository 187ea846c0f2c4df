"""Artifacts as they are read: by number, by name, by run, and only those that the reader may see."""

from collections.abc import Iterable, Sequence

from regista.access.actions import Action
from regista.access.verdict import Actor, authorize, decide, sight
from regista.kit.db import Transaction
from regista.kit.errors import ConflictError, NotFoundError
from regista.registry.finding import missing_artifact
from regista.registry.names import LATEST, MODEL_REGISTRY
from regista.registry.repository import artifacts, collections, lineage, manifests, versions
from regista.registry.repository.lineage import Direction, Logged
from regista.registry.subjects import Artifact, Collection, CollectionPath, Entry, Version

Member = tuple[Collection, Version]
"""A version in a collection."""


async def artifacts_by_ids(
    transaction: Transaction, actor: Actor, numbers: Iterable[int], action: Action = Action.ARTIFACT_READ
) -> dict[int, Artifact]:
    """Return the artifacts, in whatever state, that the actor may do ``action`` to, by id: two statements at most.

    Who may read a collection that an artifact is linked in may read the artifact, wherever it was logged. One whose
    content turned out to be a version already is that version.
    """
    found = await artifacts.by_ids(transaction, actor.organization_id, list(set(numbers)))
    hidden = {
        artifact.id for artifact in found.values() if not decide(actor, action, artifact.collection.resource()).allowed
    }
    if not hidden:
        return found
    linked = await collections.with_artifacts(transaction, actor.organization_id, list(hidden))
    hidden -= {
        number
        for number, places in linked.items()
        if any(decide(actor, action, place.resource()).allowed for place in places)
    }
    return {number: artifact for number, artifact in found.items() if artifact.id not in hidden}


async def memberships_of(transaction: Transaction, actor: Actor, numbers: Iterable[int]) -> dict[int, list[Member]]:
    """Return where each artifact is a member, its own collection first, as far as the actor may see: one statement."""
    found: dict[int, list[Member]] = {}
    for collection, version in await versions.of_artifacts(transaction, actor.organization_id, list(set(numbers))):
        if decide(actor, Action.ARTIFACT_READ, collection.resource()).allowed:
            found.setdefault(version.artifact_id, []).append((collection, version))
    return found


async def member_to(
    transaction: Transaction, actor: Actor, number: int, action: Action, within: tuple[str, str] | None = None
) -> Member:
    """Return an artifact as a version that the actor may do ``action`` to.

    In the project ``within`` (entity, name) if it is a member there, else in its own collection, else wherever it is
    linked. Raises `NotFoundError`, `AccessDeniedError`, `ConflictError` for one that is not committed yet.
    """
    artifact = (await artifacts.by_ids(transaction, actor.organization_id, [number])).get(number)
    places = await memberships_of(transaction, actor, [artifact.id]) if artifact is not None else {}
    members = places.get(artifact.id, []) if artifact is not None else []
    if not members:
        # Who asks by number must not learn of what it may not see.
        seen = artifact is not None and decide(actor, action, artifact.collection.resource()).visible
        if seen and artifact is not None and artifact.state == "pending":
            raise ConflictError(f"artifact {number} is not committed yet; wait until it is logged, then go on")
        raise missing_artifact(number)
    allowed = [each for each in members if decide(actor, action, each[0].resource()).allowed]
    if not allowed:
        authorize(actor, action, members[0][0].resource())
    preferred = [each for each in allowed if (each[0].entity, each[0].project) == within]
    return (preferred or allowed)[0]


async def member_in(transaction: Transaction, actor: Actor, number: int, path: CollectionPath) -> Member:
    """Return an artifact as a version of one collection. Raises `NotFoundError`."""
    artifact = (await artifacts.by_ids(transaction, actor.organization_id, [number])).get(number)
    places = await memberships_of(transaction, actor, [artifact.id]) if artifact is not None else {}
    for collection, version in places.get(artifact.id, []) if artifact is not None else []:
        if (collection.entity, collection.project, collection.name) == path:
            return collection, version
    raise NotFoundError(f"the artifact is no version of {path}, or you may not see it; link it there first")


async def member_by_name(
    transaction: Transaction, actor: Actor, entity: str, project: str, name: str, *, fall_back: bool = False
) -> Member | None:
    """Return the version that ``collection:alias``, ``collection:v3`` or ``collection`` (the latest) names, or None.

    With ``fall_back``, a collection that the project does not have is looked for in the entity's model registry:
    clients ask for models in the project of their run.
    """
    collection_name, _, alias = name.partition(":")
    places = [project, *([MODEL_REGISTRY] if fall_back and project != MODEL_REGISTRY else [])]
    for place in places:
        path = CollectionPath(entity, place, collection_name)
        collection = await collections.by_path(transaction, actor.organization_id, path)
        if collection is not None and decide(actor, Action.ARTIFACT_READ, collection.resource()).allowed:
            version = await versions.by_name(transaction, collection.id, alias or LATEST)
            return (collection, version) if version is not None else None
    return None


async def is_committed(transaction: Transaction, organization_id: int, number: int) -> bool:
    """Return whether an artifact is a version, for somebody who has shown that it may read it."""
    row = await artifacts.by_id(transaction, organization_id, number)
    return row is not None and row.state == "committed"


async def artifact_of_client(transaction: Transaction, actor: Actor, client_id: str) -> int | None:
    """Return the id of what a client calls by an id of its own; None for what there is not or may not be seen."""
    row = await artifacts.by_client(transaction, actor.organization_id, client_id)
    if row is None:
        return None
    return row.id if row.id in await artifacts_by_ids(transaction, actor, [row.id]) else None


async def artifacts_of_run(
    transaction: Transaction, actor: Actor, run: int, direction: Direction, after: int, limit: int
) -> list[Logged]:
    """Return up to ``limit`` versions that a run logged (``output``) or used (``input``) behind an artifact's id.

    Who may see the run is for the caller to know; versions that the actor may not see are left out.
    """
    seen = sight(actor, Action.ARTIFACT_READ)
    return await lineage.of_run(transaction, actor.organization_id, seen, run, direction, after, limit)


async def count_artifacts_of_run(transaction: Transaction, actor: Actor, run: int, direction: Direction) -> int:
    """Return how many versions `artifacts_of_run` finds on all its pages."""
    seen = sight(actor, Action.ARTIFACT_READ)
    return await lineage.count_of_run(transaction, actor.organization_id, seen, run, direction)


async def runs_using(transaction: Transaction, actor: Actor, artifact: int, after: int, limit: int) -> list[int]:
    """Return up to ``limit`` ids of runs that used an artifact and that the actor may see, behind a run's id."""
    seen = sight(actor, Action.RUN_READ)
    return await lineage.runs_using(transaction, actor.organization_id, seen, artifact, after, limit)


async def files_of(
    transaction: Transaction, artifact: int, names: Sequence[str] | None, after: str, limit: int
) -> list[Entry]:
    """Return up to ``limit`` files behind a path, of these ``names`` or of all, in the byte order of their paths.

    Who may see the artifact is for the caller to know.
    """
    if names is None:
        return await manifests.entries(transaction, artifact, after, limit)
    found = await manifests.entries_at(transaction, artifact, names)
    return [entry for entry in found if entry.path.encode() > after.encode()][:limit]


async def file_with_content(
    transaction: Transaction, actor: Actor, path: CollectionPath, artifact: int | None, md5: bytes
) -> tuple[Collection, Version, Entry]:
    """Return a file by its content, of one artifact or of whichever version of the collection has it.

    Raises `NotFoundError`, `AccessDeniedError`.
    """
    if artifact is not None:
        collection, version = await member_to(
            transaction, actor, artifact, Action.ARTIFACT_DOWNLOAD, (path.entity, path.project)
        )
    else:
        found = await collections.by_path(transaction, actor.organization_id, path)
        if found is None:
            raise NotFoundError(f"{path} does not exist, or you may not see it")
        authorize(actor, Action.ARTIFACT_DOWNLOAD, found.resource())
        newest = await versions.with_content(transaction, found.id, md5)
        if newest is None:
            raise NotFoundError(f"no version of {path} has content with MD5 {md5.hex()}")
        collection, version = found, newest
    entry = await manifests.entry_by_md5(transaction, version.artifact_id, md5)
    if entry is None:
        raise NotFoundError(f"{collection.path}:{version.name} has no content with MD5 {md5.hex()}")
    return collection, version, entry
