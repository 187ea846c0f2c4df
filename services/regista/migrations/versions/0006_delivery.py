"""Delivery: lanes and who owns them, the ledger of effects, what of it is due, what it has tried."""

from alembic import op

revision = "0006_delivery"
down_revision = "0005_automations"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE lane (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        shard smallint NOT NULL GENERATED ALWAYS AS ((id % 64)::smallint) STORED,
        organization_id bigint NOT NULL,
        entity_id bigint,
        kind text NOT NULL,
        name text NOT NULL,
        concurrency smallint NOT NULL CHECK (concurrency BETWEEN 1 AND 64),
        throttle_count integer CHECK (throttle_count BETWEEN 1 AND 10000),
        throttle_seconds double precision CHECK (throttle_seconds > 0),
        state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled', 'removed')),
        disabled_reason text,
        failures integer NOT NULL DEFAULT 0,
        failing_since timestamptz,
        failing boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL DEFAULT now(),
        CHECK ((throttle_count IS NULL) = (throttle_seconds IS NULL))
    ) WITH (fillfactor = 50)
    """,
    "CREATE INDEX lane_by_shard ON lane (shard)",
    "CREATE INDEX lane_by_organization ON lane (organization_id, id)",
    """
    CREATE TABLE dispatcher (
        id uuid PRIMARY KEY,
        beat_at timestamptz NOT NULL,
        retiring boolean NOT NULL DEFAULT false,
        backend integer NOT NULL
    ) WITH (fillfactor = 10)
    """,
    """
    CREATE TABLE lane_shard (
        id smallint PRIMARY KEY CHECK (id BETWEEN 0 AND 63),
        owner uuid,
        epoch bigint NOT NULL DEFAULT 0
    ) WITH (fillfactor = 50)
    """,
    "INSERT INTO lane_shard (id) SELECT generate_series(0, 63)",
    # Half of each page is kept free for the one update that nearly every row sees: no index is written then (HOT).
    """
    CREATE TABLE delivery (
        position bigint GENERATED ALWAYS AS IDENTITY,
        id uuid NOT NULL PRIMARY KEY,
        organization_id bigint NOT NULL,
        lane_id bigint NOT NULL,
        event_id uuid NOT NULL,
        automation_id bigint NOT NULL,
        action_index smallint NOT NULL,
        revision integer NOT NULL,
        replay_id uuid,
        state text NOT NULL DEFAULT 'pending',
        attempts smallint NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        finished_at timestamptz,
        payload bytea,
        CONSTRAINT delivery_once UNIQUE NULLS NOT DISTINCT (event_id, automation_id, action_index, replay_id)
    ) WITH (fillfactor = 50)
    """,
    "ALTER TABLE delivery ALTER COLUMN payload SET STORAGE EXTERNAL",
    "CREATE UNIQUE INDEX delivery_of_lane ON delivery (lane_id, position)",
    "CREATE INDEX delivery_age ON delivery USING brin (created_at)",
    # What is still to be sent. Rows of healthy endpoints live for milliseconds: vacuum by count, not by share.
    """
    CREATE TABLE delivery_due (
        lane_id bigint NOT NULL,
        position bigint NOT NULL,
        delivery_id uuid NOT NULL,
        due_at timestamptz NOT NULL,
        made smallint NOT NULL DEFAULT 0,
        manual boolean NOT NULL DEFAULT false,
        resume_at timestamptz,
        PRIMARY KEY (lane_id, position)
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
            autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_cost_delay = 0)
    """,
    "CREATE INDEX delivery_due_in_time ON delivery_due (lane_id, due_at, position)",
    # What was given up, so that failures are found without walking over successes.
    """
    CREATE TABLE delivery_dead (
        lane_id bigint NOT NULL,
        position bigint NOT NULL,
        PRIMARY KEY (lane_id, position)
    )
    """,
    """
    CREATE TABLE attempt (
        delivery_id uuid NOT NULL,
        number smallint NOT NULL,
        manual boolean NOT NULL,
        started_at timestamptz NOT NULL,
        seconds real NOT NULL,
        status smallint,
        error text,
        truncated boolean NOT NULL,
        headers text NOT NULL,
        body bytea NOT NULL,
        PRIMARY KEY (delivery_id, number)
    )
    """,
    "CREATE INDEX attempt_age ON attempt USING brin (started_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
