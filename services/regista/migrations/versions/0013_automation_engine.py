"""Automations that act: limits, deferred and replayed executions, metrics that are watched, accounts of all of it."""

from alembic import op

revision = "0013_automation_engine"
down_revision = "0012_wandb_automations"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # Whoever saved a revision: an automation acts with the access that its author has at the moment of a decision.
    "ALTER TABLE automation_revision ADD COLUMN author_id bigint",
    """
    UPDATE automation_revision r SET author_id = a.id FROM account a
    WHERE a.organization_id = r.organization_id AND a.name = r.author
    """,
    # `unmet`: the condition did not hold; kept so that a revision saved in between is not asked a second time.
    # `deferred`: held back until a limit lets it through; it becomes `fire`, or `skipped` for a newer event.
    """
    ALTER TABLE decision
        DROP CONSTRAINT decision_verdict_check,
        ADD CONSTRAINT decision_verdict_check CHECK (verdict IN ('fire', 'skipped', 'unmet', 'deferred')),
        ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY
    """,
    "CREATE UNIQUE INDEX decision_of_organization ON decision (organization_id, position) WHERE verdict <> 'unmet'",
    "CREATE UNIQUE INDEX decision_of_automation ON decision (automation_id, position) WHERE verdict <> 'unmet'",
    "CREATE INDEX decision_age ON decision USING brin (decided_at)",
    # What an automation with limits has fired, in event time, as far back as its limits look. One row, locked by
    # whoever decides for it.
    """
    CREATE TABLE automation_limit (
        automation_id bigint PRIMARY KEY REFERENCES automation (id),
        organization_id bigint NOT NULL,
        fires timestamptz[] NOT NULL DEFAULT '{}',
        held_event uuid,
        held_time timestamptz,
        held_until timestamptz,
        CHECK ((held_event IS NULL) = (held_until IS NULL) AND (held_event IS NULL) = (held_time IS NULL))
    ) WITH (fillfactor = 50)
    """,
    # Executions that no batch of the bus will bring: deferred ones and replays. A planner takes those of its kind.
    """
    CREATE TABLE execution_due (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind text NOT NULL,
        organization_id bigint NOT NULL,
        event_id uuid NOT NULL,
        automation_id bigint,
        integration_id bigint,
        replay_id uuid,
        due_at timestamptz NOT NULL,
        UNIQUE NULLS NOT DISTINCT (kind, event_id, automation_id, integration_id, replay_id)
    )
    """,
    "CREATE INDEX execution_due_in_time ON execution_due (kind, due_at, id)",
    "CREATE INDEX execution_due_of_replay ON execution_due (replay_id) WHERE replay_id IS NOT NULL",
    # A wish to have events of the past acted on again, and how far it has come.
    """
    CREATE TABLE replay (
        id uuid PRIMARY KEY,
        organization_id bigint NOT NULL REFERENCES organization (id),
        automation_id bigint REFERENCES automation (id),
        revision integer,
        integration_id bigint REFERENCES integration (id),
        selection jsonb NOT NULL,
        began bigint NOT NULL,
        position bigint NOT NULL,
        until bigint NOT NULL,
        examined bigint NOT NULL DEFAULT 0,
        fired bigint NOT NULL DEFAULT 0,
        skipped bigint NOT NULL DEFAULT 0,
        state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'finished', 'canceled', 'failed')),
        error text,
        requested_by text NOT NULL,
        requested_by_id bigint NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        turn_at timestamptz NOT NULL DEFAULT now(),
        finished_at timestamptz,
        CHECK ((automation_id IS NULL) <> (integration_id IS NULL))
    )
    """,
    # They take turns: one over a year of events does not keep the others waiting.
    "CREATE INDEX replay_running ON replay (turn_at) WHERE state = 'running'",
    "CREATE INDEX replay_by_organization ON replay (organization_id, created_at, id)",
    # The secrets that the payloads of a revision in force refer to.
    """
    CREATE TABLE automation_secret (
        secret_id bigint NOT NULL REFERENCES secret (id),
        automation_id bigint NOT NULL REFERENCES automation (id),
        organization_id bigint NOT NULL,
        PRIMARY KEY (secret_id, automation_id)
    )
    """,
    "CREATE INDEX automation_secret_by_automation ON automation_secret (automation_id)",
    # A replay to an endpoint has no automation. `holes`: where in the payload a secret is put in when it is sent,
    # as [[offset, name], …]; null where the event itself is sent. `traceparent`: the trace of the event.
    """
    ALTER TABLE delivery
        ALTER COLUMN automation_id DROP NOT NULL,
        ALTER COLUMN revision DROP NOT NULL,
        ADD COLUMN holes text,
        ADD COLUMN traceparent text
    """,
    # One row for each action of a decision, of whatever slice: nothing is kept a second time. Slack has no ledger yet.
    """
    CREATE VIEW execution AS
    SELECT d.position, d.organization_id, d.automation_id, r.name AS automation, d.revision, d.event_id, d.replay_id,
           d.verdict, d.decided_at, (a.place - 1)::smallint AS action_index, k.kind, v.id AS delivery_id,
           CASE
               WHEN d.verdict = 'skipped' THEN 'skipped'
               WHEN d.verdict = 'deferred' THEN 'pending'
               WHEN k.kind = 'no_op' THEN 'finished'
               WHEN k.kind = 'slack' THEN 'skipped'
               WHEN v.state = 'succeeded' THEN 'finished'
               WHEN v.state IN ('dead', 'canceled') THEN 'failed'
               ELSE 'pending'
           END AS status,
           CASE
               WHEN d.verdict <> 'fire' THEN d.reason
               WHEN k.kind = 'slack' THEN 'unsupported_slack'
               WHEN v.state IN ('dead', 'canceled') THEN v.state
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
    # Longer than a topic keeps its records (7 days, and whole segments of as many): what comes again finds its decision.
    "ALTER TABLE organization ADD COLUMN retention_days integer NOT NULL DEFAULT 90 CHECK (retention_days BETWEEN 15 AND 3650)",
    # Lines of runs on their way to whoever watches metrics: no permanent log, `run_line` is that.
    """
    CREATE TABLE metric_batch (
        id uuid PRIMARY KEY,
        organization_id bigint NOT NULL,
        aggregate_id bigint NOT NULL,
        time timestamptz NOT NULL,
        body bytea NOT NULL,
        context bytea NOT NULL
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
            autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_cost_delay = 0,
            toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 5000,
            toast.autovacuum_vacuum_cost_delay = 0)
    """,
    "ALTER TABLE metric_batch ALTER COLUMN body SET STORAGE EXTERNAL",
    """
    CREATE TABLE metric_outbox (
        shard smallint NOT NULL,
        id bigint GENERATED ALWAYS AS IDENTITY,
        event_id uuid NOT NULL,
        PRIMARY KEY (shard, id)
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
            autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_cost_delay = 0)
    """,
    # Taken under the run's lock, so that the batches of one run have rising numbers.
    "CREATE SEQUENCE metric_number",
    # What a watcher knows of a run's metric for one automation; it outlives the process that wrote it. `test` is a digest
    # of what is asked of the metric: where that is another, the rest is worth nothing.
    """
    CREATE TABLE metric_watch (
        automation_id bigint NOT NULL REFERENCES automation (id),
        run_id bigint NOT NULL,
        organization_id bigint NOT NULL,
        test bytea NOT NULL,
        last_number bigint NOT NULL,
        points float8[] NOT NULL DEFAULT '{}',
        fired_at timestamptz,
        seen_on date NOT NULL,
        PRIMARY KEY (automation_id, run_id)
    ) WITH (fillfactor = 50)
    """,
    "CREATE INDEX metric_watch_age ON metric_watch (seen_on)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
