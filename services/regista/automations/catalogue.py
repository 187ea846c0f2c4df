"""The definitions in force, as this process knows them.

Who writes: nobody here; saves bump the catalogue's version in their own transaction. Who reads: every planner, which
reads the version first in each batch's transaction, so a saved automation is in force for every event that commits
after the save, and a deleted one never fires again. A crash loses nothing: a new process loads everything.
"""

import asyncio

import structlog

from regista.automations import repository
from regista.automations.matching import Deed, Index
from regista.kit.db import Transaction

logger = structlog.get_logger()


class Catalogue:
    """One per process, shared by its planners."""

    def __init__(self) -> None:
        self._index = Index()
        self._version = -1
        self._loading = asyncio.Lock()
        self._past: dict[tuple[int, int], Deed] = {}

    async def refresh(self, transaction: Transaction) -> Index:
        """Return the index as of now: one row is read, and what has moved since."""
        if await repository.catalogue_version(transaction) != self._version:
            async with self._loading:
                await self._load(transaction)
        return self._index

    async def _load(self, transaction: Transaction) -> None:
        # Read again: another planner may have loaded it while this one waited.
        version = await repository.catalogue_version(transaction)
        if version == self._version:
            return
        if version < self._version or self._version < 0:
            # Lower than before: the database was restored, and what was loaded may never have happened.
            index, since = Index(), None
        else:
            index, since = self._index, self._version
        for change in await repository.changed_definitions(transaction, since):
            version = max(version, change.version)
            if change.definition is None:
                index.drop(change.automation_id)
                continue
            index.put(change.definition)
            if (why := change.definition.unreadable) is not None:
                revision = change.definition.revision
                logger.error("automation_unreadable", automation=change.automation_id, revision=revision, error=why)
        self._index, self._version = index, version

    async def deeds(
        self, transaction: Transaction, index: Index, wanted: set[tuple[int, int]]
    ) -> dict[tuple[int, int], Deed]:
        """Return what (automation, revision) pairs do: those in force are known, earlier ones are read once."""
        found: dict[tuple[int, int], Deed] = {}
        for pair in wanted:
            definition = index.get(pair[0])
            if definition is not None and definition.revision == pair[1]:
                found[pair] = Deed(definition.name, definition.actions)
            elif pair in self._past:
                found[pair] = self._past[pair]
        if missing := wanted - found.keys():
            loaded = await repository.past_deeds(transaction, sorted(missing))
            if len(self._past) > _MOST_PAST:
                self._past.clear()
            self._past.update(loaded)
            found.update(loaded)
        return found


_MOST_PAST = 1000
