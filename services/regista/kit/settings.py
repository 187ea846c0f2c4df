"""Settings of the whole system, read from ``REGISTA_*`` variables once at start."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Network = IPv4Network | IPv6Network

MIN_KEY: Final = 32
"""Characters of a secret key: HKDF spreads entropy, it does not make any."""
MAKE_KEY: Final = "openssl rand -hex 32"
_STORES = ("s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss", "https", "http")
"""Schemes that obstore reads; each needs a bucket, a container or a host."""


def secret_keys(text: str) -> list[str]:
    """Return the secret keys in a setting, newest first. Raises `ValueError` for one that is too short or stands twice."""
    keys = [part.strip() for part in text.split(",")]
    if any(len(key) < MIN_KEY for key in keys):
        raise ValueError(f"it holds a key shorter than {MIN_KEY} characters; make one with: {MAKE_KEY}")
    if len(set(keys)) != len(keys):
        raise ValueError("it holds the same key twice; remove one")
    return keys


class Settings(BaseSettings):
    """Every setting with its default; ``regista doctor`` prints them with secrets masked."""

    model_config = SettingsConfigDict(env_prefix="REGISTA_", frozen=True, extra="ignore", hide_input_in_errors=True)

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
    def _networks(cls, value: object) -> object:
        return (
            tuple(_network(part.strip()) for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("secret_key")
    @classmethod
    def _strong(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            secret_keys(value.get_secret_value())
        return value

    @field_validator("public_url")
    @classmethod
    def _reachable(cls, value: str | None) -> str | None:
        if not value:
            return None
        wrong = f"{value!r} is no URL that users could reach; write http://HOST or https://HOST"
        try:
            url = urlsplit(value)
            usable = url.scheme in {"http", "https"} and url.hostname and url.port != 0
        except ValueError:
            usable = False
        if not usable or re.search(r"[\s?#]", value):
            raise ValueError(wrong)
        return value

    @field_validator("artifact_store")
    @classmethod
    def _storing(cls, value: str | None) -> str | None:
        if not value:
            return None
        url = urlsplit(value)
        if (url.scheme == "file" and url.netloc in {"", "localhost"} and url.path.strip("/")) or (
            url.scheme in _STORES and url.netloc
        ):
            return value
        raise ValueError(
            f"{value!r} names no store; write file:///DIRECTORY, s3://BUCKET, gs://BUCKET or az://CONTAINER"
        )


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        try:
            meant = f"write {ip_network(text, strict=False)}"
        except ValueError:
            meant = "write one as 10.0.0.0/8, or an address"
        raise ValueError(f"{text!r} is no network; {meant}") from None
