"""Artifacts: what versions consist of, from the announcement of their files to their deletion."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from regista.kit.blobs import Blob
from regista.kit.db import Transaction
from regista.registry.repository.columns import ARTIFACT, COLLECTION, FROM_ARTIFACT, VERSION
from regista.registry.subjects import Artifact, Entry

_FIND = """
SELECT a.id, a.organization_id, a.collection_id, c.aggregate_id, a.state, a.digest, a.run_id, a.client_id, a.aliases
FROM artifact a JOIN collection c ON c.id = a.collection_id
"""
_BY_ID = _FIND + "WHERE a.organization_id = $1 AND a.id = $2"
_BY_CLIENT = _FIND + "WHERE a.organization_id = $1 AND a.client_id = $2"
_BY_DIGEST = _FIND + "WHERE a.collection_id = $1 AND a.digest = $2 AND a.state = 'committed'"
_SHOWN = f"""
SELECT {ARTIFACT}, {COLLECTION}, {VERSION} FROM {FROM_ARTIFACT} WHERE a.organization_id = $1 AND a.id = ANY($2::bigint[])
"""  # noqa: S608 - constants of this package
_ADD = """
INSERT INTO artifact (organization_id, collection_id, state, digest, size, file_count, metadata, description, ttl_seconds,
                      run_id, client_id, aliases, account_id, created_at, updated_at)
VALUES ($1, $2, 'pending', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) RETURNING id
"""
# Content that the organization has already is linked at once; the rest when it has arrived.
_ADD_ENTRIES = """
INSERT INTO manifest_entry (artifact_id, path, digest, size, md5, reference, extra, blob_id)
SELECT $1, g.path, g.digest, g.size, g.md5, g.reference, g.extra::jsonb, b.id
FROM unnest($3::text[], $4::text[], $5::bigint[], $6::bytea[], $7::text[], $8::text[])
     AS g (path, digest, size, md5, reference, extra)
LEFT JOIN blob b ON b.organization_id = $2 AND b.md5 = g.md5 AND b.size = g.size
"""
_LINK_BLOBS = """
UPDATE manifest_entry m SET blob_id = b.id FROM blob b
WHERE m.artifact_id = $1 AND m.blob_id IS NULL AND m.md5 IS NOT NULL
      AND b.organization_id = $2 AND b.md5 = m.md5 AND b.size = m.size
"""
_ENTRY = """
SELECT m.path, m.digest, m.size, m.md5, m.reference, m.extra, b.sha256
FROM manifest_entry m LEFT JOIN blob b ON b.id = m.blob_id
"""
_ENTRIES = _ENTRY + "WHERE m.artifact_id = $1 AND m.path > $2 ORDER BY m.path LIMIT $3"
_ENTRY_AT = _ENTRY + "WHERE m.artifact_id = $1 AND m.path = $2"
_MISSING = (
    _ENTRY
    + """
WHERE m.artifact_id = $1 AND m.blob_id IS NULL AND m.reference IS NULL ORDER BY m.path LIMIT $2
"""
)
_ABSENT = (
    _ENTRY
    + """
JOIN artifact a ON a.id = m.artifact_id
WHERE m.artifact_id = $1 AND m.blob_id IS NULL AND m.md5 IS NOT NULL
      AND NOT EXISTS (SELECT FROM blob k WHERE k.organization_id = a.organization_id AND k.md5 = m.md5 AND k.size = m.size)
ORDER BY m.path
"""
)
_ADD_BLOB = """
INSERT INTO blob (organization_id, sha256, md5, size) VALUES ($1, $2, $3, $4)
ON CONFLICT (organization_id, md5, size) DO NOTHING
"""


class ArtifactRow(NamedTuple):
    """An artifact in whatever state; ``aggregate_id`` is that of its source collection."""

    id: int
    organization_id: int
    collection_id: int
    aggregate_id: int
    state: str
    digest: str
    run_id: int | None
    client_id: str | None
    aliases: list[str]


class NewRow(NamedTuple):
    """What is inserted of an artifact."""

    organization_id: int
    collection_id: int
    digest: str
    size: int
    file_count: int
    metadata: dict[str, Any]
    description: str | None
    ttl_seconds: int | None
    run_id: int | None
    client_id: str | None
    aliases: list[str]
    account_id: int
    now: datetime


def _row(row: asyncpg.Record | None) -> ArtifactRow | None:
    return ArtifactRow(**row) if row is not None else None


def _entry(row: asyncpg.Record) -> Entry:
    return Entry(
        row["path"],
        row["digest"],
        row["size"],
        row["md5"],
        row["reference"],
        row["extra"],
        row["sha256"],
    )


async def by_id(transaction: Transaction, organization_id: int, artifact: int) -> ArtifactRow | None:
    """Return an artifact of the organization."""
    return _row(await transaction.connection.fetchrow(_BY_ID, organization_id, artifact))


async def by_ids(transaction: Transaction, organization_id: int, artifacts: Sequence[int]) -> dict[int, Artifact]:
    """Return artifacts of the organization, in whatever state, by id, as they are shown."""
    rows = await transaction.connection.fetch(_SHOWN, organization_id, artifacts)
    return {row["a_id"]: Artifact.of(row) for row in rows}


async def by_client(transaction: Transaction, organization_id: int, client_id: str) -> ArtifactRow | None:
    """Return the artifact that a client made under an id of its own."""
    return _row(await transaction.connection.fetchrow(_BY_CLIENT, organization_id, client_id))


async def by_digest(transaction: Transaction, collection: int, digest: str) -> ArtifactRow | None:
    """Return the committed artifact of the collection with this content."""
    return _row(await transaction.connection.fetchrow(_BY_DIGEST, collection, digest))


async def add(transaction: Transaction, new: NewRow) -> int:
    """Insert a pending artifact; return its id. Raises the driver's `UniqueViolationError` for a client id in use."""
    artifact: int | None = await transaction.connection.fetchval(
        _ADD,
        *new._replace(metadata=json.dumps(new.metadata)),  # pyright: ignore[reportArgumentType] - as jsonb takes it
    )
    assert artifact is not None  # noqa: S101 - INSERT … RETURNING of one row
    return artifact


async def add_entries(transaction: Transaction, organization_id: int, artifact: int, entries: Sequence[Entry]) -> None:
    """Insert the files of an artifact's manifest."""
    await transaction.connection.execute(
        _ADD_ENTRIES,
        artifact,
        organization_id,
        [entry.path for entry in entries],
        [entry.digest for entry in entries],
        [entry.size for entry in entries],
        [entry.md5 for entry in entries],
        [entry.reference for entry in entries],
        [json.dumps(entry.extra) if entry.extra is not None else None for entry in entries],
    )


async def link_blobs(transaction: Transaction, organization_id: int, artifact: int) -> None:
    """Link the files of a manifest to the content that has arrived."""
    await transaction.connection.execute(_LINK_BLOBS, artifact, organization_id)


async def missing(transaction: Transaction, artifact: int, limit: int | None) -> list[Entry]:
    """Return up to ``limit`` files (None: all) whose content has not been linked, by path."""
    return [_entry(row) for row in await transaction.connection.fetch(_MISSING, artifact, limit)]


async def absent(transaction: Transaction, artifact: int) -> list[Entry]:
    """Return the files of a pending artifact whose content the organization does not have, linked or not, by path."""
    return [_entry(row) for row in await transaction.connection.fetch(_ABSENT, artifact)]


async def entries(transaction: Transaction, artifact: int, after: str, limit: int) -> list[Entry]:
    """Return up to ``limit`` files behind a path, in the byte order of their paths."""
    return [_entry(row) for row in await transaction.connection.fetch(_ENTRIES, artifact, after, limit)]


async def entry_at(transaction: Transaction, artifact: int, path: str) -> Entry | None:
    """Return the file at a path."""
    row = await transaction.connection.fetchrow(_ENTRY_AT, artifact, path)
    return _entry(row) if row is not None else None


async def commit(transaction: Transaction, artifact: int, now: datetime) -> None:
    """Make a pending artifact a committed one."""
    await transaction.connection.execute(
        "UPDATE artifact SET state = 'committed', committed_at = $2, updated_at = $2, aliases = '{}' WHERE id = $1",
        artifact,
        now,
    )


async def delete(transaction: Transaction, artifact: int, now: datetime) -> None:
    """Mark an artifact deleted and let go of its files; the row stays, so that lineage still names it."""
    await transaction.connection.execute("DELETE FROM manifest_entry WHERE artifact_id = $1", artifact)
    await transaction.connection.execute(
        "UPDATE artifact SET state = 'deleted', deleted_at = $2, updated_at = $2 WHERE id = $1", artifact, now
    )


async def update(
    transaction: Transaction,
    artifact: int,
    description: str | None,
    metadata: dict[str, Any],
    ttl_seconds: int | None,
    now: datetime,
) -> None:
    """Write what may change of a committed artifact."""
    await transaction.connection.execute(
        "UPDATE artifact SET description = $2, metadata = $3, ttl_seconds = $4, updated_at = $5 WHERE id = $1",
        artifact,
        description,
        json.dumps(metadata),
        ttl_seconds,
        now,
    )


async def add_tags(transaction: Transaction, artifact: int, tags: dict[str, str | None]) -> None:
    """Set tags of an artifact."""
    await transaction.connection.execute(
        """
        INSERT INTO artifact_tag (artifact_id, name, value) SELECT $1, * FROM unnest($2::text[], $3::text[])
        ON CONFLICT (artifact_id, name) DO UPDATE SET value = excluded.value
        """,
        artifact,
        list(tags),
        list(tags.values()),
    )


async def tags(transaction: Transaction, artifact: int) -> dict[str, str | None]:
    """Return the tags of an artifact."""
    rows = await transaction.connection.fetch("SELECT name, value FROM artifact_tag WHERE artifact_id = $1", artifact)
    return {row["name"]: row["value"] for row in rows}


async def add_blob(transaction: Transaction, organization_id: int, blob: Blob) -> bytes:
    """Record content that is stored; return the SHA-256 under which the organization has this MD5 and size."""
    await transaction.connection.execute(_ADD_BLOB, organization_id, blob.sha256, blob.md5, blob.size)
    kept: bytes | None = await transaction.connection.fetchval(
        "SELECT sha256 FROM blob WHERE organization_id = $1 AND md5 = $2 AND size = $3",
        organization_id,
        blob.md5,
        blob.size,
    )
    assert kept is not None  # noqa: S101 - inserted above, or there before
    return kept
