"""All SQL of channels, but for that of the integrations that stand behind them."""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from regista.kit.db import Transaction

CHANNEL = "regista_slack_channels"
"""Wakes every sender: where a channel's messages go changed."""

_SHOWN = """
SELECT i.id, i.kind, i.aggregate_id, i.organization_id, o.name AS organization, i.entity_id, e.name AS entity,
       e.kind AS entity_kind, i.name, i.lane_id, i.created_at, i.deleted_at,
       c.channel, c.workspace, c.token, c.url AS sealed_url, NULL AS url,
       l.state, l.disabled_reason, l.failing
FROM integration i
JOIN slack_channel c ON c.integration_id = i.id
JOIN entity e ON e.id = i.entity_id
JOIN organization o ON o.id = i.organization_id
JOIN lane l ON l.id = i.lane_id
"""


class NewChannel(NamedTuple):
    """What is stored of a channel: ``token`` or ``url`` is there, sealed."""

    channel: str | None
    workspace: str | None
    token: bytes | None
    url: bytes | None


async def one(transaction: Transaction, organization: int, integration: int) -> asyncpg.Record | None:
    """Return a channel that is not deleted, with the state of its lane."""
    return await transaction.connection.fetchrow(
        _SHOWN + " WHERE i.organization_id = $1 AND i.id = $2 AND i.deleted_at IS NULL", organization, integration
    )


async def by_ids(transaction: Transaction, organization: int, integrations: Sequence[int]) -> list[asyncpg.Record]:
    """Return these channels, deleted or not."""
    return await transaction.connection.fetch(
        _SHOWN + " WHERE i.organization_id = $1 AND i.id = ANY($2::bigint[])", organization, list(integrations)
    )


async def by_lane(transaction: Transaction, lane: int) -> asyncpg.Record | None:
    """Return the channel of a lane, deleted or not."""
    return await transaction.connection.fetchrow(_SHOWN + " WHERE i.lane_id = $1", lane)


async def page_of(
    transaction: Transaction,
    organization: int,
    entities: Sequence[int] | None,
    after: int,
    limit: int,
    *,
    general: bool,
) -> list[asyncpg.Record]:
    """Return up to ``limit`` channels behind id ``after``, of these entities (None: of all).

    ``general`` adds those of the organization's own entity.
    """
    return await transaction.connection.fetch(
        _SHOWN
        + """
        WHERE i.organization_id = $1 AND i.deleted_at IS NULL AND i.id > $2
          AND ($3::bigint[] IS NULL OR i.entity_id = ANY($3) OR ($5 AND e.kind = 'organization'))
        ORDER BY i.id LIMIT $4
        """,
        organization,
        after,
        None if entities is None else list(entities),
        limit,
        general,
    )


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
