"""Tracking: what runs log: lines of history, system events and output, and files."""

from alembic import op

revision = "0009_run_data"
down_revision = "0008_audit"
branch_labels = None
depends_on = None

_STATEMENTS: tuple[str, ...] = (
    "ALTER TABLE run ADD COLUMN stop_requested_at timestamptz",
    # Whose silence is watched. Its columns are not those that a heartbeat writes: heartbeats stay on their page.
    "CREATE INDEX run_alive ON run (id) WHERE state IN ('running', 'preempting')",
    # How far each stream (0 history, 1 system events, 2 output) has come: `lines` is one more than the last line's
    # number. `base` is where the numbers of the present session begin; `pending` says that another session has begun
    # and that its first line will tell where. `last_step` is the highest step there is.
    """
    CREATE TABLE run_stream (
        run_id bigint NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        stream smallint NOT NULL CHECK (stream BETWEEN 0 AND 2),
        lines bigint NOT NULL DEFAULT 0,
        base bigint NOT NULL DEFAULT 0,
        pending boolean NOT NULL DEFAULT false,
        last_step bigint,
        PRIMARY KEY (run_id, stream)
    )
    """,
    # One line as it came. Without a foreign key, which would be checked for each of ten thousand lines: lines are written
    # under the lock of their run, and cleared away after it (`run_discarded`).
    """
    CREATE TABLE run_line (
        run_id bigint NOT NULL,
        stream smallint NOT NULL,
        line bigint NOT NULL,
        step bigint,
        body bytea NOT NULL,
        PRIMARY KEY (run_id, stream, line)
    )
    """,
    "CREATE INDEX run_line_by_step ON run_line (run_id, step, line) WHERE stream = 0",
    # The different sets of metrics that lines of a run have: metric → type. A run has few of them.
    """
    CREATE TABLE run_shape (
        run_id bigint NOT NULL,
        stream smallint NOT NULL,
        digest bytea NOT NULL CHECK (length(digest) = 16),
        metrics jsonb NOT NULL,
        PRIMARY KEY (run_id, stream, digest)
    )
    """,
    # Which lines have a shape: a bit for each of the 4096 lines of a block.
    """
    CREATE TABLE run_place (
        run_id bigint NOT NULL,
        stream smallint NOT NULL,
        digest bytea NOT NULL,
        block bigint NOT NULL,
        places bit(4096) NOT NULL,
        PRIMARY KEY (run_id, stream, digest, block)
    ) WITH (fillfactor = 70)
    """,
    # Clients that write to one run side by side, each counting its own lines: those of writer n begin at n * 2^40.
    """
    CREATE TABLE run_writer (
        run_id bigint NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        name text NOT NULL,
        number bigint NOT NULL,
        PRIMARY KEY (run_id, name)
    )
    """,
    # Runs that are gone and whose lines are not yet.
    """
    CREATE TABLE run_discarded (
        run_id bigint PRIMARY KEY,
        organization_id bigint NOT NULL
    )
    """,
    """
    CREATE TABLE run_file (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        organization_id bigint NOT NULL,
        run_id bigint NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        name text NOT NULL,
        sha256 bytea NOT NULL CHECK (length(sha256) = 32),
        md5 bytea NOT NULL CHECK (length(md5) = 16),
        size bigint NOT NULL CHECK (size >= 0),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (run_id, name)
    )
    """,
    "CREATE INDEX run_file_by_content ON run_file (organization_id, sha256)",
    # When an alert of a title was last raised by a run: the next waits.
    """
    CREATE TABLE run_alert (
        run_id bigint NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        title text NOT NULL,
        raised_at timestamptz NOT NULL,
        PRIMARY KEY (run_id, title)
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
