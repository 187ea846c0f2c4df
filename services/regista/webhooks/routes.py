"""Routes of endpoints as this process knows them, and the secrets that payloads have asked for."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import asyncpg

from regista.automations.secrets.reference import resolved
from regista.automations.secrets.service import values_named, values_used
from regista.effects.routes import LIFETIME, Loaded, Routes
from regista.effects.urls import dialled
from regista.kit import clock
from regista.kit.db import Database, Transaction
from regista.kit.signing import HmacKey
from regista.kit.vault import Vault
from regista.webhooks import repository, secrets
from regista.webhooks.request import Route


class _Known(NamedTuple):
    route: Route
    named: dict[str, str]
    """Values of secrets that payloads have asked for."""


class EndpointRoutes:
    """Finds the route of a lane."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._routes = Routes(database, repository.CHANNEL, self._load)

    def close(self) -> None:
        """Hear no more notifications."""
        self._routes.close()

    async def of_lane(self, lane_id: int) -> Route | None:
        """Return the route of the lane's endpoint, None when it was deleted. Holds no connection afterwards."""
        known = await self._routes.of_lane(lane_id)
        return None if known is None else known.route

    async def secrets_of(self, lane_id: int, names: Collection[str]) -> Mapping[str, str]:
        """Return the values of these secrets of the team that owns the lane's endpoint; those that are not there lack.

        Call after `of_lane`. Holds no connection afterwards.
        """
        known = self._routes.known(lane_id)
        if known is not None and known.named.keys() >= set(names):
            return known.named
        async with self._database.transaction() as transaction:
            row = await repository.ROWS.by_lane(transaction, lane_id)
            if row is None:
                return {}
            values = await values_named(transaction, self._vault, row["entity_id"], names)
        # What was read before a notification is not kept after it.
        if known is not None and self._routes.known(lane_id) is known:
            known.named.update(values)
        return values

    async def _load(self, transaction: Transaction, lane_id: int) -> Loaded[_Known] | None:
        row = await repository.ROWS.by_lane(transaction, lane_id)
        if row is None or row["deleted_at"] is not None:
            return None
        keys = await repository.live_keys(transaction, row["id"])
        route = route_of(row, keys, await values_used(transaction, self._vault, row["id"]), self._vault)
        now = clock.now()
        expiries = [(key["expires_at"] - now).total_seconds() for key in keys if key["expires_at"] is not None]
        return Loaded(_Known(route, {}), min([LIFETIME, *expiries]))


async def load_route(transaction: Transaction, row: asyncpg.Record, vault: Vault) -> Route:
    """Return the route of an endpoint's row, uncached."""
    keys = await repository.live_keys(transaction, row["id"])
    return route_of(row, keys, await values_used(transaction, vault, row["id"]), vault)


def route_of(row: asyncpg.Record, keys: list[asyncpg.Record], values: Mapping[str, str], vault: Vault) -> Route:
    """Return the route of an endpoint's row, its live keys and the values it refers to. Raises SealBrokenError."""
    organization: int = row["organization_id"]
    opened = [secrets.open_key(vault, organization, key["sealed"]) for key in keys]
    wandb = None
    if row["wandb_secret"] is not None:
        wandb = values[row["wandb_secret"]]
    elif row["wandb_signature"] and opened and isinstance(opened[0], HmacKey):
        wandb = opened[0].written()
    headers = secrets.open_headers(vault, organization, row["headers"])
    token = secrets.open_token(vault, organization, row["access_token"])
    return Route(
        dialled(row["url"], values),
        row["timeout_seconds"],
        opened,
        extra={name: resolved(value, values) for name, value in headers.items()},
        access_token=token and resolved(token, values),
        wandb_secret=wandb,
        secrets=values.values(),
    )
