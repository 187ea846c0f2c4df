"""The tables of automations. `decision` and `automation_catalogue` are read and written by SQL text alone."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Column, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from regista.kit.tables import created, identity, moment, reference


class Integration(SQLModel, table=True):
    """What an action may name: an endpoint or a channel of an entity, with the lane that its deliveries wait in."""

    id: int = identity()
    aggregate_id: int = reference("aggregate.id", unique=True)
    organization_id: int = reference("organization.id")
    entity_id: int = reference("entity.id")
    kind: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    lane_id: int = Field(sa_type=BigInteger, unique=True)
    created_at: datetime = created()
    deleted_at: datetime | None = moment(default=None)


class Secret(SQLModel, table=True):
    """A secret of an entity by its name; the value is sealed."""

    id: int = identity()
    aggregate_id: int = reference("aggregate.id", unique=True)
    organization_id: int = reference("organization.id")
    entity_id: int = reference("entity.id")
    name: str = Field(sa_type=Text)
    sealed: bytes
    created_at: datetime = moment()
    updated_at: datetime = moment()


class SecretUse(SQLModel, table=True):
    """An integration refers to a secret."""

    __tablename__ = "secret_use"  # pyright: ignore[reportAssignmentType]

    secret_id: int = reference("secret.id", primary_key=True)
    integration_id: int = reference("integration.id", primary_key=True)
    organization_id: int = Field(sa_type=BigInteger)


class Automation(SQLModel, table=True):
    """An automation: what stays the same over its revisions, and which of them is in force."""

    id: int = identity()
    aggregate_id: int = reference("aggregate.id", unique=True)
    organization_id: int = reference("organization.id")
    entity_id: int | None = reference("entity.id", default=None, nullable=True)
    scope_kind: str = Field(sa_type=Text)
    scope_id: int = Field(sa_type=BigInteger)
    name: str = Field(sa_type=Text)
    revision: int = 1
    enabled: bool
    changed: int = Field(sa_type=BigInteger)
    """The catalogue's version of the last change."""
    created_at: datetime = moment()
    updated_at: datetime = moment()
    deleted_at: datetime | None = moment(default=None)


class AutomationRevision(SQLModel, table=True):
    """One save of an automation; never changed. ``integration_ids`` stands beside ``actions``, one for each."""

    __tablename__ = "automation_revision"  # pyright: ignore[reportAssignmentType]

    automation_id: int = reference("automation.id", primary_key=True)
    revision: int = Field(primary_key=True)
    organization_id: int = Field(sa_type=BigInteger)
    name: str = Field(sa_type=Text)
    description: str | None = Field(default=None, sa_type=Text)
    scope: str = Field(sa_type=Text)
    scope_kind: str = Field(sa_type=Text)
    scope_id: int = Field(sa_type=BigInteger)
    events: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    condition: str | None = Field(default=None, sa_type=Text)
    actions: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    integration_ids: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    limits: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    author: str = Field(sa_type=Text)
    created_at: datetime = moment()
