"""Slack: channels, and lanes of their own for whoever posts to them."""

from alembic import op

revision = "0014_slack"
down_revision = "0013_automation_engine"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # A bot posts to `channel` with its token, or an incoming webhook posts to the one that it was made for; both are
    # sealed, and gone with the channel. `workspace` is what Slack calls the token's, where it has said.
    """
    CREATE TABLE slack_channel (
        integration_id bigint PRIMARY KEY REFERENCES integration (id),
        organization_id bigint NOT NULL REFERENCES organization (id),
        channel text,
        workspace text,
        token bytea,
        url bytea,
        CHECK (token IS NULL OR url IS NULL),
        CHECK (token IS NULL OR channel IS NOT NULL)
    )
    """,
    # Whoever sends webhooks alone leaves the lanes of Slack to others: each kind has 64 shards of its own.
    "ALTER TABLE dispatcher ADD COLUMN kinds text[] NOT NULL DEFAULT '{webhook}'",
    "ALTER TABLE dispatcher ALTER COLUMN kinds DROP DEFAULT",
    "ALTER TABLE lane_shard DROP CONSTRAINT lane_shard_id_check, ADD CHECK (id BETWEEN 0 AND 127)",
    "INSERT INTO lane_shard (id) SELECT generate_series(64, 127)",
    """
    ALTER TABLE lane
        DROP COLUMN shard,
        ADD COLUMN shard smallint NOT NULL
            GENERATED ALWAYS AS ((id % 64 + CASE kind WHEN 'slack' THEN 64 ELSE 0 END)::smallint) STORED
    """,
    "CREATE INDEX lane_by_shard ON lane (shard)",
    # As it was, with Slack's messages in the ledger like all that is sent. What is in the ledger is told by it, whatever
    # became of the decision: a replay that is canceled may have been taken up by one planner and not by the other.
    """
    CREATE OR REPLACE VIEW execution AS
    SELECT d.position, d.organization_id, d.automation_id, r.name AS automation, d.revision, d.event_id, d.replay_id,
           d.verdict, d.decided_at, (a.place - 1)::smallint AS action_index, k.kind, v.id AS delivery_id,
           CASE
               WHEN v.state = 'succeeded' THEN 'finished'
               WHEN v.state IN ('dead', 'canceled') THEN 'failed'
               WHEN v.id IS NOT NULL OR d.verdict = 'deferred' THEN 'pending'
               WHEN d.verdict = 'skipped' THEN 'skipped'
               WHEN k.kind = 'no_op' THEN 'finished'
               ELSE 'pending'
           END AS status,
           CASE
               WHEN v.state IN ('dead', 'canceled') THEN v.state
               WHEN v.id IS NULL AND d.verdict <> 'fire' THEN d.reason
           END AS reason,
           d."values" ->> 'error' AS error
    FROM decision d
    JOIN automation_revision r ON r.automation_id = d.automation_id AND r.revision = d.revision
    CROSS JOIN LATERAL jsonb_array_elements(r.actions) WITH ORDINALITY a (action, place)
    CROSS JOIN LATERAL jsonb_object_keys(a.action) k (kind)
    LEFT JOIN delivery v ON v.event_id = d.event_id AND v.automation_id = d.automation_id
                        AND v.action_index = (a.place - 1)::smallint AND v.replay_id IS NOT DISTINCT FROM d.replay_id
    WHERE d.verdict <> 'unmet'
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
