"""What many nodes of a page ask for by key, loaded in one statement: the project of each run, the person behind it.

Resolvers of one request run side by side; a `Loader` lets those that are ready register their keys, and the first that
gets its turn on the connection loads all of them. What was loaded stays known until the request changes something.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from regista.access import directory
from regista.access.directory import Person, Place, TeamMember, people_by_ids, places_by_ids
from regista.access.verdict import Actor
from regista.kit.db import Transaction
from regista.registry.registry import Registry
from regista.registry.repository.registries import by_projects
from regista.tracking.repository import projects_by_ids
from regista.tracking.subjects import Project
from regista.wandb.exchange import Exchange

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Load = Callable[[Transaction, Actor, list[Any]], Awaitable[Mapping[Any, V]]]
"""Transaction, who asks and keys → what was found, by key."""


@dataclass(slots=True)
class _Batch:
    known: dict[Any, Any] = field(default_factory=dict[Any, Any])
    wanted: set[Any] = field(default_factory=set[Any])


class Loader(Generic[K, V]):
    """Loads things of the caller's organization by key; None for what there is not."""

    def __init__(self, load: Load[V]) -> None:
        self._load = load

    async def get(self, exchange: Exchange, key: K) -> V | None:
        """Return the thing with this key, loaded together with what others ask for at the same time."""
        batch = self._batch(exchange)
        if key not in batch.known:
            batch.wanted.add(key)
            await asyncio.sleep(0)  # those beside this one register as well
            await exchange.read(lambda tx: self._fill(tx, exchange, batch))
        return cast("V | None", batch.known.get(key))

    def remember(self, exchange: Exchange, found: Mapping[K, V]) -> None:
        """Take what a list has loaded on the way."""
        self._batch(exchange).known.update(found)

    def _batch(self, exchange: Exchange) -> _Batch:
        return exchange.loaded.setdefault(self, _Batch())

    async def _fill(self, transaction: Transaction, exchange: Exchange, batch: _Batch) -> None:
        keys = [key for key in batch.wanted if key not in batch.known]
        if not keys:
            return
        found = await self._load(transaction, exchange.actor, keys)
        batch.wanted.difference_update(keys)
        batch.known.update(dict.fromkeys(keys))
        batch.known.update(found)


people: Loader[int, Person] = Loader(lambda tx, actor, ids: people_by_ids(tx, actor.organization_id, ids))
"""Accounts by id."""
projects: Loader[int, Project] = Loader(lambda tx, actor, ids: projects_by_ids(tx, actor.organization_id, ids))
"""Projects by id."""
team_members: Loader[int, list[TeamMember]] = Loader(
    lambda tx, actor, ids: directory.team_members(tx, actor.organization_id, ids)
)
"""Who is in a team, by its id."""
registries: Loader[int, Registry] = Loader(lambda tx, actor, ids: by_projects(tx, actor.organization_id, ids))
"""Registries by the id of the project that they are."""
places: Loader[int, Place] = Loader(lambda tx, actor, ids: places_by_ids(tx, actor.organization_id, ids))
"""Entities by id."""
