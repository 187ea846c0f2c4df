"""Routes of endpoints as this process knows them.

Who writes: commands on endpoints, which notify after their commit. Who reads: every attempt. An entry lives 10 s at
most, ends with the first key that expires, and is gone round while no notification can be heard; one that was read
before a notification is not kept after it.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import asyncpg

from regista.automations.secrets import repository as named_secrets
from regista.automations.secrets.reference import resolved
from regista.automations.secrets.service import values_named, values_used
from regista.kit import clock
from regista.kit.db import Database, Transaction
from regista.kit.signing import HmacKey
from regista.kit.vault import Vault
from regista.webhooks import repository, secrets
from regista.webhooks.request import Route
from regista.webhooks.urls import dialled

LIFETIME_SECONDS = 10.0


class _Entry(NamedTuple):
    route: Route
    until: float
    named: dict[str, str]
    """Values of secrets that payloads have asked for."""


class Routes:
    """Finds the route of a lane."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._entries: dict[int, _Entry] = {}
        self._generation = 0
        self._unsubscribe = [
            database.wakeups.subscribe(channel, self._forget) for channel in (repository.CHANNEL, named_secrets.CHANNEL)
        ]

    def close(self) -> None:
        """Hear no more notifications."""
        for end in self._unsubscribe:
            end()

    async def of_lane(self, lane_id: int) -> Route | None:
        """Return the route of the lane's endpoint, None when it was deleted. Holds no connection afterwards."""
        entry = self._fresh(lane_id)
        if entry is not None:
            return entry.route
        generation = self._generation
        async with self._database.transaction() as transaction:
            row = await repository.by_lane(transaction, lane_id)
            if row is None or row["deleted_at"] is not None:
                self._entries.pop(lane_id, None)
                return None
            keys = await repository.live_keys(transaction, row["id"])
            values = await values_used(transaction, self._vault, row["id"])
        route = route_of(row, keys, values, self._vault)
        if generation == self._generation:
            now = clock.now()
            expiries = [(key["expires_at"] - now).total_seconds() for key in keys if key["expires_at"] is not None]
            self._entries[lane_id] = _Entry(route, clock.monotonic() + min([LIFETIME_SECONDS, *expiries]), {})
        return route

    async def secrets_of(self, lane_id: int, names: Collection[str]) -> Mapping[str, str]:
        """Return the values of these secrets of the team that owns the lane's endpoint; those that are not there lack.

        Call after `of_lane`. Holds no connection afterwards.
        """
        entry = self._fresh(lane_id)
        if entry is not None and entry.named.keys() >= set(names):
            return entry.named
        generation = self._generation
        async with self._database.transaction() as transaction:
            row = await repository.by_lane(transaction, lane_id)
            if row is None:
                return {}
            values = await values_named(transaction, self._vault, row["entity_id"], names)
        if generation == self._generation and entry is not None:
            entry.named.update(values)
        return values

    def _fresh(self, lane_id: int) -> _Entry | None:
        entry = self._entries.get(lane_id)
        if entry is not None and entry.until > clock.monotonic() and self._database.wakeups.listening:
            return entry
        return None

    def _forget(self, _payload: str) -> None:
        self._generation += 1
        self._entries.clear()


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
