"""Collections: found, locked, made, changed."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.registry.repository.columns import COLLECTION, FROM_COLLECTION
from regista.registry.subjects import Collection, CollectionPath

# The time is read outside of the locking subquery: after the lock was granted.
_LOCK = """
SELECT locked.*, clock_timestamp() AS now FROM (
    SELECT l.id, l.organization_id, l.sequence, l.shard, c.id AS collection_id
    FROM entity e JOIN project p ON p.entity_id = e.id AND p.name = $3
    JOIN collection c ON c.project_id = p.id AND c.name = $4 JOIN aggregate l ON l.id = c.aggregate_id
    WHERE e.organization_id = $1 AND e.name = $2
    FOR UPDATE OF l
) locked
"""
_SELECT = f"SELECT {COLLECTION} FROM {FROM_COLLECTION}"  # noqa: S608 - constants of this package
_BY_ID = _SELECT + "WHERE c.organization_id = $1 AND c.id = $2"
_BY_IDS = _SELECT + "WHERE c.organization_id = $1 AND c.id = ANY($2::bigint[])"
_BY_PATH = _SELECT + "WHERE e.organization_id = $1 AND e.name = $2 AND p.name = $3 AND c.name = $4"
_OF_PROJECT = _SELECT + "WHERE c.project_id = $1 ORDER BY c.id"
_LIST = (
    _SELECT
    + """
WHERE c.project_id = $1 AND c.id > $2 AND ($4::text IS NULL OR c.kind = $4)
      AND coalesce(c.visibility, p.visibility) = ANY($5::text[]) ORDER BY c.id LIMIT $3
"""
)
_WITH_ARTIFACTS = f"""
SELECT DISTINCT ON (m.artifact_id, c.id) m.artifact_id, {COLLECTION}
FROM {FROM_COLLECTION} JOIN membership m ON m.collection_id = c.id
WHERE c.organization_id = $1 AND m.artifact_id = ANY($2::bigint[]) ORDER BY m.artifact_id, c.id
"""  # noqa: S608 - constants of this package
_ADD = """
INSERT INTO collection (aggregate_id, organization_id, entity_id, project_id, registry_id, name, kind, type, description,
                        created_at, updated_at)
SELECT $1, $2, $3, $4, (SELECT id FROM registry WHERE project_id = $4), $5, $6, $7, $8, $9, $9
ON CONFLICT (project_id, name) DO NOTHING RETURNING id
"""
_PROTECTED = """
SELECT DISTINCT x.alias FROM protected_alias x
WHERE x.project_id = $1 AND (x.collection_id IS NULL OR x.collection_id = $2)
"""


async def lock(transaction: Transaction, organization_id: int, path: CollectionPath) -> tuple[Aggregate, int] | None:
    """Find the collection by path and lock its aggregate, in one statement; return it and the collection's id."""
    row = await transaction.connection.fetchrow(_LOCK, organization_id, *path)
    if row is None:
        return None
    return Aggregate(row["id"], row["organization_id"], row["sequence"], row["shard"], row["now"]), row["collection_id"]


async def by_id(transaction: Transaction, organization_id: int, collection: int) -> Collection | None:
    """Return a collection of the organization."""
    row = await transaction.connection.fetchrow(_BY_ID, organization_id, collection)
    return Collection.of(row) if row is not None else None


async def by_ids(transaction: Transaction, organization_id: int, collections: Sequence[int]) -> dict[int, Collection]:
    """Return collections of the organization by id."""
    rows = await transaction.connection.fetch(_BY_IDS, organization_id, collections)
    return {row["c_id"]: Collection.of(row) for row in rows}


async def by_path(transaction: Transaction, organization_id: int, path: CollectionPath) -> Collection | None:
    """Return a collection of the organization."""
    row = await transaction.connection.fetchrow(_BY_PATH, organization_id, *path)
    return Collection.of(row) if row is not None else None


async def with_artifacts(
    transaction: Transaction, organization_id: int, artifacts: Sequence[int]
) -> dict[int, list[Collection]]:
    """Return the collections that each artifact is a member of."""
    found: dict[int, list[Collection]] = {}
    for row in await transaction.connection.fetch(_WITH_ARTIFACTS, organization_id, artifacts):
        found.setdefault(row["artifact_id"], []).append(Collection.of(row))
    return found


async def of_project(transaction: Transaction, project: int) -> list[Collection]:
    """Return all collections of a project, in id order."""
    return [Collection.of(row) for row in await transaction.connection.fetch(_OF_PROJECT, project)]


async def listed(
    transaction: Transaction, project: int, after: int, limit: int, kind: str | None, visibilities: Sequence[str]
) -> list[Collection]:
    """Return up to ``limit`` collections of a project behind id ``after``, in id order, of these visibilities."""
    rows = await transaction.connection.fetch(_LIST, project, after, limit, kind, visibilities)
    return [Collection.of(row) for row in rows]


async def add(
    transaction: Transaction,
    made: Aggregate,
    entity_id: int,
    project_id: int,
    name: str,
    kind: str,
    type_: str,
    description: str | None,
) -> int | None:
    """Insert a collection; return its id, or None if another transaction has made it (it has committed by now).

    Raises the driver's `SerializationError` (the boundary then begins again) when the project was deleted meanwhile.
    """
    try:
        return await transaction.connection.fetchval(
            _ADD, made.id, made.organization_id, entity_id, project_id, name, kind, type_, description, made.now
        )
    except asyncpg.ForeignKeyViolationError as error:
        raise asyncpg.SerializationError("the project was deleted while a collection was made in it") from error


async def update(
    transaction: Transaction, collection: int, name: str, description: str | None, visibility: str | None, now: Any
) -> None:
    """Write what may change of a collection; ``visibility`` None leaves it.

    Raises the driver's `UniqueViolationError` for a name that is taken.
    """
    await transaction.connection.execute(
        """
        UPDATE collection SET name = $2, description = $3, visibility = coalesce($4, visibility), updated_at = $5
        WHERE id = $1
        """,
        collection,
        name,
        description,
        visibility,
        now,
    )


async def is_linked(transaction: Transaction, collection: int) -> bool:
    """Return whether a version of the sequence is a member of another collection."""
    return bool(
        await transaction.connection.fetchval(
            """
            SELECT EXISTS (SELECT FROM artifact a JOIN membership m ON m.artifact_id = a.id
                           WHERE a.collection_id = $1 AND m.collection_id <> $1)
            """,
            collection,
        )
    )


async def set_type(transaction: Transaction, collection: int, artifact_type: str, now: Any) -> None:
    """Write the type of a collection's artifacts."""
    await transaction.connection.execute(
        "UPDATE collection SET type = $2, updated_at = $3 WHERE id = $1", collection, artifact_type, now
    )


async def aliases(transaction: Transaction, collection: int, after: str, limit: int) -> list[str]:
    """Return up to ``limit`` aliases that are held in a collection, behind ``after``, by name."""
    rows = await transaction.connection.fetch(
        "SELECT name FROM alias WHERE collection_id = $1 AND name > $2 ORDER BY name LIMIT $3", collection, after, limit
    )
    return [row["name"] for row in rows]


async def set_next_index(transaction: Transaction, collection: int, index: int, now: Any) -> None:
    """Write the index that the next version will have."""
    await transaction.connection.execute(
        "UPDATE collection SET next_index = $2, updated_at = $3 WHERE id = $1", collection, index, now
    )


async def delete(transaction: Transaction, collection: int) -> None:
    """Delete a collection with memberships, aliases and, of a sequence, the versions.

    Raises the driver's `ForeignKeyViolationError` while one of its versions is a member elsewhere.
    """
    execute = transaction.connection.execute
    await execute("DELETE FROM alias WHERE collection_id = $1", collection)
    await execute("DELETE FROM membership WHERE collection_id = $1", collection)
    await execute("DELETE FROM artifact WHERE collection_id = $1", collection)
    await execute("DELETE FROM collection WHERE id = $1", collection)


async def protected_aliases(transaction: Transaction, collection: Collection) -> frozenset[str]:
    """Return the aliases that only admins may move in the collection."""
    rows = await transaction.connection.fetch(_PROTECTED, collection.project_id, collection.id)
    return frozenset(row["alias"] for row in rows)


async def set_tag(transaction: Transaction, collection: int, name: str, value: str | None) -> None:
    """Set a tag of a collection."""
    await transaction.connection.execute(
        """
        INSERT INTO collection_tag (collection_id, name, value) VALUES ($1, $2, $3)
        ON CONFLICT (collection_id, name) DO UPDATE SET value = excluded.value
        """,
        collection,
        name,
        value,
    )


async def remove_tag(transaction: Transaction, collection: int, name: str) -> None:
    """Remove a tag of a collection."""
    await transaction.connection.execute(
        "DELETE FROM collection_tag WHERE collection_id = $1 AND name = $2", collection, name
    )


async def add_client(transaction: Transaction, organization_id: int, client_id: str, collection: int) -> None:
    """Remember what a client calls the sequence."""
    await transaction.connection.execute(
        """
        INSERT INTO sequence_client (organization_id, client_id, collection_id) VALUES ($1, $2, $3)
        ON CONFLICT (organization_id, client_id) DO NOTHING
        """,
        organization_id,
        client_id,
        collection,
    )
