"""What one process holds once: settings, database, vault, outgoing HTTP, metrics."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, disable_created_metrics

from regista.kit.db import Database
from regista.kit.errors import ConfigurationError
from regista.kit.http import GuardedClient
from regista.kit.settings import Settings
from regista.kit.vault import Vault


@dataclass(frozen=True, slots=True)
class Runtime:
    """Handed to whatever a process runs; closed after all of it has stopped."""

    settings: Settings
    database: Database
    vault: Vault
    client: GuardedClient
    metrics: CollectorRegistry

    @property
    def public_url(self) -> str:
        """The URL that users reach the API under, without a trailing slash."""
        return (self.settings.public_url or "http://127.0.0.1:8080").rstrip("/")


@asynccontextmanager
async def open_runtime(settings: Settings, name: str) -> AsyncGenerator[Runtime]:
    """Open the process's resources; ``name`` is what PostgreSQL shows of its connections.

    Raises `ConfigurationError` when the database or the secret key is not set: ``regista up`` sets both for its
    children, everything else takes them from the environment.
    """
    if settings.database_url is None or settings.secret_key is None:
        missing = "REGISTA_DATABASE_URL" if settings.database_url is None else "REGISTA_SECRET_KEY"
        raise ConfigurationError(f"{missing} is not set; set it, or use `regista up`, which brings its own")
    disable_created_metrics()  # a series beside each counter that nobody asks for
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool, name=name)
    try:
        async with GuardedClient(settings.webhook_allowed_networks) as client:
            yield Runtime(
                settings, database, Vault(settings.secret_key.get_secret_value()), client, CollectorRegistry()
            )
    finally:
        await database.close()
