"""Which run logged and which runs used a version."""

from typing import NamedTuple

import asyncpg

from regista.kit.db import Transaction

_RUNS = """
SELECT e.name || '/' || p.name || '/runs/' || run.name AS path, p.entity_id, p.visibility
FROM lineage l JOIN run ON run.id = l.run_id JOIN project p ON p.id = run.project_id JOIN entity e ON e.id = p.entity_id
WHERE l.artifact_id = $1 AND l.direction = $2 ORDER BY l.created_at, l.run_id LIMIT 1000
"""
_VERSION = """
SELECT e.name || '/' || p.name || '/' || c.name || ':v' || m.version_index AS path, p.entity_id,
       coalesce(c.visibility, p.visibility) AS visibility
"""
_NEIGHBOURS = f"""
{_VERSION}
FROM lineage own JOIN lineage other ON other.run_id = own.run_id AND other.direction <> own.direction
JOIN artifact a ON a.id = other.artifact_id JOIN collection c ON c.id = a.collection_id
JOIN membership m ON m.collection_id = c.id AND m.artifact_id = a.id
JOIN project p ON p.id = c.project_id JOIN entity e ON e.id = c.entity_id
WHERE own.artifact_id = $1 AND own.direction = $2 ORDER BY a.id LIMIT 1000
"""
_MEMBERSHIPS = f"""
{_VERSION}
FROM membership m JOIN collection c ON c.id = m.collection_id JOIN project p ON p.id = c.project_id
JOIN entity e ON e.id = c.entity_id
WHERE m.artifact_id = $1 AND c.kind = 'portfolio' ORDER BY m.id LIMIT 1000
"""


class Neighbour(NamedTuple):
    """A run or version by its path, with what decides who may see it."""

    path: str
    entity_id: int
    visibility: str


class Lineage(NamedTuple):
    """What surrounds a version: the runs at its ends, the versions that its runs used and made, where it is linked."""

    logged_by: list[Neighbour]
    used_by: list[Neighbour]
    inputs: list[Neighbour]
    outputs: list[Neighbour]
    linked_as: list[Neighbour]


async def add(
    transaction: Transaction,
    organization_id: int,
    artifact: int,
    run: int,
    direction: str,
    used_as: str | None = None,
) -> None:
    """Record that the run logged (``output``) or used (``input``) the artifact; once, under the last name it gave it.

    Raises the driver's `SerializationError` (the boundary then begins again) when the run was deleted meanwhile.
    """
    try:
        await transaction.connection.execute(
            """
            INSERT INTO lineage (organization_id, artifact_id, run_id, direction, used_as) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (artifact_id, run_id, direction) DO UPDATE SET used_as = excluded.used_as
            WHERE excluded.used_as IS NOT NULL
            """,
            organization_id,
            artifact,
            run,
            direction,
            used_as,
        )
    except asyncpg.ForeignKeyViolationError as error:
        raise asyncpg.SerializationError("the run was deleted while its lineage was recorded") from error


async def around(transaction: Transaction, artifact: int) -> Lineage:
    """Return what surrounds an artifact, at most 1000 of each kind."""

    async def fetch(statement: str, *arguments: int | str) -> list[Neighbour]:
        return [Neighbour(*row) for row in await transaction.connection.fetch(statement, *arguments)]

    return Lineage(
        logged_by=await fetch(_RUNS, artifact, "output"),
        used_by=await fetch(_RUNS, artifact, "input"),
        inputs=await fetch(_NEIGHBOURS, artifact, "output"),
        outputs=await fetch(_NEIGHBOURS, artifact, "input"),
        linked_as=await fetch(_MEMBERSHIPS, artifact),
    )
