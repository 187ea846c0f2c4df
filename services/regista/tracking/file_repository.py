"""All SQL of the files of runs."""

from collections.abc import Sequence

import asyncpg

from regista.kit.blobs import Blob
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError
from regista.tracking.subjects import RunFile

_COLUMNS = "id, run_id, name, sha256, md5, size, created_at, updated_at"
_KEEP = f"""
INSERT INTO run_file (organization_id, run_id, name, sha256, md5, size) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (run_id, name)
DO UPDATE SET sha256 = excluded.sha256, md5 = excluded.md5, size = excluded.size, updated_at = now()
RETURNING {_COLUMNS}
"""  # noqa: S608 - fixed text
_MATCHES = "run_id = $1 AND ($2::text[] IS NULL OR name = ANY($2)) AND ($3::text IS NULL OR name LIKE $3)"
_LIST = f"SELECT {_COLUMNS} FROM run_file WHERE {_MATCHES} AND id > $4 ORDER BY id LIMIT $5"  # noqa: S608 - fixed text
_COUNT = f"SELECT count(*) FROM run_file WHERE {_MATCHES}"  # noqa: S608 - fixed text
_RUNS_OF = "SELECT DISTINCT run_id FROM run_file WHERE organization_id = $1 AND id = ANY($2) ORDER BY run_id"
_DELETE = "DELETE FROM run_file WHERE organization_id = $1 AND id = ANY($2)"


async def keep(transaction: Transaction, organization_id: int, run: int, name: str, content: Blob) -> RunFile:
    """Give the run a file with this content, instead of the one of the name. Raises `NotFoundError` without the run."""
    try:
        row = await transaction.connection.fetchrow(
            _KEEP, organization_id, run, name, content.sha256, content.md5, content.size
        )
    except asyncpg.ForeignKeyViolationError as error:
        raise NotFoundError("the run of this file has been deleted") from error
    assert row is not None  # noqa: S101 - INSERT … RETURNING of one row
    return RunFile(**row)


async def files(
    transaction: Transaction, run: int, names: Sequence[str] | None, pattern: str | None, after: int, limit: int
) -> list[RunFile]:
    """Return up to ``limit`` files behind id ``after``, with these names (None: all) and like this pattern."""
    given = list(names) if names is not None else None
    rows = await transaction.connection.fetch(_LIST, run, given, pattern, after, limit)
    return [RunFile(**row) for row in rows]


async def count(transaction: Transaction, run: int, names: Sequence[str] | None, pattern: str | None) -> int:
    """Return how many files there are."""
    return await transaction.connection.fetchval(_COUNT, run, list(names) if names is not None else None, pattern) or 0


async def runs_of(transaction: Transaction, organization_id: int, files: Sequence[int]) -> list[int]:
    """Return the runs that these files belong to."""
    return [row["run_id"] for row in await transaction.connection.fetch(_RUNS_OF, organization_id, list(files))]


async def delete(transaction: Transaction, organization_id: int, files: Sequence[int]) -> None:
    """Delete files; their content stays in the store."""
    await transaction.connection.execute(_DELETE, organization_id, list(files))
