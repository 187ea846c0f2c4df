"""Which run logged and which runs used a version."""

from typing import NamedTuple

from regista.kit.db import Transaction

_EDGES = """
SELECT e.name || '/' || p.name || '/runs/' || run.name AS run, l.direction
FROM lineage l JOIN run ON run.id = l.run_id JOIN project p ON p.id = run.project_id JOIN entity e ON e.id = p.entity_id
WHERE l.artifact_id = $1 ORDER BY l.created_at, l.run_id
"""
_NEIGHBOURS = """
SELECT e.name || '/' || p.name || '/' || c.name || ':v' || m.version_index AS version
FROM lineage own JOIN lineage other ON other.run_id = own.run_id AND other.direction <> own.direction
JOIN artifact a ON a.id = other.artifact_id JOIN collection c ON c.id = a.collection_id
JOIN membership m ON m.collection_id = c.id AND m.artifact_id = a.id
JOIN project p ON p.id = c.project_id JOIN entity e ON e.id = c.entity_id
WHERE own.artifact_id = $1 AND own.direction = $2 ORDER BY a.id LIMIT 1000
"""
_MEMBERSHIPS = """
SELECT e.name || '/' || p.name || '/' || c.name || ':v' || m.version_index AS version
FROM membership m JOIN collection c ON c.id = m.collection_id JOIN project p ON p.id = c.project_id
JOIN entity e ON e.id = c.entity_id
WHERE m.artifact_id = $1 AND c.kind = 'portfolio' ORDER BY m.id LIMIT 1000
"""


class Lineage(NamedTuple):
    """Paths around a version: the runs at its ends, the versions that its runs used and made, where it is linked."""

    logged_by: list[str]
    used_by: list[str]
    inputs: list[str]
    outputs: list[str]
    linked_as: list[str]


async def add(transaction: Transaction, organization_id: int, artifact: int, run: int, direction: str) -> None:
    """Record that the run logged (``output``) or used (``input``) the artifact; once."""
    await transaction.connection.execute(
        """
        INSERT INTO lineage (organization_id, artifact_id, run_id, direction) VALUES ($1, $2, $3, $4)
        ON CONFLICT (artifact_id, run_id, direction) DO NOTHING
        """,
        organization_id,
        artifact,
        run,
        direction,
    )


async def around(transaction: Transaction, artifact: int) -> Lineage:
    """Return what surrounds an artifact, at most 1000 versions a side."""
    fetch = transaction.connection.fetch
    edges = await fetch(_EDGES, artifact)
    return Lineage(
        logged_by=[row["run"] for row in edges if row["direction"] == "output"],
        used_by=[row["run"] for row in edges if row["direction"] == "input"],
        inputs=[row["version"] for row in await fetch(_NEIGHBOURS, artifact, "output")],
        outputs=[row["version"] for row in await fetch(_NEIGHBOURS, artifact, "input")],
        linked_as=[row["version"] for row in await fetch(_MEMBERSHIPS, artifact)],
    )
