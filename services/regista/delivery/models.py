"""The tables of delivery that people read. Owners' and planners' own are read and written by SQL text alone."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Computed, Float, Identity, SmallInteger, Text
from sqlmodel import Field, SQLModel

from regista.kit.tables import created, identity, moment


class LaneRow(SQLModel, table=True):
    """An endpoint or channel: how it is sent to, and how it has fared lately."""

    __tablename__ = "lane"  # pyright: ignore[reportAssignmentType]

    id: int = identity()
    shard: int = Field(
        sa_column=Column(SmallInteger, Computed("((id % 64)::smallint)", persisted=True), nullable=False)
    )
    organization_id: int = Field(sa_type=BigInteger)
    entity_id: int | None = Field(default=None, sa_type=BigInteger)
    kind: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    concurrency: int = Field(sa_type=SmallInteger)
    throttle_count: int | None = None
    throttle_seconds: float | None = Field(default=None, sa_type=Float(53))  # pyright: ignore[reportArgumentType] - an instance is a type too
    state: str = Field(default="active", sa_type=Text)
    disabled_reason: str | None = Field(default=None, sa_type=Text)
    failures: int = 0
    failing_since: datetime | None = moment(default=None)
    failing: bool = False
    created_at: datetime = created()


class DeliveryRow(SQLModel, table=True):
    """A row of the ledger."""

    __tablename__ = "delivery"  # pyright: ignore[reportAssignmentType]

    position: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False))
    id: UUID = Field(primary_key=True)
    organization_id: int = Field(sa_type=BigInteger)
    lane_id: int = Field(sa_type=BigInteger)
    event_id: UUID
    automation_id: int = Field(sa_type=BigInteger)
    action_index: int = Field(sa_type=SmallInteger)
    revision: int
    replay_id: UUID | None = None
    state: str = Field(default="pending", sa_type=Text)
    attempts: int = Field(default=0, sa_type=SmallInteger)
    created_at: datetime = created()
    finished_at: datetime | None = moment(default=None)
    payload: bytes | None = None


class AttemptRow(SQLModel, table=True):
    """One attempt at a delivery; ``headers`` are the response's, one ``name: value`` a line."""

    __tablename__ = "attempt"  # pyright: ignore[reportAssignmentType]

    delivery_id: UUID = Field(primary_key=True)
    number: int = Field(sa_type=SmallInteger, primary_key=True)
    manual: bool
    started_at: datetime = moment()
    seconds: float = Field(sa_type=Float(24))  # pyright: ignore[reportArgumentType] - an instance is a type too
    status: int | None = Field(default=None, sa_type=SmallInteger)
    error: str | None = Field(default=None, sa_type=Text)
    truncated: bool
    headers: str = Field(sa_type=Text)
    body: bytes
