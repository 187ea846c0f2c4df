"""All SQL of webhooks, but for that of the integrations that endpoints stand behind."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from regista.effects.repository import Integrations
from regista.kit.db import Transaction

CHANNEL = "regista_endpoints"
"""Wakes every sender: an endpoint, or a key of one, changed."""

ROWS: Final = Integrations(
    "endpoint",
    """
    n.form, n.url, n.timeout_seconds, n.signature, n.wandb_signature, n.wandb_secret, n.header_names, n.headers,
    n.access_token
    """,
)
_LIVE_KEYS = """
SELECT sealed, public_key, created_at, expires_at FROM webhook_key
WHERE integration_id = $1 AND (expires_at IS NULL OR expires_at > clock_timestamp())
ORDER BY expires_at DESC NULLS FIRST, id DESC
"""


class NewEndpoint(NamedTuple):
    """What is stored of an endpoint; ``headers`` and ``access_token`` are sealed, ``wandb_secret`` is a name."""

    url: str
    timeout_seconds: float
    signature: str
    wandb_signature: bool
    wandb_secret: str | None
    header_names: Sequence[str]
    headers: bytes | None
    access_token: bytes | None


async def insert(transaction: Transaction, integration: int, organization: int, new: NewEndpoint) -> None:
    """Insert the endpoint of an integration."""
    await transaction.connection.execute(
        """
        INSERT INTO endpoint (integration_id, organization_id, url, timeout_seconds, signature, wandb_signature,
                              wandb_secret, header_names, headers, access_token)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        integration,
        organization,
        *new._replace(header_names=list(new.header_names)),
    )


async def update(transaction: Transaction, integration: int, new: NewEndpoint) -> None:
    """Overwrite an endpoint; how it is signed stays."""
    await transaction.connection.execute(
        """
        UPDATE endpoint SET url = $2, timeout_seconds = $3, wandb_signature = $4, header_names = $5, headers = $6,
                            access_token = $7, wandb_secret = $8
        WHERE integration_id = $1
        """,
        integration,
        new.url,
        new.timeout_seconds,
        new.wandb_signature,
        list(new.header_names),
        new.headers,
        new.access_token,
        new.wandb_secret,
    )


async def forget_secrets(transaction: Transaction, integration: int) -> None:
    """Delete every secret of an endpoint that is deleted."""
    await transaction.connection.execute("DELETE FROM webhook_key WHERE integration_id = $1", integration)
    await transaction.connection.execute("DELETE FROM secret_use WHERE integration_id = $1", integration)
    await transaction.connection.execute(
        "UPDATE endpoint SET headers = NULL, access_token = NULL, header_names = '{}' WHERE integration_id = $1",
        integration,
    )


async def live_keys(transaction: Transaction, integration: int) -> list[asyncpg.Record]:
    """Return ``sealed, public_key, created_at, expires_at`` of the keys that sign now, the newest first."""
    return await transaction.connection.fetch(_LIVE_KEYS, integration)


async def live_keys_of(transaction: Transaction, integrations: Sequence[int]) -> dict[int, list[asyncpg.Record]]:
    """Return ``public_key, created_at, expires_at`` of the keys that sign now, the newest first, by integration."""
    rows = await transaction.connection.fetch(
        """
        SELECT integration_id, public_key, created_at, expires_at FROM webhook_key
        WHERE integration_id = ANY($1::bigint[]) AND (expires_at IS NULL OR expires_at > clock_timestamp())
        ORDER BY expires_at DESC NULLS FIRST, id DESC
        """,
        list(integrations),
    )
    found: dict[int, list[asyncpg.Record]] = {integration: [] for integration in integrations}
    for row in rows:
        found[row["integration_id"]].append(row)
    return found


async def retire_keys(transaction: Transaction, integration: int, now: datetime, until: datetime | None) -> None:
    """Let the newest key expire at ``until`` and drop the expired ones; None drops every key at once."""
    if until is not None:
        await transaction.connection.execute(
            "UPDATE webhook_key SET expires_at = $2 WHERE integration_id = $1 AND expires_at IS NULL",
            integration,
            until,
        )
    await transaction.connection.execute(
        "DELETE FROM webhook_key WHERE integration_id = $1 AND ($3 OR expires_at <= $2)",
        integration,
        now,
        until is None,
    )


async def insert_key(
    transaction: Transaction, integration: int, organization: int, sealed: bytes, public: str | None, now: datetime
) -> None:
    """Insert the key that is the newest from now on."""
    await transaction.connection.execute(
        """
        INSERT INTO webhook_key (integration_id, organization_id, sealed, public_key, created_at)
        VALUES ($1, $2, $3, $4, $5)
        """,
        integration,
        organization,
        sealed,
        public,
        now,
    )
