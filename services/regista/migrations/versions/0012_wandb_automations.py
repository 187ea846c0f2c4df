"""Automations: what the W&B client asks of them."""

from alembic import op

revision = "0012_wandb_automations"
down_revision = "0011_registries"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # What a run must do, beside the condition: the metric that is watched, or the states that it comes to.
    'ALTER TABLE automation_revision ADD COLUMN "trigger" jsonb',
    "CREATE INDEX automation_by_entity ON automation (organization_id, entity_id, id) WHERE deleted_at IS NULL",
    # A named secret that makes X-Wandb-Signature in place of the endpoint's own key.
    """
    ALTER TABLE endpoint ADD COLUMN wandb_secret text,
        ADD CONSTRAINT endpoint_wandb_secret CHECK (wandb_secret IS NULL OR wandb_signature)
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
