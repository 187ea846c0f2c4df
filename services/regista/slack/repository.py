"""All SQL of channels, but for that of the integrations that stand behind them."""

from typing import Final, NamedTuple

from regista.effects.repository import Integrations
from regista.kit.db import Transaction

CHANNEL = "regista_slack_channels"
"""Wakes every sender: where a channel's messages go changed."""

ROWS: Final = Integrations("slack_channel", "n.channel, n.workspace, n.token, n.url AS sealed_url")


class NewChannel(NamedTuple):
    """What is stored of a channel: ``token`` or ``url`` is there, sealed."""

    channel: str | None
    workspace: str | None
    token: bytes | None
    url: bytes | None


async def insert(transaction: Transaction, integration: int, organization: int, new: NewChannel) -> None:
    """Insert the channel of an integration."""
    await transaction.connection.execute(
        """
        INSERT INTO slack_channel (integration_id, organization_id, channel, workspace, token, url)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        integration,
        organization,
        *new,
    )


async def update(transaction: Transaction, integration: int, new: NewChannel) -> None:
    """Overwrite a channel."""
    await transaction.connection.execute(
        "UPDATE slack_channel SET channel = $2, workspace = $3, token = $4, url = $5 WHERE integration_id = $1",
        integration,
        *new,
    )


async def forget_secrets(transaction: Transaction, integration: int) -> None:
    """Delete every secret of a channel that is deleted."""
    await transaction.connection.execute("DELETE FROM secret_use WHERE integration_id = $1", integration)
    await transaction.connection.execute(
        "UPDATE slack_channel SET token = NULL, url = NULL WHERE integration_id = $1", integration
    )
