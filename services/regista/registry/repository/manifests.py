"""What versions consist of: files, the content behind them, and manifests that are uploaded as files."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import asyncpg

from regista.kit.blobs import Blob
from regista.kit.db import Transaction
from regista.registry.subjects import Entry

Kind = Literal["full", "incremental", "patch"]

# Content that the collection holds already is linked at once; the rest when it has arrived.
_ADD_ENTRIES = """
INSERT INTO manifest_entry (artifact_id, path, digest, size, md5, reference, extra, blob_id, birth_artifact_id)
SELECT $1, g.path, g.digest, g.size, g.md5, g.reference, g.extra::jsonb, h.blob_id, h.artifact_id
FROM unnest($4::text[], $5::text[], $6::bigint[], $7::bytea[], $8::text[], $9::text[])
     AS g (path, digest, size, md5, reference, extra)
LEFT JOIN blob b ON b.organization_id = $2 AND b.md5 = g.md5 AND b.size = g.size
LEFT JOIN held_blob h ON h.collection_id = $3 AND h.blob_id = b.id
"""
_LINK_BLOBS = """
UPDATE manifest_entry m SET blob_id = h.blob_id, birth_artifact_id = h.artifact_id
FROM artifact a, blob b, held_blob h
WHERE m.artifact_id = $1 AND m.blob_id IS NULL AND m.md5 IS NOT NULL AND a.id = m.artifact_id
      AND b.organization_id = a.organization_id AND b.md5 = m.md5 AND b.size = m.size
      AND h.collection_id = a.collection_id AND h.blob_id = b.id
"""
_ENTRY = """
SELECT m.path, m.digest, m.size, m.md5, m.reference, m.extra, b.sha256, m.birth_artifact_id
FROM manifest_entry m LEFT JOIN blob b ON b.id = m.blob_id
"""
_ENTRIES = _ENTRY + "WHERE m.artifact_id = $1 AND m.path > $2 ORDER BY m.path LIMIT $3"
_ENTRIES_AT = _ENTRY + "WHERE m.artifact_id = $1 AND m.path = ANY($2::text[]) ORDER BY m.path"
_ENTRY_BY_MD5 = _ENTRY + "WHERE m.artifact_id = $1 AND m.md5 = $2 AND m.blob_id IS NOT NULL ORDER BY m.path LIMIT 1"
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
      AND NOT EXISTS (SELECT FROM blob k JOIN held_blob h ON h.blob_id = k.id AND h.collection_id = a.collection_id
                      WHERE k.organization_id = a.organization_id AND k.md5 = m.md5 AND k.size = m.size)
ORDER BY m.path
"""
)
_ADD_BLOB = """
INSERT INTO blob (organization_id, sha256, md5, size) VALUES ($1, $2, $3, $4)
ON CONFLICT (organization_id, md5, size) DO NOTHING
"""
_HOLD = """
INSERT INTO held_blob (collection_id, blob_id, artifact_id)
SELECT a.collection_id, b.id, a.id FROM artifact a JOIN blob b ON b.organization_id = a.organization_id
WHERE a.id = $1 AND a.organization_id = $2 AND b.md5 = $3 AND b.size = $4
ON CONFLICT (collection_id, blob_id) DO NOTHING
"""
_HOLD_OF_OTHERS = """
INSERT INTO held_blob (collection_id, blob_id, artifact_id)
SELECT DISTINCT ON (m.blob_id) $1::bigint, m.blob_id, m.artifact_id
FROM unnest($2::bigint[], $3::bytea[], $4::bigint[]) AS g (birth, md5, size)
JOIN manifest_entry m ON m.artifact_id = g.birth AND m.md5 = g.md5 AND m.size = g.size
WHERE m.blob_id IS NOT NULL ORDER BY m.blob_id, m.artifact_id
ON CONFLICT (collection_id, blob_id) DO NOTHING
"""
_HELD = """
SELECT b.md5, h.artifact_id FROM blob b JOIN held_blob h ON h.blob_id = b.id AND h.collection_id = $2
WHERE b.organization_id = $1 AND b.md5 = ANY($3::bytea[])
"""
_BASE = """
INSERT INTO manifest_entry (artifact_id, path, digest, size, md5, reference, extra, blob_id, birth_artifact_id)
SELECT $1, m.path, m.digest, m.size, m.md5, m.reference, m.extra, m.blob_id, m.birth_artifact_id
FROM manifest_entry m WHERE m.artifact_id = $2 AND NOT (m.path = ANY($3::text[]))
"""
_ROW = """
SELECT m.id, m.artifact_id, m.kind, m.name, m.md5, m.arrived, m.base_artifact_id
FROM artifact_manifest m JOIN artifact a ON a.id = m.artifact_id
WHERE a.organization_id = $1
"""
_ADD = "INSERT INTO artifact_manifest (artifact_id, kind, name, md5, base_artifact_id) VALUES ($1, $2, $3, $4, $5)"
_AGAIN = """
ON CONFLICT (artifact_id) WHERE kind = 'full' DO UPDATE
SET md5 = coalesce(excluded.md5, artifact_manifest.md5), base_artifact_id = excluded.base_artifact_id,
    arrived = artifact_manifest.arrived AND (excluded.md5 IS NULL OR excluded.md5 = artifact_manifest.md5)
"""


class ManifestRow(NamedTuple):
    """A manifest that is, or will be, uploaded as a file; ``md5`` is that of the file, None until it is announced."""

    id: int
    artifact_id: int
    kind: Kind
    name: str
    md5: bytes | None
    arrived: bool
    base_artifact_id: int | None


def _entry(row: asyncpg.Record) -> Entry:
    return Entry(
        row["path"],
        row["digest"],
        row["size"],
        row["md5"],
        row["reference"],
        row["extra"],
        row["sha256"],
        row["birth_artifact_id"],
    )


async def add_entries(
    transaction: Transaction, organization_id: int, collection: int, artifact: int, entries: Sequence[Entry]
) -> None:
    """Insert files of an artifact's manifest."""
    await transaction.connection.execute(
        _ADD_ENTRIES,
        artifact,
        organization_id,
        collection,
        [entry.path for entry in entries],
        [entry.digest for entry in entries],
        [entry.size for entry in entries],
        [entry.md5 for entry in entries],
        [entry.reference for entry in entries],
        [json.dumps(entry.extra) if entry.extra else None for entry in entries],
    )


async def add_base(transaction: Transaction, artifact: int, base: int, but: Sequence[str]) -> None:
    """Insert the files of another artifact, but for those at these paths."""
    await transaction.connection.execute(_BASE, artifact, base, but)


async def clear(transaction: Transaction, artifact: int) -> None:
    """Remove the files of an artifact."""
    await transaction.connection.execute("DELETE FROM manifest_entry WHERE artifact_id = $1", artifact)


async def link_blobs(transaction: Transaction, artifact: int) -> None:
    """Link the files of a manifest to the content that has been brought to the collection."""
    await transaction.connection.execute(_LINK_BLOBS, artifact)


async def missing(transaction: Transaction, artifact: int, limit: int | None) -> list[Entry]:
    """Return up to ``limit`` files (None: all) whose content has not been linked, by path."""
    return [_entry(row) for row in await transaction.connection.fetch(_MISSING, artifact, limit)]


async def absent(transaction: Transaction, artifact: int) -> list[Entry]:
    """Return the files of a pending artifact whose content the collection does not hold, linked or not, by path."""
    return [_entry(row) for row in await transaction.connection.fetch(_ABSENT, artifact)]


async def entries(transaction: Transaction, artifact: int, after: str, limit: int) -> list[Entry]:
    """Return up to ``limit`` files behind a path, in the byte order of their paths."""
    return [_entry(row) for row in await transaction.connection.fetch(_ENTRIES, artifact, after, limit)]


async def entries_at(transaction: Transaction, artifact: int, paths: Sequence[str]) -> list[Entry]:
    """Return the files at these paths that there are, in the byte order of their paths."""
    return [_entry(row) for row in await transaction.connection.fetch(_ENTRIES_AT, artifact, paths)]


async def entry_by_md5(transaction: Transaction, artifact: int, md5: bytes) -> Entry | None:
    """Return a file of the artifact with this content."""
    row = await transaction.connection.fetchrow(_ENTRY_BY_MD5, artifact, md5)
    return _entry(row) if row is not None else None


async def digests(transaction: Transaction, artifact: int) -> tuple[list[tuple[str, str]], int]:
    """Return path and digest of every file, and the bytes of all of them."""
    rows = await transaction.connection.fetch(
        "SELECT path, digest, size FROM manifest_entry WHERE artifact_id = $1", artifact
    )
    return [(row["path"], row["digest"]) for row in rows], sum(row["size"] for row in rows)


async def add_blob(transaction: Transaction, organization_id: int, artifact: int, blob: Blob) -> bytes | None:
    """Record stored content as brought to the artifact's collection.

    Return the SHA-256 under which the organization has this MD5 and size, None when the artifact is not there.
    """
    await transaction.connection.execute(_ADD_BLOB, organization_id, blob.sha256, blob.md5, blob.size)
    kept: bytes | None = await transaction.connection.fetchval(
        """
        SELECT b.sha256 FROM blob b JOIN artifact a ON a.organization_id = b.organization_id AND a.id = $4
        WHERE b.organization_id = $1 AND b.md5 = $2 AND b.size = $3
        """,
        organization_id,
        blob.md5,
        blob.size,
        artifact,
    )
    if kept == blob.sha256:
        await transaction.connection.execute(_HOLD, artifact, organization_id, blob.md5, blob.size)
    return kept


async def hold_of_others(transaction: Transaction, collection: int, wanted: Iterable[tuple[int, bytes, int]]) -> None:
    """Let the collection hold content ``(artifact, MD5, bytes)`` that it takes from those artifacts."""
    births, md5s, sizes = zip(*wanted, strict=True)
    await transaction.connection.execute(_HOLD_OF_OTHERS, collection, births, md5s, sizes)


async def held(
    transaction: Transaction, organization_id: int, collection: int, md5s: Sequence[bytes]
) -> Mapping[bytes, int]:
    """Return the MD5s of content that the collection holds, each with the artifact that it was brought for."""
    rows = await transaction.connection.fetch(_HELD, organization_id, collection, md5s)
    return {row["md5"]: row["artifact_id"] for row in rows}


async def rows(transaction: Transaction, organization_id: int, artifact: int) -> list[ManifestRow]:
    """Return the manifests of an artifact in the order in which they were announced."""
    found = await transaction.connection.fetch(_ROW + "AND m.artifact_id = $2 ORDER BY m.id", organization_id, artifact)
    return [ManifestRow(**row) for row in found]


async def row(transaction: Transaction, organization_id: int, manifest: int) -> ManifestRow | None:
    """Return a manifest."""
    found = await transaction.connection.fetchrow(_ROW + "AND m.id = $2", organization_id, manifest)
    return ManifestRow(**found) if found is not None else None


async def add(
    transaction: Transaction, artifact: int, kind: Kind, name: str, md5: bytes | None, base: int | None
) -> int:
    """Announce a manifest and return its id; an artifact has one full manifest, which is announced again."""
    statement = _ADD + (_AGAIN if kind == "full" else "") + " RETURNING id"
    number: int | None = await transaction.connection.fetchval(statement, artifact, kind, name, md5, base)
    assert number is not None  # noqa: S101 - INSERT … RETURNING of one row
    return number


async def change(transaction: Transaction, manifest: int, md5: bytes | None, base: int | None) -> None:
    """Write the MD5 of a manifest's file, and its base, where they are given."""
    await transaction.connection.execute(
        """
        UPDATE artifact_manifest
        SET md5 = coalesce($2, md5), arrived = arrived AND ($2::bytea IS NULL OR $2 = md5),
            base_artifact_id = coalesce($3, base_artifact_id)
        WHERE id = $1
        """,
        manifest,
        md5,
        base,
    )


async def arrive(transaction: Transaction, organization_id: int, manifest: int, md5: bytes) -> bool:
    """Record that the file of a manifest is staged; return False if no manifest expects this file."""
    done = await transaction.connection.fetchval(
        """
        UPDATE artifact_manifest m SET arrived = true FROM artifact a
        WHERE m.id = $2 AND m.md5 = $3 AND a.id = m.artifact_id AND a.organization_id = $1 RETURNING m.id
        """,
        organization_id,
        manifest,
        md5,
    )
    return done is not None


async def forget(transaction: Transaction, artifact: int) -> None:
    """Remove the manifests of an artifact that has been committed or deleted: its files are rows now."""
    await transaction.connection.execute("DELETE FROM artifact_manifest WHERE artifact_id = $1", artifact)
