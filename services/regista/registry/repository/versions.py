"""Versions as members of collections: found, listed, added, removed; and their aliases and tags."""

from typing import Any, NamedTuple

from regista.kit.db import Transaction
from regista.kit.outbox import Change
from regista.registry.names import version_index
from regista.registry.repository.columns import COLLECTION, FROM_COLLECTION, FROM_VERSION, VERSION
from regista.registry.subjects import Collection, Version

_SELECT = f"SELECT {VERSION} FROM {FROM_VERSION} "  # noqa: S608 - constants of this package
_BY_INDEX = _SELECT + "WHERE m.collection_id = $1 AND m.version_index = $2"
_BY_ALIAS = _SELECT + (  # noqa: S608 - constants of this package
    "WHERE m.id = (SELECT n.membership_id FROM alias n WHERE n.collection_id = $1 AND n.name = $2)"
)
_BY_MEMBERSHIP = _SELECT + "WHERE m.id = $1"
_NEWEST = _SELECT + "WHERE m.collection_id = $1 ORDER BY m.version_index DESC LIMIT 1"
_OF_ARTIFACT = _SELECT + "WHERE m.collection_id = $1 AND m.artifact_id = $2 ORDER BY m.version_index DESC LIMIT 1"
_OF_ARTIFACTS = (
    f"SELECT {COLLECTION}, {VERSION} FROM {FROM_VERSION} JOIN ({FROM_COLLECTION}) ON c.id = m.collection_id "  # noqa: S608 - constants of this package
    "WHERE m.organization_id = $1 AND m.artifact_id = ANY($2::bigint[]) "
    "ORDER BY m.artifact_id, m.collection_id <> a.collection_id, m.id"
)
_WITH_CONTENT = _SELECT + (
    "WHERE m.collection_id = $1 AND EXISTS (SELECT FROM manifest_entry f WHERE f.artifact_id = m.artifact_id "
    "AND f.md5 = $2 AND f.blob_id IS NOT NULL) ORDER BY m.version_index DESC LIMIT 1"
)
_LIST = _SELECT + "WHERE m.collection_id = $1 AND m.version_index < $2 ORDER BY m.version_index DESC LIMIT $3"

# All that a move is decided on, read after the lock: one statement, prepared once per connection.
_MOVE = """
SELECT {collection}, {version},
       held.membership_id AS held_by, holder.version_index AS held_index,
       EXISTS (SELECT FROM protected_alias x WHERE x.project_id = c.project_id AND x.alias = $3
               AND (x.collection_id IS NULL OR x.collection_id = c.id)) AS protected
FROM {from_collection}
LEFT JOIN alias held ON held.collection_id = c.id AND held.name = $3
LEFT JOIN membership holder ON holder.id = held.membership_id
LEFT JOIN ({from_version}) ON {target}
WHERE c.organization_id = $1 AND c.id = $2
"""
_TARGETS = {
    "index": "m.collection_id = c.id AND m.version_index = $4::bigint",
    "alias": "m.id = (SELECT n.membership_id FROM alias n WHERE n.collection_id = c.id AND n.name = $4::text)",
    "holder": "m.id = held.membership_id",
}
_MOVES = {
    kind: _MOVE.format(
        collection=COLLECTION,
        version=VERSION,
        from_collection=FROM_COLLECTION,
        from_version=FROM_VERSION,
        target=target,
    )
    for kind, target in _TARGETS.items()
}
_SET_ALIAS = """
INSERT INTO alias (collection_id, name, organization_id, membership_id, updated_at) VALUES ({}, {}, {}, {}, {})
ON CONFLICT (collection_id, name) DO UPDATE SET membership_id = excluded.membership_id, updated_at = excluded.updated_at
"""
_SET_ALIAS_ALONG = _SET_ALIAS.format("$14", "$15", "$16", "$17", "$18")
_SET_ALIAS_ALONE = _SET_ALIAS.format("$1", "$2", "$3", "$4", "$5")


class Move(NamedTuple):
    """What there is when an alias is about to move; ``held_index`` is that of the version that holds it."""

    collection: Collection
    target: Version | None
    held_by: int | None
    held_index: int | None
    protected: bool


async def move(
    transaction: Transaction, organization_id: int, collection: int, alias: str, version: str | None
) -> Move | None:
    """Read, under the collection's lock, all that moving ``alias`` to ``version`` is decided on.

    ``version`` None asks for the holder itself. None if the collection is gone.
    """
    fetchrow = transaction.connection.fetchrow
    if version is None:
        row = await fetchrow(_MOVES["holder"], organization_id, collection, alias)
    elif (index := version_index(version)) is not None:
        row = await fetchrow(_MOVES["index"], organization_id, collection, alias, index)
    else:
        row = await fetchrow(_MOVES["alias"], organization_id, collection, alias, version)
    if row is None:
        return None
    target = Version.of(row) if row["v_membership_id"] is not None else None
    return Move(Collection.of(row), target, row["held_by"], row["held_index"], row["protected"])


async def by_name(transaction: Transaction, collection: int, version: str) -> Version | None:
    """Return a version of the collection by ``vN`` or alias."""
    index = version_index(version)
    if index is not None:
        row = await transaction.connection.fetchrow(_BY_INDEX, collection, index)
    else:
        row = await transaction.connection.fetchrow(_BY_ALIAS, collection, version)
    return Version.of(row) if row is not None else None


async def by_membership(transaction: Transaction, membership: int) -> Version | None:
    """Return a version by its membership."""
    row = await transaction.connection.fetchrow(_BY_MEMBERSHIP, membership)
    return Version.of(row) if row is not None else None


async def newest(transaction: Transaction, collection: int) -> Version | None:
    """Return the version of the collection with the highest index."""
    row = await transaction.connection.fetchrow(_NEWEST, collection)
    return Version.of(row) if row is not None else None


async def of_artifact(transaction: Transaction, collection: int, artifact: int) -> Version | None:
    """Return the newest membership of the artifact in the collection."""
    row = await transaction.connection.fetchrow(_OF_ARTIFACT, collection, artifact)
    return Version.of(row) if row is not None else None


async def of_artifacts(
    transaction: Transaction, organization_id: int, artifacts: list[int]
) -> list[tuple[Collection, Version]]:
    """Return every membership of the artifacts, with its collection; that of the source before the links."""
    rows = await transaction.connection.fetch(_OF_ARTIFACTS, organization_id, artifacts)
    return [(Collection.of(row), Version.of(row)) for row in rows]


async def with_content(transaction: Transaction, collection: int, md5: bytes) -> Version | None:
    """Return the newest version of the collection that has a file with this content."""
    row = await transaction.connection.fetchrow(_WITH_CONTENT, collection, md5)
    return Version.of(row) if row is not None else None


async def listed(transaction: Transaction, collection: int, before: int, limit: int) -> list[Version]:
    """Return up to ``limit`` versions below index ``before``, newest first."""
    return [Version.of(row) for row in await transaction.connection.fetch(_LIST, collection, before, limit)]


async def add(
    transaction: Transaction,
    collection: Collection,
    artifact: int,
    index: int,
    account: int,
    now: Any,
    source_uri: str | None = None,
    source_run: str | None = None,
) -> int:
    """Make the artifact a member under ``index``; return the membership's id."""
    membership: int | None = await transaction.connection.fetchval(
        """
        INSERT INTO membership (organization_id, collection_id, artifact_id, version_index, account_id, created_at,
                                source_uri, source_run)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id
        """,
        collection.organization_id,
        collection.id,
        artifact,
        index,
        account,
        now,
        source_uri,
        source_run,
    )
    assert membership is not None  # noqa: S101 - INSERT … RETURNING of one row
    return membership


async def remove(transaction: Transaction, membership: int) -> None:
    """End a membership, with the aliases and tags that it holds."""
    await transaction.connection.execute("DELETE FROM alias WHERE membership_id = $1", membership)
    await transaction.connection.execute("DELETE FROM membership WHERE id = $1", membership)


async def set_alias(transaction: Transaction, collection: Collection, alias: str, membership: int, now: Any) -> None:
    """Put the alias on the membership, wherever in the collection it was."""
    await transaction.connection.execute(
        _SET_ALIAS_ALONE, collection.id, alias, collection.organization_id, membership, now
    )


def alias_change(collection: Collection, alias: str, membership: int, now: Any) -> Change:
    """Return what `set_alias` does, to go with the event that tells of it."""
    return Change(_SET_ALIAS_ALONG, (collection.id, alias, collection.organization_id, membership, now))


async def remove_alias(transaction: Transaction, collection: int, alias: str) -> None:
    """Take the alias away."""
    await transaction.connection.execute("DELETE FROM alias WHERE collection_id = $1 AND name = $2", collection, alias)


async def holders(transaction: Transaction, collection: int) -> dict[str, int]:
    """Return the aliases of the collection, each with the index of the version that holds it."""
    rows = await transaction.connection.fetch(
        """
        SELECT n.name, m.version_index FROM alias n JOIN membership m ON m.id = n.membership_id
        WHERE n.collection_id = $1 ORDER BY n.name
        """,
        collection,
    )
    return {row["name"]: row["version_index"] for row in rows}


async def memberships(transaction: Transaction, artifact: int) -> list[tuple[int, int, int]]:
    """Return ``(collection, its aggregate, membership)`` wherever the artifact is a member."""
    rows = await transaction.connection.fetch(
        """
        SELECT c.id AS collection_id, c.aggregate_id, m.id FROM membership m JOIN collection c ON c.id = m.collection_id
        WHERE m.artifact_id = $1 ORDER BY c.aggregate_id, m.id
        """,
        artifact,
    )
    return [(row["collection_id"], row["aggregate_id"], row["id"]) for row in rows]


async def set_tag(transaction: Transaction, version: Version, name: str, value: str | None, *, own: bool) -> None:
    """Set a tag of the membership (``own``) or of the artifact."""
    table, column = ("membership_tag", "membership_id") if own else ("artifact_tag", "artifact_id")
    await transaction.connection.execute(
        f"INSERT INTO {table} ({column}, name, value) VALUES ($1, $2, $3) "  # noqa: S608 - one of two constants
        f"ON CONFLICT ({column}, name) DO UPDATE SET value = excluded.value",
        version.membership_id if own else version.artifact_id,
        name,
        value,
    )


async def remove_tag(transaction: Transaction, version: Version, name: str, *, own: bool) -> None:
    """Remove a tag of the membership (``own``) or of the artifact."""
    table, column = ("membership_tag", "membership_id") if own else ("artifact_tag", "artifact_id")
    await transaction.connection.execute(
        f"DELETE FROM {table} WHERE {column} = $1 AND name = $2",  # noqa: S608 - one of two constants
        version.membership_id if own else version.artifact_id,
        name,
    )
