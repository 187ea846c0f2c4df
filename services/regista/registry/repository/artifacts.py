"""Artifacts: announced, committed, changed, deleted, and found by every name that they have."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import asyncpg

from regista.kit.db import Transaction
from regista.registry.repository.columns import ARTIFACT, COLLECTION, FROM_ARTIFACT, VERSION
from regista.registry.subjects import Artifact

_FIND = """
SELECT a.id, a.organization_id, a.collection_id, c.aggregate_id, a.state, a.digest, a.run_id, a.aliases, a.twin_id,
       a.expires_at
FROM artifact a JOIN collection c ON c.id = a.collection_id
"""
_BY_ID = _FIND + "WHERE a.organization_id = $1 AND a.id = $2"
_BY_CLIENT = _FIND + (
    "JOIN artifact_client k ON k.artifact_id = a.id AND k.organization_id = a.organization_id "
    "WHERE k.organization_id = $1 AND k.client_id = $2"
)
_BY_DIGEST = _FIND + "WHERE a.collection_id = $1 AND a.digest = $2 AND a.state = 'committed'"
_BY_DISTRIBUTED_ID = _FIND + "WHERE a.collection_id = $1 AND a.distributed_id = $2 AND a.state = 'pending'"
# An artifact whose content turned out to be a version already is shown as that version.
_SHOWN = f"""
SELECT asked.id AS asked_id, {ARTIFACT}, {COLLECTION}, {VERSION}
FROM {FROM_ARTIFACT} JOIN artifact asked ON coalesce(asked.twin_id, asked.id) = a.id
WHERE asked.organization_id = $1 AND asked.id = ANY($2::bigint[])
"""  # noqa: S608 - constants of this package
_ADD = """
INSERT INTO artifact (organization_id, collection_id, state, digest, size, file_count, metadata, description, ttl_seconds,
                      run_id, history_step, distributed_id, aliases, account_id, created_at, updated_at)
VALUES ($1, $2, 'pending', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14) RETURNING id
"""
_TTL_OVER = """
CASE WHEN {0} IS NOT NULL THEN created_at + least({0}, 9000000000) * interval '1 second' END
"""
# The bound keeps it within PostgreSQL's calendar.
_COMMIT = f"""
UPDATE artifact SET state = 'committed', committed_at = $2, updated_at = $2, aliases = '{{}}', digest = $3, size = $4,
                    file_count = $5, expires_at = {_TTL_OVER.format("ttl_seconds")}
WHERE id = $1 AND state = 'pending' RETURNING id
"""  # noqa: S608 - constants of this module
_UPDATE = f"""
UPDATE artifact SET description = $2, metadata = $3, ttl_seconds = $4, updated_at = $5,
                    expires_at = {_TTL_OVER.format("$4::bigint")}
WHERE id = $1
"""  # noqa: S608 - constants of this module
_EXPIRED = """
SELECT a.id, a.organization_id, o.name AS organization, a.expires_at
FROM artifact a JOIN organization o ON o.id = a.organization_id
WHERE a.expires_at <= now() AND a.state = 'committed' AND (a.expires_at, a.id) > ($1, $2)
      AND NOT EXISTS (SELECT FROM membership m WHERE m.artifact_id = a.id AND m.collection_id <> a.collection_id)
ORDER BY a.expires_at, a.id LIMIT $3
"""
_ABANDONED = """
DELETE FROM artifact WHERE id IN (
    SELECT id FROM artifact WHERE state = 'pending' AND created_at < now() - $1::interval ORDER BY created_at LIMIT $2
    FOR UPDATE SKIP LOCKED
)
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
    aliases: list[str]
    twin_id: int | None
    expires_at: datetime | None


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
    history_step: int | None
    distributed_id: str | None
    aliases: list[str]
    account_id: int
    now: datetime


class Expired(NamedTuple):
    """A version whose time to live is over."""

    id: int
    organization_id: int
    organization: str
    expires_at: datetime


def _row(row: asyncpg.Record | None) -> ArtifactRow | None:
    return ArtifactRow(**row) if row is not None else None


async def by_id(transaction: Transaction, organization_id: int, artifact: int) -> ArtifactRow | None:
    """Return an artifact of the organization."""
    return _row(await transaction.connection.fetchrow(_BY_ID, organization_id, artifact))


async def by_ids(transaction: Transaction, organization_id: int, artifacts: Sequence[int]) -> dict[int, Artifact]:
    """Return artifacts of the organization, in whatever state, by the id that was asked for, as they are shown."""
    rows = await transaction.connection.fetch(_SHOWN, organization_id, artifacts)
    return {row["asked_id"]: Artifact.of(row) for row in rows}


async def by_client(transaction: Transaction, organization_id: int, client_id: str) -> ArtifactRow | None:
    """Return the artifact that a client calls by an id of its own."""
    return _row(await transaction.connection.fetchrow(_BY_CLIENT, organization_id, client_id))


async def by_digest(transaction: Transaction, collection: int, digest: str) -> ArtifactRow | None:
    """Return the committed artifact of the collection with this content."""
    return _row(await transaction.connection.fetchrow(_BY_DIGEST, collection, digest))


async def by_distributed_id(transaction: Transaction, collection: int, distributed_id: str) -> ArtifactRow | None:
    """Return the pending artifact of the collection that several runs fill."""
    return _row(await transaction.connection.fetchrow(_BY_DISTRIBUTED_ID, collection, distributed_id))


async def add(transaction: Transaction, new: NewRow) -> int:
    """Insert a pending artifact; return its id."""
    artifact: int | None = await transaction.connection.fetchval(
        _ADD,
        *new._replace(metadata=json.dumps(new.metadata)),  # pyright: ignore[reportArgumentType] - as jsonb takes it
    )
    assert artifact is not None  # noqa: S101 - INSERT … RETURNING of one row
    return artifact


async def add_client(transaction: Transaction, organization_id: int, client_id: str, artifact: int) -> None:
    """Remember what a client calls the artifact. Raises the driver's `UniqueViolationError` for an id in use."""
    await transaction.connection.execute(
        "INSERT INTO artifact_client (organization_id, client_id, artifact_id) VALUES ($1, $2, $3)",
        organization_id,
        client_id,
        artifact,
    )


async def amend(
    transaction: Transaction, artifact: int, aliases: list[str], metadata: dict[str, Any], description: str | None
) -> None:
    """Write what another run says of a pending artifact; no metadata and no description leave them."""
    await transaction.connection.execute(
        """
        UPDATE artifact SET aliases = $2, metadata = CASE WHEN $3::jsonb = '{}' THEN metadata ELSE $3::jsonb END,
                            description = coalesce($4, description)
        WHERE id = $1
        """,
        artifact,
        aliases,
        json.dumps(metadata),
        description,
    )


async def commit(
    transaction: Transaction, artifact: int, digest: str, size: int, file_count: int, now: datetime
) -> None:
    """Make a pending artifact a committed one.

    Raises the driver's `SerializationError` (the boundary then begins again) when it was swept away meanwhile.
    """
    if await transaction.connection.fetchval(_COMMIT, artifact, now, digest, size, file_count) is None:
        raise asyncpg.SerializationError("the artifact was deleted while it was committed")


async def delete(transaction: Transaction, artifact: int, now: datetime, twin: int | None = None) -> None:
    """Mark an artifact deleted and let go of its files; the row stays, so that lineage still names it.

    ``twin`` is the version that has its content, which whoever asks for it is shown.
    """
    await transaction.connection.execute("DELETE FROM manifest_entry WHERE artifact_id = $1", artifact)
    await transaction.connection.execute(
        """
        UPDATE artifact SET state = 'deleted', deleted_at = $2, updated_at = $2, expires_at = NULL, twin_id = $3
        WHERE id = $1
        """,
        artifact,
        now,
        twin,
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
    await transaction.connection.execute(_UPDATE, artifact, description, json.dumps(metadata), ttl_seconds, now)


async def expired(transaction: Transaction, after: tuple[datetime, int], limit: int) -> list[Expired]:
    """Return up to ``limit`` versions whose time to live is over and that are linked nowhere, the oldest first.

    ``after`` is the moment and id of the last one that was returned before.
    """
    return [Expired(**row) for row in await transaction.connection.fetch(_EXPIRED, *after, limit)]


async def delete_abandoned(transaction: Transaction, age: timedelta, limit: int) -> int:
    """Delete up to ``limit`` artifacts that were announced so long ago and never committed; return how many."""
    return int((await transaction.connection.execute(_ABANDONED, age, limit)).rpartition(" ")[2])


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
