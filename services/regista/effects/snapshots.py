"""How what is sent to appears in events: never a secret, and of a URL no query."""

from typing import Any

import asyncpg

from regista_events import EndpointSnapshot, IntegrationSnapshot


def integration_snapshot(row: asyncpg.Record) -> IntegrationSnapshot:
    """Return a webhook or a channel as the events of integrations show it."""
    return IntegrationSnapshot(**_shown(row))


def endpoint_snapshot(row: asyncpg.Record) -> EndpointSnapshot:
    """Return a webhook or a channel as the events of deliveries show it."""
    return EndpointSnapshot(**_shown(row))


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    told = {name: row[name] for name in ("id", "entity", "name", "kind")}
    return told | {"url": row.get("url"), "channel": row.get("channel")}
