"""Tracking: projects and runs."""

from alembic import op

revision = "0003_tracking"
down_revision = "0002_access"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # `title` is the name as it was given where no project may be called that.
    """
    CREATE TABLE project (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        aggregate_id bigint NOT NULL UNIQUE REFERENCES aggregate (id),
        organization_id bigint NOT NULL REFERENCES organization (id),
        entity_id bigint NOT NULL REFERENCES entity (id),
        name text NOT NULL,
        title text,
        description text,
        visibility text NOT NULL DEFAULT 'entity' CHECK (visibility IN ('entity', 'organization', 'private')),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (entity_id, name)
    )
    """,
    "CREATE INDEX project_by_entity ON project (entity_id, id)",
    # `name` is the id in paths. Heartbeats rewrite a row many times: leave them room on its page.
    """
    CREATE TABLE run (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        aggregate_id bigint NOT NULL UNIQUE REFERENCES aggregate (id),
        organization_id bigint NOT NULL,
        project_id bigint NOT NULL REFERENCES project (id),
        name text NOT NULL,
        display_name text NOT NULL,
        state text NOT NULL DEFAULT 'running' CHECK (state IN
            ('pending', 'running', 'finished', 'failed', 'crashed', 'killed', 'preempting', 'preempted')),
        config jsonb NOT NULL DEFAULT '{}',
        summary jsonb NOT NULL DEFAULT '{}',
        tags text[] NOT NULL DEFAULT '{}',
        notes text,
        run_group text,
        job_type text,
        program text,
        host text,
        repository text,
        commit text,
        sweep text,
        exit_code integer,
        account_id bigint REFERENCES account (id),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        heartbeat_at timestamptz,
        finished_at timestamptz,
        UNIQUE (project_id, name)
    ) WITH (fillfactor = 80)
    """,
    "CREATE INDEX run_by_project ON run (project_id, id)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
