"""Audit: one row an event, chained by shard; the heads of the chains; signed checkpoints."""

from alembic import op

revision = "0008_audit"
down_revision = "0007_webhooks"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # `report_*` are audit keys of W&B for which nothing happens here yet. `before` and `after` are json, not jsonb: kept
    # as they were written, and never refused for a number or an escape that jsonb cannot hold. `body` and `context` are
    # the stored bytes of the event: what the hash is over must outlive every other table.
    """
    CREATE TABLE audit (
        event_id uuid NOT NULL,
        time timestamptz NOT NULL,
        organization_id bigint NOT NULL,
        shard smallint NOT NULL,
        position bigint NOT NULL,
        format smallint NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        action text COLLATE "C" NOT NULL,
        resource text COLLATE "C" NOT NULL,
        actor_user_id text COLLATE "C" NOT NULL,
        actor_type text NOT NULL,
        actor_name text,
        actor_email text,
        actor_ip text,
        user_agent text,
        cli_version text,
        request_id text,
        response_code integer,
        entity_asset bigint,
        entity_name text,
        project_asset bigint,
        project_name text,
        artifact_asset bigint,
        artifact_digest text,
        artifact_qualified_name text,
        artifact_sequence_asset bigint,
        artifact_version text,
        user_asset bigint,
        user_email text,
        report_asset bigint,
        report_name text,
        automation_id bigint,
        delivery_id uuid,
        causation_id uuid,
        correlation_id uuid,
        before json,
        after json,
        hash bytea NOT NULL,
        body bytea NOT NULL,
        context bytea NOT NULL,
        PRIMARY KEY (event_id, time)
    ) PARTITION BY RANGE (time)
    """,
    # Bodies are compact JSON of about 1 KB: compressing them costs more than it saves.
    "ALTER TABLE audit ALTER COLUMN body SET STORAGE EXTERNAL",
    "CREATE INDEX audit_chained ON audit (shard, position)",
    "CREATE INDEX audit_by_time ON audit (organization_id, time, event_id)",
    "CREATE INDEX audit_by_action ON audit (organization_id, action, time, event_id)",
    "CREATE INDEX audit_by_actor ON audit (organization_id, actor_user_id, time, event_id)",
    "CREATE INDEX audit_by_resource ON audit (organization_id, resource, time, event_id)",
    """
    CREATE INDEX audit_by_collection ON audit (organization_id, artifact_sequence_asset, time, event_id)
    WHERE artifact_sequence_asset IS NOT NULL
    """,
    # The head of each shard's chain: the last position that was given, and its hash.
    """
    CREATE TABLE audit_chain (
        shard smallint PRIMARY KEY,
        position bigint NOT NULL DEFAULT 0,
        hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex')
    ) WITH (fillfactor = 10)
    """,
    "INSERT INTO audit_chain (shard) SELECT generate_series(0, 15)",
    """
    CREATE TABLE audit_checkpoint (
        shard smallint NOT NULL,
        position bigint NOT NULL,
        hash bytea NOT NULL,
        signed_at timestamptz NOT NULL,
        public_key bytea NOT NULL,
        signature bytea NOT NULL,
        PRIMARY KEY (shard, position)
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
