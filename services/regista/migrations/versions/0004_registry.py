"""Registry: collections, versions, memberships, aliases, tags, lineage, blobs."""

from alembic import op

revision = "0004_registry"
down_revision = "0003_tracking"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # A project of the organization's own entity whose collections have members and rules of their own.
    """
    CREATE TABLE registry (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        aggregate_id bigint NOT NULL UNIQUE REFERENCES aggregate (id),
        organization_id bigint NOT NULL REFERENCES organization (id),
        entity_id bigint NOT NULL REFERENCES entity (id),
        project_id bigint NOT NULL UNIQUE REFERENCES project (id),
        name text NOT NULL,
        description text,
        visibility text NOT NULL DEFAULT 'organization' CHECK (visibility IN ('organization', 'private')),
        artifact_types text[] NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (organization_id, name)
    )
    """,
    # `next_index` only grows: an index is never given twice, whatever is unlinked or deleted.
    """
    CREATE TABLE collection (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        aggregate_id bigint NOT NULL UNIQUE REFERENCES aggregate (id),
        organization_id bigint NOT NULL,
        entity_id bigint NOT NULL REFERENCES entity (id),
        project_id bigint NOT NULL REFERENCES project (id),
        registry_id bigint REFERENCES registry (id),
        name text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('sequence', 'portfolio')),
        type text NOT NULL,
        description text,
        visibility text CHECK (visibility IN ('entity', 'organization', 'private')),
        next_index bigint NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (project_id, name)
    )
    """,
    "CREATE INDEX collection_by_project ON collection (project_id, id)",
    "CREATE INDEX collection_by_registry ON collection (registry_id, id) WHERE registry_id IS NOT NULL",
    # What a client calls a sequence before the server has given it an id.
    """
    CREATE TABLE sequence_client (
        organization_id bigint NOT NULL,
        client_id text NOT NULL,
        collection_id bigint NOT NULL REFERENCES collection (id) ON DELETE CASCADE,
        PRIMARY KEY (organization_id, client_id)
    )
    """,
    "CREATE INDEX sequence_client_by_collection ON sequence_client (collection_id)",
    # Content, once per organization. Two contents of one MD5 and size are a forgery: the second is refused.
    """
    CREATE TABLE blob (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        organization_id bigint NOT NULL,
        sha256 bytea NOT NULL CHECK (length(sha256) = 32),
        md5 bytea NOT NULL CHECK (length(md5) = 16),
        size bigint NOT NULL CHECK (size >= 0),
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (organization_id, md5, size)
    )
    """,
    # A version's content. Only description, metadata, time to live and state ever change.
    """
    CREATE TABLE artifact (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        organization_id bigint NOT NULL,
        collection_id bigint NOT NULL REFERENCES collection (id),
        state text NOT NULL CHECK (state IN ('pending', 'committed', 'deleted')),
        digest text NOT NULL,
        size bigint NOT NULL DEFAULT 0,
        file_count bigint NOT NULL DEFAULT 0,
        metadata jsonb NOT NULL DEFAULT '{}',
        description text,
        ttl_seconds bigint CHECK (ttl_seconds > 0),
        run_id bigint REFERENCES run (id) ON DELETE SET NULL,
        client_id text,
        aliases text[] NOT NULL DEFAULT '{}',
        account_id bigint REFERENCES account (id),
        created_at timestamptz NOT NULL DEFAULT now(),
        committed_at timestamptz,
        updated_at timestamptz NOT NULL DEFAULT now(),
        deleted_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX artifact_by_client ON artifact (organization_id, client_id) WHERE client_id IS NOT NULL",
    # The collection's lock makes the check and the commit one; the index makes certain of it.
    "CREATE UNIQUE INDEX artifact_by_digest ON artifact (collection_id, digest) WHERE state = 'committed'",
    "CREATE INDEX artifact_by_collection ON artifact (collection_id, id)",
    "CREATE INDEX artifact_by_run ON artifact (run_id) WHERE run_id IS NOT NULL",
    "CREATE INDEX artifact_pending ON artifact (created_at) WHERE state = 'pending'",
    # `digest` is base64 MD5 for content, and whatever the reference's store says for a reference.
    """
    CREATE TABLE manifest_entry (
        artifact_id bigint NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
        path text COLLATE "C" NOT NULL,
        digest text NOT NULL,
        size bigint NOT NULL,
        md5 bytea,
        reference text,
        extra jsonb,
        blob_id bigint REFERENCES blob (id),
        PRIMARY KEY (artifact_id, path)
    )
    """,
    "CREATE INDEX manifest_entry_by_blob ON manifest_entry (blob_id) WHERE blob_id IS NOT NULL",
    # A version in a collection, under that collection's own index. MLflow may register one version several times.
    """
    CREATE TABLE membership (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        organization_id bigint NOT NULL,
        collection_id bigint NOT NULL REFERENCES collection (id),
        artifact_id bigint NOT NULL REFERENCES artifact (id),
        version_index bigint NOT NULL,
        source_uri text,
        source_run text,
        account_id bigint REFERENCES account (id),
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (collection_id, version_index)
    )
    """,
    "CREATE INDEX membership_by_artifact ON membership (artifact_id, collection_id)",
    # Moving an alias rewrites no indexed column of its key, and an update in place needs room.
    """
    CREATE TABLE alias (
        collection_id bigint NOT NULL,
        name text NOT NULL,
        organization_id bigint NOT NULL,
        membership_id bigint NOT NULL REFERENCES membership (id),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (collection_id, name)
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX alias_by_membership ON alias (membership_id)",
    # Of one collection, or with `collection_id` null of every collection of the project.
    """
    CREATE TABLE protected_alias (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        organization_id bigint NOT NULL,
        project_id bigint NOT NULL REFERENCES project (id) ON DELETE CASCADE,
        collection_id bigint REFERENCES collection (id) ON DELETE CASCADE,
        alias text NOT NULL,
        approvals smallint NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE NULLS NOT DISTINCT (project_id, collection_id, alias)
    )
    """,
    """
    CREATE TABLE collection_tag (
        collection_id bigint NOT NULL REFERENCES collection (id) ON DELETE CASCADE,
        name text NOT NULL,
        value text,
        PRIMARY KEY (collection_id, name)
    )
    """,
    # A tag of the version everywhere, and a tag of it in one collection, which wins where both have the name.
    """
    CREATE TABLE artifact_tag (
        artifact_id bigint NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
        name text NOT NULL,
        value text,
        PRIMARY KEY (artifact_id, name)
    )
    """,
    """
    CREATE TABLE membership_tag (
        membership_id bigint NOT NULL REFERENCES membership (id) ON DELETE CASCADE,
        name text NOT NULL,
        value text,
        PRIMARY KEY (membership_id, name)
    )
    """,
    # output: the run logged the version; input: the run used it.
    """
    CREATE TABLE lineage (
        artifact_id bigint NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
        run_id bigint NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        direction text NOT NULL CHECK (direction IN ('input', 'output')),
        organization_id bigint NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (artifact_id, run_id, direction)
    )
    """,
    "CREATE INDEX lineage_by_run ON lineage (run_id, direction)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
