"""Where the messages of a channel go, as this process knows it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import asyncpg

from regista.automations.secrets.reference import resolved
from regista.automations.secrets.service import values_used
from regista.effects.routes import Loaded, Routes
from regista.effects.urls import dialled
from regista.kit.db import Database, Transaction
from regista.kit.vault import Vault
from regista.slack import repository, secrets


class ChannelRoute(NamedTuple):
    """A bot's ``token`` and ``channel``, or the ``url`` of an incoming webhook."""

    channel: str | None
    token: str | None
    url: str | None

    @property
    def hidden(self) -> Iterable[str]:
        """What nobody is to read in what comes back."""
        return [each for each in (self.token, self.url) if each]


def channel_routes(database: Database, vault: Vault) -> Routes[ChannelRoute]:
    """Return the routes of channels by their lanes."""

    async def load(transaction: Transaction, lane_id: int) -> Loaded[ChannelRoute] | None:
        row = await repository.ROWS.by_lane(transaction, lane_id)
        if row is None or row["deleted_at"] is not None:
            return None
        return Loaded(await load_route(transaction, row, vault))

    return Routes(database, repository.CHANNEL, load)


async def load_route(transaction: Transaction, row: asyncpg.Record, vault: Vault) -> ChannelRoute:
    """Return the route of a channel's row, uncached. Raises SealBrokenError."""
    return route_of(row, await values_used(transaction, vault, row["id"]), vault)


def route_of(row: asyncpg.Record, values: Mapping[str, str], vault: Vault) -> ChannelRoute:
    """Return the route of a channel's row and the values of the secrets that it refers to. Raises SealBrokenError."""
    kept = secrets.opened(vault, row)
    return ChannelRoute(
        row["channel"],
        kept.token and resolved(kept.token, values),
        kept.url and dialled(kept.url, values),
    )
