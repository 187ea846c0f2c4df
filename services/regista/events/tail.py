"""The published log read forwards: what comes next for one reader, in short transactions."""

import heapq
from collections.abc import Collection, Sequence
from itertools import groupby
from typing import NamedTuple

import asyncpg

from regista.events import repository
from regista.events.vector import Vector, advanced
from regista.kit.db import Database

BATCH_ROWS = 64
BATCH_BYTES = 1 << 20
"""Limits of what is held for one reader at a time; one event beyond the bytes, so that a large one passes too."""
SHARD_ROWS = 64


class Wanted(NamedTuple):
    """Whose events a reader may have, and which it asked for. ``types`` are full names."""

    organization_id: int
    types: Collection[str] | None = None
    entity: str | None = None

    def includes(self, row: asyncpg.Record) -> bool:
        """Return whether the reader is to have this event."""
        return (
            row["organization_id"] == self.organization_id
            and (self.types is None or row["type"] in self.types)
            and (self.entity is None or row["subject"] == self.entity or row["subject"].startswith(f"{self.entity}/"))
        )


class Tailed(NamedTuple):
    """An event's body and where its reader stands once it has it."""

    vector: Vector
    body: bytes


class Batch(NamedTuple):
    """What came, where the reader stands after all of it, and whether there was more to read."""

    events: Sequence[Tailed]
    vector: Vector
    more: bool


async def begin(database: Database, given: Vector | None) -> Vector:
    """Return where to read from: where the reader says it stands, or what is published now.

    A position that is not reached yet (the id of another installation) counts as the end: nothing is kept back.
    """
    async with database.transaction() as transaction:
        end = await repository.published_until(transaction)
    return end if given is None else tuple(min(pair) for pair in zip(given, end, strict=True))


async def read(database: Database, wanted: Wanted, vector: Vector) -> Batch:
    """Return what comes after ``vector``: of each shard in the order of its publication, shards merged by time."""
    async with database.transaction() as transaction:
        rows = await repository.published_after(transaction, vector, SHARD_ROWS)
        shards = [list(group) for _, group in groupby(rows, key=lambda row: row["shard"])]
        chosen: list[tuple[Vector, asyncpg.Record]] = []
        size = read_rows = 0
        # A row whose event is gone has no time: it is passed at once.
        for row in heapq.merge(*shards, key=lambda row: row["time"].timestamp() if row["time"] is not None else 0.0):
            if row["id"] is not None and wanted.includes(row):
                if chosen and (len(chosen) == BATCH_ROWS or size + row["size"] > BATCH_BYTES):
                    break
                size += row["size"]
                vector = advanced(vector, row["shard"], row["position"])
                chosen.append((vector, row))
            else:
                vector = advanced(vector, row["shard"], row["position"])
            read_rows += 1
        found = await repository.bodies(transaction, [row["id"] for _, row in chosen]) if chosen else {}
    more = read_rows < len(rows) or any(len(shard) == SHARD_ROWS for shard in shards)
    return Batch([Tailed(place, found[row["id"]]) for place, row in chosen], vector, more)
