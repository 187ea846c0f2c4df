"""Automations: where they may send to, what they are, their revisions, and what was decided."""

from alembic import op

revision = "0005_automations"
down_revision = "0004_registry"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # One row. Every save takes the next number under this row's lock, so numbers commit in order, and a reader that
    # has seen one has seen all below it.
    """
    CREATE TABLE automation_catalogue (
        id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
        version bigint NOT NULL DEFAULT 0
    ) WITH (fillfactor = 10)
    """,
    "INSERT INTO automation_catalogue DEFAULT VALUES",
    # What an action may name: an endpoint or a channel. The slice that sends keeps the rest under the same id.
    """
    CREATE TABLE integration (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        aggregate_id bigint NOT NULL UNIQUE REFERENCES aggregate (id),
        organization_id bigint NOT NULL REFERENCES organization (id),
        entity_id bigint NOT NULL REFERENCES entity (id),
        kind text NOT NULL CHECK (kind IN ('webhook', 'slack')),
        name text NOT NULL,
        lane_id bigint NOT NULL UNIQUE,
        created_at timestamptz NOT NULL DEFAULT now(),
        deleted_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX integration_name ON integration (entity_id, name) WHERE deleted_at IS NULL",
    "CREATE INDEX integration_by_organization ON integration (organization_id, kind, id)",
    """
    CREATE TABLE secret (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        aggregate_id bigint NOT NULL UNIQUE REFERENCES aggregate (id),
        organization_id bigint NOT NULL REFERENCES organization (id),
        entity_id bigint NOT NULL REFERENCES entity (id),
        name text NOT NULL,
        sealed bytea NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        UNIQUE (entity_id, name)
    )
    """,
    "CREATE INDEX secret_by_organization ON secret (organization_id, id)",
    """
    CREATE TABLE secret_use (
        secret_id bigint NOT NULL REFERENCES secret (id),
        integration_id bigint NOT NULL REFERENCES integration (id),
        organization_id bigint NOT NULL,
        PRIMARY KEY (secret_id, integration_id)
    )
    """,
    "CREATE INDEX secret_use_by_integration ON secret_use (integration_id)",
    """
    CREATE TABLE automation (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        aggregate_id bigint NOT NULL UNIQUE REFERENCES aggregate (id),
        organization_id bigint NOT NULL REFERENCES organization (id),
        entity_id bigint REFERENCES entity (id),
        scope_kind text NOT NULL CHECK (scope_kind IN ('org', 'entity', 'project', 'registry', 'collection')),
        scope_id bigint NOT NULL,
        name text NOT NULL,
        revision integer NOT NULL DEFAULT 1,
        enabled boolean NOT NULL,
        changed bigint NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        deleted_at timestamptz
    )
    """,
    """
    CREATE UNIQUE INDEX automation_name ON automation (organization_id, scope_kind, scope_id, name)
    WHERE deleted_at IS NULL
    """,
    "CREATE INDEX automation_by_organization ON automation (organization_id, id) WHERE deleted_at IS NULL",
    "CREATE INDEX automation_changed ON automation (changed)",
    """
    CREATE TABLE automation_revision (
        automation_id bigint NOT NULL REFERENCES automation (id),
        revision integer NOT NULL,
        organization_id bigint NOT NULL,
        name text NOT NULL,
        description text,
        scope text NOT NULL,
        scope_kind text NOT NULL,
        scope_id bigint NOT NULL,
        events text[] NOT NULL,
        condition text,
        actions jsonb NOT NULL,
        integration_ids bigint[] NOT NULL,
        limits jsonb,
        author text NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (automation_id, revision)
    )
    """,
    "CREATE INDEX automation_revision_by_integration ON automation_revision USING gin (integration_ids)",
    # No foreign keys: one row is written for every event that an automation meets.
    """
    CREATE TABLE decision (
        organization_id bigint NOT NULL,
        event_id uuid NOT NULL,
        automation_id bigint NOT NULL,
        replay_id uuid,
        revision integer NOT NULL,
        verdict text NOT NULL CHECK (verdict IN ('fire', 'skipped')),
        reason text,
        "values" jsonb,
        decided_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE NULLS NOT DISTINCT (event_id, automation_id, replay_id)
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
