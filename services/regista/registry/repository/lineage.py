"""Which run logged and which runs used a version."""

from typing import Literal, NamedTuple

import asyncpg

from regista.access.verdict import Sight
from regista.kit.db import Transaction
from regista.kit.db.conditions import Parameters
from regista.registry.repository.visibility import visible

Direction = Literal["input", "output"]

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


# Whoever may see a collection that the version is a member of may see the version.
_OF_RUN = """
FROM lineage l JOIN artifact a ON a.id = l.artifact_id AND a.state = 'committed'
WHERE l.organization_id = $1 AND l.run_id = $2 AND l.direction = $3
      AND EXISTS (SELECT FROM membership m JOIN collection c ON c.id = m.collection_id
                  JOIN project p ON p.id = c.project_id WHERE m.artifact_id = a.id AND {visible})
"""
_RUNS_USING = """
SELECT run.id FROM lineage l JOIN run ON run.id = l.run_id JOIN project p ON p.id = run.project_id
WHERE l.organization_id = $1 AND l.artifact_id = $2 AND l.direction = 'input' AND run.id > $3 AND {visible}
ORDER BY run.id LIMIT $4
"""


class Logged(NamedTuple):
    """A version that a run logged or used, and what the run calls it."""

    artifact_id: int
    used_as: str | None


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


async def of_run(
    transaction: Transaction,
    organization_id: int,
    seen: Sight,
    run: int,
    direction: Direction,
    after: int,
    limit: int,
) -> list[Logged]:
    """Return up to ``limit`` visible versions that a run logged or used, behind an artifact's id, in the order of ids."""
    parameters = Parameters(organization_id, run, direction, after, limit)
    chosen = _OF_RUN.format(visible=visible(seen, parameters, "coalesce(c.visibility, p.visibility)"))
    statement = f"SELECT a.id, l.used_as {chosen} AND a.id > $4 ORDER BY a.id LIMIT $5"
    return [Logged(*row) for row in await transaction.connection.fetch(statement, *parameters.values)]


async def count_of_run(
    transaction: Transaction, organization_id: int, seen: Sight, run: int, direction: Direction
) -> int:
    """Return how many versions `of_run` finds on all its pages."""
    parameters = Parameters(organization_id, run, direction)
    chosen = _OF_RUN.format(visible=visible(seen, parameters, "coalesce(c.visibility, p.visibility)"))
    found: int | None = await transaction.connection.fetchval(f"SELECT count(*) {chosen}", *parameters.values)
    return found or 0


async def runs_using(
    transaction: Transaction, organization_id: int, seen: Sight, artifact: int, after: int, limit: int
) -> list[int]:
    """Return up to ``limit`` ids of visible runs that used an artifact, behind a run's id, in the order of ids."""
    parameters = Parameters(organization_id, artifact, after, limit)
    statement = _RUNS_USING.format(visible=visible(seen, parameters, "p.visibility"))
    return [row["id"] for row in await transaction.connection.fetch(statement, *parameters.values)]
