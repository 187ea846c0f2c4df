"""The secret key that an installation works with, by its public id: another one is refused at start."""

from alembic import op

revision = "0016_secret_key"
down_revision = "0015_verbatim"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # One row once the first process has started. The id says nothing about the key; what is sealed begins with a
    # version, one byte, and the id of its key.
    """
    CREATE TABLE secret_key (
        id bytea NOT NULL CHECK (length(id) = 8),
        single boolean PRIMARY KEY DEFAULT true CHECK (single)
    )
    """,
    """
    INSERT INTO secret_key (id)
    SELECT substring(sealed FROM 2 FOR 8)
    FROM (SELECT sealed, created_at AS at FROM webhook_key UNION ALL SELECT sealed, updated_at FROM secret) stored
    ORDER BY at DESC LIMIT 1
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
