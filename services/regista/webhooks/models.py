"""The tables of webhooks."""

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, Column, Text
from sqlmodel import Field, SQLModel

from regista.kit.tables import identity, moment, reference


class Endpoint(SQLModel, table=True):
    """Where a webhook goes and how it is signed; ``headers`` and ``access_token`` are sealed."""

    integration_id: int = reference("integration.id", primary_key=True)
    organization_id: int = Field(sa_type=BigInteger)
    form: str = Field(default="regista", sa_type=Text)
    url: str = Field(sa_type=Text)
    timeout_seconds: float
    signature: str = Field(sa_type=Text)
    wandb_signature: bool = False
    header_names: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    headers: bytes | None = None
    access_token: bytes | None = None


class WebhookKey(SQLModel, table=True):
    """A signing key, sealed; ``expires_at`` is None for the newest."""

    __tablename__ = "webhook_key"  # pyright: ignore[reportAssignmentType]

    id: int = identity()
    integration_id: int = reference("integration.id")
    organization_id: int = Field(sa_type=BigInteger)
    sealed: bytes
    public_key: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = moment()
    expires_at: datetime | None = moment(default=None)
