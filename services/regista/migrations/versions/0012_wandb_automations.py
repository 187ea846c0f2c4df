"""Automations: what the W&B client asks of them."""

from alembic import op

revision = "0012_wandb_automations"
down_revision = "0011_registries"
branch_labels = None
depends_on = None

_STATEMENTS: tuple[str, ...] = ()


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
