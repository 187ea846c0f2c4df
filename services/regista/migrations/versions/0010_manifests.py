"""Registry: drafts, manifests as clients send them, multipart uploads, time to live."""

from alembic import op

revision = "0010_manifests"
down_revision = "0009_run_data"
branch_labels = None
depends_on = None

_STATEMENTS: tuple[str, ...] = (
    # The step of the run's history at which it was logged.
    "ALTER TABLE artifact ADD COLUMN history_step bigint",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
