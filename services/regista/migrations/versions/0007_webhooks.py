"""Webhooks: endpoints and the keys that sign what they are sent."""

from alembic import op

revision = "0007_webhooks"
down_revision = "0006_delivery"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # What an integration of kind webhook is; its name, entity and lane stand there. Sealed columns open with the
    # installation's secret key alone, and are empty once the integration is deleted.
    """
    CREATE TABLE endpoint (
        integration_id bigint PRIMARY KEY REFERENCES integration (id),
        organization_id bigint NOT NULL,
        form text NOT NULL DEFAULT 'regista' CHECK (form IN ('regista', 'mlflow')),
        url text NOT NULL,
        timeout_seconds double precision NOT NULL CHECK (timeout_seconds BETWEEN 1 AND 30),
        signature text NOT NULL CHECK (signature IN ('v1', 'v1a')),
        wandb_signature boolean NOT NULL DEFAULT false CHECK (NOT wandb_signature OR signature = 'v1'),
        header_names text[] NOT NULL DEFAULT '{}',
        headers bytea,
        access_token bytea
    )
    """,
    # The newest has no expiry; the ones before it sign along until theirs.
    """
    CREATE TABLE webhook_key (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        integration_id bigint NOT NULL REFERENCES integration (id),
        organization_id bigint NOT NULL,
        sealed bytea NOT NULL,
        public_key text,
        created_at timestamptz NOT NULL,
        expires_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX webhook_key_newest ON webhook_key (integration_id) WHERE expires_at IS NULL",
    "CREATE INDEX webhook_key_by_integration ON webhook_key (integration_id, id)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
