"""How endpoints appear in events: never a secret, and of the URL no query."""

import asyncpg

from regista_events import EndpointSnapshot, IntegrationSnapshot


def integration_snapshot(row: asyncpg.Record) -> IntegrationSnapshot:
    """Return an endpoint as the events of integrations show it."""
    return IntegrationSnapshot(id=row["id"], entity=row["entity"], name=row["name"], kind="webhook", url=row["url"])


def endpoint_snapshot(row: asyncpg.Record) -> EndpointSnapshot:
    """Return an endpoint as the events of deliveries show it."""
    return EndpointSnapshot(id=row["id"], entity=row["entity"], name=row["name"], kind="webhook", url=row["url"])
