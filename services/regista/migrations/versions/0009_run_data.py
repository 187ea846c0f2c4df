"""Tracking: what runs log: lines of history, system events and output, and files."""

from alembic import op

revision = "0009_run_data"
down_revision = "0008_audit"
branch_labels = None
depends_on = None

_STATEMENTS: tuple[str, ...] = ()


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
