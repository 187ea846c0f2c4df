"""Registry: drafts, manifests as clients send them, multipart uploads, time to live."""

from alembic import op

revision = "0010_manifests"
down_revision = "0009_run_data"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # `history_step`: the step of the run's history at which it was logged. `distributed_id`: what several runs that fill
    # one version call it until it is committed. `twin_id`: the version that has its content, where a commit found one.
    """
    ALTER TABLE artifact ADD COLUMN history_step bigint, ADD COLUMN distributed_id text,
        ADD COLUMN expires_at timestamptz, ADD COLUMN twin_id bigint REFERENCES artifact (id) ON DELETE SET NULL
    """,
    """
    CREATE UNIQUE INDEX artifact_by_distributed_id ON artifact (collection_id, distributed_id)
    WHERE distributed_id IS NOT NULL AND state = 'pending'
    """,
    "CREATE INDEX artifact_expiring ON artifact (expires_at) WHERE expires_at IS NOT NULL AND state = 'committed'",
    "CREATE INDEX artifact_by_twin ON artifact (twin_id) WHERE twin_id IS NOT NULL",
    """
    UPDATE artifact SET expires_at = created_at + least(ttl_seconds, 9000000000) * interval '1 second'
    WHERE ttl_seconds IS NOT NULL
    """,
    # What clients call an artifact before the server has given it an id: several may call one by ids of their own.
    """
    CREATE TABLE artifact_client (
        organization_id bigint NOT NULL,
        client_id text NOT NULL,
        artifact_id bigint NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
        PRIMARY KEY (organization_id, client_id)
    )
    """,
    "CREATE INDEX artifact_client_by_artifact ON artifact_client (artifact_id)",
    """
    INSERT INTO artifact_client (organization_id, client_id, artifact_id)
    SELECT organization_id, client_id, id FROM artifact WHERE client_id IS NOT NULL
    """,
    "ALTER TABLE artifact DROP COLUMN client_id",
    # Content that somebody has brought to a collection: what a manifest there may name without bringing it again. To
    # know the MD5 of what other people have is not to have it. `artifact_id` is the artifact that it was brought for.
    """
    CREATE TABLE held_blob (
        collection_id bigint NOT NULL REFERENCES collection (id) ON DELETE CASCADE,
        blob_id bigint NOT NULL REFERENCES blob (id),
        artifact_id bigint NOT NULL,
        PRIMARY KEY (collection_id, blob_id)
    )
    """,
    "CREATE INDEX held_blob_by_blob ON held_blob (blob_id)",
    """
    INSERT INTO held_blob (collection_id, blob_id, artifact_id)
    SELECT a.collection_id, m.blob_id, min(a.id) FROM manifest_entry m JOIN artifact a ON a.id = m.artifact_id
    WHERE m.blob_id IS NOT NULL GROUP BY a.collection_id, m.blob_id
    """,
    "ALTER TABLE manifest_entry ADD COLUMN birth_artifact_id bigint",
    # A manifest that is uploaded as a file. `md5` is null until its file is announced; `arrived` once that is staged.
    # full: all files. incremental: files over those of `base_artifact_id`. patch: files, one part of several.
    """
    CREATE TABLE artifact_manifest (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        artifact_id bigint NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
        kind text NOT NULL CHECK (kind IN ('full', 'incremental', 'patch')),
        name text NOT NULL,
        md5 bytea CHECK (length(md5) = 16),
        arrived boolean NOT NULL DEFAULT false,
        base_artifact_id bigint,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE UNIQUE INDEX artifact_manifest_full ON artifact_manifest (artifact_id) WHERE kind = 'full'",
    "CREATE INDEX artifact_manifest_by_artifact ON artifact_manifest (artifact_id)",
    # What a run calls a version that it uses.
    "ALTER TABLE lineage ADD COLUMN used_as text",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
