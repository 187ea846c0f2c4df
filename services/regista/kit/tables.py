"""Column kinds that every slice's tables share, so that models and migrations say the same."""

from typing import Any

from sqlalchemy import BigInteger, Column, Computed, DateTime, Identity, SmallInteger, Table, func
from sqlmodel import Field, SQLModel

aggregate = Table(
    "aggregate",
    SQLModel.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("organization_id", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False, server_default="0"),
    Column("shard", SmallInteger, Computed("((id % 16)::smallint)", persisted=True), nullable=False),
)
"""Here so that other tables can refer to it; `regista.kit.aggregate` is the only writer."""


def identity() -> Any:
    """Return a bigint primary key that the database numbers."""
    return Field(default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)])


def reference(target: str, **options: Any) -> Any:
    """Return a bigint column that refers to ``table.column``."""
    return Field(sa_type=BigInteger, foreign_key=target, **options)


def moment(**options: Any) -> Any:
    """Return a timestamp with time zone."""
    return Field(sa_type=DateTime(timezone=True), **options)  # pyright: ignore[reportCallIssue, reportArgumentType]


def created() -> Any:
    """Return a timestamp that the database sets when the row is made."""
    return moment(default=None, sa_column_kwargs={"server_default": func.now(), "nullable": False})
