"""Registries: members and their roles, accepted types."""

from alembic import op

revision = "0011_registries"
down_revision = "0010_manifests"
branch_labels = None
depends_on = None

_STATEMENTS: tuple[str, ...] = ()


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
