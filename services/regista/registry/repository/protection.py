"""Aliases that are protected in all collections of a project."""

from regista.kit.db import Transaction


async def listed(transaction: Transaction, project: int) -> list[str]:
    """Return the aliases, by name."""
    rows = await transaction.connection.fetch(
        "SELECT alias FROM protected_alias WHERE project_id = $1 AND collection_id IS NULL ORDER BY alias", project
    )
    return [row["alias"] for row in rows]


async def add(transaction: Transaction, organization_id: int, project: int, alias: str) -> bool:
    """Protect an alias; return False if it was protected before."""
    done = await transaction.connection.execute(
        """
        INSERT INTO protected_alias (organization_id, project_id, alias) VALUES ($1, $2, $3)
        ON CONFLICT (project_id, collection_id, alias) DO NOTHING
        """,
        organization_id,
        project,
        alias,
    )
    return done == "INSERT 0 1"


async def remove(transaction: Transaction, project: int, alias: str) -> bool:
    """Protect an alias no longer; return False if it was not."""
    done = await transaction.connection.execute(
        "DELETE FROM protected_alias WHERE project_id = $1 AND collection_id IS NULL AND alias = $2", project, alias
    )
    return done == "DELETE 1"
