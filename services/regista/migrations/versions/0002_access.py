"""Access: organizations, entities, people, service accounts, keys, memberships."""

from alembic import op

revision = "0002_access"
down_revision = "0001_log"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE organization (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        aggregate_id bigint NOT NULL UNIQUE REFERENCES aggregate (id),
        name text NOT NULL UNIQUE,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    # What a path begins with: a team, a user's own space, or the organization's registry space. Unique everywhere,
    # since clients name an entity without naming its organization.
    """
    CREATE TABLE entity (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        organization_id bigint NOT NULL REFERENCES organization (id),
        name text NOT NULL UNIQUE,
        kind text NOT NULL CHECK (kind IN ('team', 'user', 'organization')),
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE UNIQUE INDEX entity_of_organization ON entity (organization_id) WHERE kind = 'organization'",
    "CREATE INDEX entity_by_organization ON entity (organization_id, id)",
    # A person or a program; service accounts belong to one team.
    """
    CREATE TABLE account (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        aggregate_id bigint NOT NULL UNIQUE REFERENCES aggregate (id),
        organization_id bigint NOT NULL REFERENCES organization (id),
        kind text NOT NULL CHECK (kind IN ('user', 'service')),
        name text NOT NULL UNIQUE,
        email text,
        organization_role text NOT NULL CHECK (organization_role IN ('member', 'admin')),
        default_entity_id bigint REFERENCES entity (id),
        created_at timestamptz NOT NULL DEFAULT now(),
        deactivated_at timestamptz
    )
    """,
    "CREATE INDEX account_by_organization ON account (organization_id, id)",
    """
    CREATE TABLE team_member (
        organization_id bigint NOT NULL REFERENCES organization (id),
        entity_id bigint NOT NULL REFERENCES entity (id),
        account_id bigint NOT NULL REFERENCES account (id),
        role text NOT NULL CHECK (role IN ('viewer', 'member', 'admin')),
        PRIMARY KEY (entity_id, account_id)
    )
    """,
    "CREATE INDEX team_member_by_account ON team_member (account_id)",
    """
    CREATE TABLE api_key (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        aggregate_id bigint NOT NULL UNIQUE REFERENCES aggregate (id),
        organization_id bigint NOT NULL REFERENCES organization (id),
        account_id bigint NOT NULL REFERENCES account (id),
        digest bytea NOT NULL UNIQUE,
        prefix text NOT NULL,
        name text,
        scope text NOT NULL DEFAULT 'admin' CHECK (scope IN ('read', 'write', 'admin')),
        entity_id bigint REFERENCES entity (id),
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz,
        revoked_at timestamptz
    )
    """,
    "CREATE INDEX api_key_by_account ON api_key (account_id, id)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
