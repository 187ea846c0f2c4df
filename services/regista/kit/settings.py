"""Settings of the whole system, read from ``REGISTA_*`` variables once at start."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Network = IPv4Network | IPv6Network


class Settings(BaseSettings):
    """Every setting with its default; ``regista doctor`` prints them with secrets masked."""

    model_config = SettingsConfigDict(env_prefix="REGISTA_", frozen=True, extra="ignore")

    database_url: SecretStr | None = Field(
        default=None, description="libpq URL of PostgreSQL 15 or newer; unset: an embedded server in the data directory"
    )
    database_pool: int = Field(default=6, ge=2, le=200, description="connections each process may open")
    kafka_bootstrap_servers: str | None = Field(default=None, description="host:port,…; unset: the local bus")
    kafka_replication: int = Field(
        default=1, ge=1, le=9, description="replication factor of the topics made by migrate"
    )
    data_dir: Path = Field(default=Path(".regista"), description="the embedded server, blobs and generated keys")
    public_url: str | None = Field(default=None, description="the URL users reach; unset: the address listened on")
    secret_key: SecretStr | None = Field(
        default=None, description="encrypts secrets and signs URLs; several, newest first, separated by commas"
    )
    admin_api_key: SecretStr | None = Field(default=None, description="key of the first admin; unset: generated")
    organization: str = Field(default="home", description="name of the organization made at the first start")
    team: str = Field(default="team", description="name of the team made at the first start")
    admin: str = Field(default="admin", description="name of the admin made at the first start")
    artifact_store: str | None = Field(
        default=None, description="file://…, s3://…, gs://… or az://…; unset: data_dir/blobs"
    )
    artifact_max_bytes: int = Field(default=64 * 2**30, ge=1, description="bytes that one file of an artifact may have")
    webhook_allowed_networks: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(), description="CIDRs that webhooks may reach although they are private"
    )
    slack_api_url: str = Field(
        default="https://slack.com/api/", description="where Slack's methods are called; another for a proxy, or a test"
    )
    upkeep_seconds: float = Field(
        default=30, gt=0, le=86400, description="seconds between two looks for what became due by itself"
    )
    run_silence_seconds: float = Field(
        default=300, ge=1, le=86400, description="seconds without a sign of life after which a run has crashed"
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("webhook_allowed_networks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
