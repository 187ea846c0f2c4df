"""Registries: members and their roles, accepted types; and the entity that holds them, in every organization."""

from alembic import op

revision = "0011_registries"
down_revision = "0010_manifests"
branch_labels = None
depends_on = None

_STATEMENTS: tuple[str, ...] = (
    # A registry's description and visibility are its project's.
    """
    UPDATE project p SET visibility = r.visibility, description = coalesce(r.description, p.description)
    FROM registry r WHERE r.project_id = p.id
    """,
    "ALTER TABLE registry DROP COLUMN description, DROP COLUMN visibility",
    # Which types a registry lists and whether it takes others are two things: a registry that takes all may list some.
    "ALTER TABLE registry ADD COLUMN accepts_all boolean NOT NULL DEFAULT true",
    "UPDATE registry SET accepts_all = false WHERE artifact_types <> '{}'",
    # A role in a registry (a project that has members), of an account or of a team with all who are in it.
    """
    CREATE TABLE project_member (
        organization_id bigint NOT NULL REFERENCES organization (id),
        project_id bigint NOT NULL REFERENCES project (id) ON DELETE CASCADE,
        account_id bigint REFERENCES account (id),
        entity_id bigint REFERENCES entity (id),
        role text NOT NULL CHECK (role IN ('restricted_viewer', 'viewer', 'member', 'admin')),
        created_at timestamptz NOT NULL DEFAULT now(),
        CHECK (num_nonnulls(account_id, entity_id) = 1),
        UNIQUE NULLS NOT DISTINCT (project_id, account_id, entity_id)
    )
    """,
    "CREATE INDEX project_member_by_account ON project_member (account_id) WHERE account_id IS NOT NULL",
    "CREATE INDEX project_member_by_entity ON project_member (entity_id) WHERE entity_id IS NOT NULL",
    "CREATE INDEX account_by_email ON account (organization_id, lower(email)) WHERE email IS NOT NULL",
    # What `bootstrap` makes with an organization, for any that came without.
    """
    INSERT INTO entity (organization_id, name, kind)
    SELECT o.id,
           CASE WHEN EXISTS (SELECT FROM entity e WHERE e.name = o.name || '-org')
                     OR EXISTS (SELECT FROM account a WHERE a.name = o.name || '-org')
                THEN o.name || '-org-' || o.id ELSE o.name || '-org' END,
           'organization'
    FROM organization o
    WHERE NOT EXISTS (SELECT FROM entity e WHERE e.organization_id = o.id AND e.kind = 'organization')
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
