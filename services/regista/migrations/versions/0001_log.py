"""The log: aggregates, events, the outbox, what the relay has published, what consumers have parked."""

from alembic import op

revision = "0001_log"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE aggregate (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        organization_id bigint NOT NULL,
        sequence bigint NOT NULL DEFAULT 0,
        shard smallint NOT NULL GENERATED ALWAYS AS ((id % 16)::smallint) STORED
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE event (
        id uuid PRIMARY KEY,
        position bigint GENERATED ALWAYS AS IDENTITY,
        organization_id bigint NOT NULL,
        aggregate_id bigint NOT NULL,
        sequence bigint NOT NULL,
        shard smallint NOT NULL,
        type text NOT NULL,
        subject text NOT NULL,
        time timestamptz NOT NULL,
        actor text NOT NULL,
        causation_id uuid,
        correlation_id uuid,
        body bytea NOT NULL,
        context bytea NOT NULL,
        UNIQUE (aggregate_id, sequence)
    )
    """,
    # Bodies are compact JSON of about 1 KB: compressing them costs more than it saves.
    "ALTER TABLE event ALTER COLUMN body SET STORAGE EXTERNAL",
    "CREATE UNIQUE INDEX event_log ON event (organization_id, position)",
    "CREATE INDEX event_by_type ON event (organization_id, type, position)",
    "CREATE INDEX event_by_causation ON event (causation_id) WHERE causation_id IS NOT NULL",
    "CREATE INDEX event_by_correlation ON event (correlation_id) WHERE correlation_id IS NOT NULL",
    # Rows live for milliseconds: vacuum by count, not by share, or every read walks over the dead.
    """
    CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY,
        shard smallint NOT NULL,
        event_id uuid NOT NULL,
        PRIMARY KEY (shard, id)
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
            autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_cost_delay = 0)
    """,
    """
    CREATE TABLE shard (
        id smallint PRIMARY KEY,
        position bigint NOT NULL DEFAULT 0
    ) WITH (fillfactor = 10)
    """,
    "INSERT INTO shard (id) SELECT generate_series(0, 15)",
    """
    CREATE TABLE published (
        shard smallint NOT NULL,
        position bigint NOT NULL,
        event_id uuid NOT NULL,
        PRIMARY KEY (shard, position)
    )
    """,
    """
    CREATE TABLE dead_letter (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        "group" text NOT NULL,
        origin text NOT NULL,
        event_id uuid,
        shard smallint NOT NULL,
        body bytea NOT NULL,
        context bytea NOT NULL,
        error text NOT NULL,
        parked_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    # The same record parked twice (a crash after the parking, before the offset) is one row.
    'CREATE UNIQUE INDEX dead_letter_once ON dead_letter ("group", coalesce(event_id::text, origin))',
    """
    CREATE TABLE idempotency_key (
        organization_id bigint NOT NULL,
        actor text NOT NULL,
        key text NOT NULL,
        request bytea NOT NULL,
        status smallint NOT NULL,
        body bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (organization_id, actor, key)
    )
    """,
    "CREATE INDEX idempotency_key_age ON idempotency_key (created_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
