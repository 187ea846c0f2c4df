"""The tables of access control."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from regista.kit.tables import created, identity, moment, reference


class Organization(SQLModel, table=True):
    """The tenant: everything belongs to one."""

    id: int = identity()
    aggregate_id: int = reference("aggregate.id", unique=True)
    name: str = Field(sa_type=Text, unique=True)
    created_at: datetime = created()
    retention_days: int = Field(default=90)


class Entity(SQLModel, table=True):
    """What a path begins with: a team, a person's own space, or the organization's registries."""

    id: int = identity()
    organization_id: int = reference("organization.id")
    name: str = Field(sa_type=Text, unique=True)
    kind: str = Field(sa_type=Text)
    created_at: datetime = created()


class Account(SQLModel, table=True):
    """A person or a service account."""

    id: int = identity()
    aggregate_id: int = reference("aggregate.id", unique=True)
    organization_id: int = reference("organization.id")
    kind: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text, unique=True)
    email: str | None = Field(default=None, sa_type=Text)
    organization_role: str = Field(default="member", sa_type=Text)
    default_entity_id: int | None = reference("entity.id", default=None, nullable=True)
    created_at: datetime = created()
    deactivated_at: datetime | None = moment(default=None)


class TeamMember(SQLModel, table=True):
    """An account's role in a team."""

    __tablename__ = "team_member"  # pyright: ignore[reportAssignmentType]

    organization_id: int = reference("organization.id")
    entity_id: int = reference("entity.id", primary_key=True)
    account_id: int = reference("account.id", primary_key=True)
    role: str = Field(sa_type=Text)


class ApiKey(SQLModel, table=True):
    """A key, by its SHA-256: the key itself has 256 random bits, so no slow hash is needed."""

    __tablename__ = "api_key"  # pyright: ignore[reportAssignmentType]

    id: int = identity()
    aggregate_id: int = reference("aggregate.id", unique=True)
    organization_id: int = reference("organization.id")
    account_id: int = reference("account.id")
    digest: bytes = Field(unique=True)
    prefix: str = Field(sa_type=Text)
    name: str | None = Field(default=None, sa_type=Text)
    scope: str = Field(default="admin", sa_type=Text)
    entity_id: int | None = reference("entity.id", default=None, nullable=True)
    created_at: datetime = created()
    expires_at: datetime | None = moment(default=None)
    revoked_at: datetime | None = moment(default=None)
