"""What a process knows of where lanes lead to.

Who writes: commands on integrations and secrets, which notify after their commit. Who reads: every attempt. An entry
lives 10 s at most, ends with the first key that expires, and is gone while no notification can be heard; one that was
read before a notification is not kept after it.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Generic, NamedTuple, TypeVar

from regista.automations.secrets import repository as named_secrets
from regista.kit import clock
from regista.kit.db import Database, Transaction

LIFETIME: Final = 10.0
"""Seconds for which a route is known, most."""


Route = TypeVar("Route")


class Loaded(NamedTuple, Generic[Route]):
    """A route as it was read, and the seconds for which it stays true by itself."""

    route: Route
    lifetime: float = LIFETIME


class Routes(Generic[Route]):
    """Finds the route of a lane by ``load``, which returns None for one that leads nowhere any more.

    ``channel`` is what commands on these integrations notify.
    """

    def __init__(
        self,
        database: Database,
        channel: str,
        load: Callable[[Transaction, int], Awaitable[Loaded[Route] | None]],
    ) -> None:
        self._database = database
        self._load = load
        self._entries: dict[int, tuple[Route, float]] = {}
        self._generation = 0
        self._unsubscribe = [
            database.wakeups.subscribe(each, self._forget) for each in (channel, named_secrets.CHANNEL)
        ]

    def close(self) -> None:
        """Hear no more notifications."""
        for end in self._unsubscribe:
            end()

    def known(self, lane_id: int) -> Route | None:
        """Return the route of the lane if it is known, and still true."""
        entry = self._entries.get(lane_id)
        if entry is not None and entry[1] > clock.monotonic() and self._database.wakeups.listening:
            return entry[0]
        return None

    async def of_lane(self, lane_id: int) -> Route | None:
        """Return the route of the lane, None when it leads nowhere any more. Holds no connection afterwards."""
        known = self.known(lane_id)
        if known is not None:
            return known
        generation = self._generation
        async with self._database.transaction() as transaction:
            loaded = await self._load(transaction, lane_id)
        if loaded is None:
            self._entries.pop(lane_id, None)
            return None
        if generation == self._generation:
            self._entries[lane_id] = loaded.route, clock.monotonic() + min(LIFETIME, loaded.lifetime)
        return loaded.route

    def _forget(self, _payload: str) -> None:
        self._generation += 1
        self._entries.clear()
