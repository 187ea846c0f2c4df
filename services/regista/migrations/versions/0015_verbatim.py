"""Automations read back as they were written: members in their order, numbers in their form."""

from alembic import op

revision = "0015_verbatim"
down_revision = "0014_slack"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "DROP VIEW execution",
    # `jsonb` sorts the members of an object and writes 1e23 as a whole number; nothing looks into these but the view.
    """
    ALTER TABLE automation_revision
        ALTER COLUMN actions TYPE json USING actions::json,
        ALTER COLUMN "trigger" TYPE json USING "trigger"::json
    """,
    # As it was, of the other type.
    """
    CREATE VIEW execution AS
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
    CROSS JOIN LATERAL json_array_elements(r.actions) WITH ORDINALITY a (action, place)
    CROSS JOIN LATERAL json_object_keys(a.action) k (kind)
    LEFT JOIN delivery v ON v.event_id = d.event_id AND v.automation_id = d.automation_id
                        AND v.action_index = (a.place - 1)::smallint AND v.replay_id IS NOT DISTINCT FROM d.replay_id
    WHERE d.verdict <> 'unmet'
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
