"""The projection: every event becomes one row, chained to the one before it in its shard."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import asyncpg
import structlog

from regista.audit.chain import link
from regista.audit.checkpoint import EVERY, Signer
from regista.audit.entry import FORMAT, Audited, Entry, audited, malformed
from regista.audit.names import NOWHERE, Names
from regista.audit.partitions import Partitions
from regista.audit.repository import projection as repository
from regista.audit.repository.projection import Head
from regista.kit import clock
from regista.kit.bus.model import Received
from regista.kit.db import Database, Transaction
from regista.kit.vault import Vault

logger = structlog.get_logger()


class _Candidate(NamedTuple):
    entry: Entry
    organization: str | None
    received: Received


class AuditProjection:
    """Consumer group ``audit``.

    Who writes: any number of these, in several processes; a chain is extended under the lock of its row in
    ``audit_chain``, and an id that has a row already is dropped, so a repeat changes nothing. A crash before the commit
    leaves nothing. Nothing is ever parked: bytes that are no event are a row too. With a ``vault`` a checkpoint is
    signed once in every 1000 rows of a chain; without one there are none.
    """

    group = "audit"
    accepts_malformed = True

    def __init__(self, database: Database, vault: Vault | None = None, *, every: int = EVERY) -> None:
        self._database = database
        self._signer = Signer(vault) if vault is not None else None
        self._every = every
        self._names = Names()
        self._partitions = Partitions(database)

    async def handle(self, batch: Sequence[Received]) -> None:
        """Record the batch in one transaction. Raises what the driver raises."""
        candidates = [_candidate(received) for received in batch]
        try:
            await self._project(candidates)
        except asyncpg.CheckViolationError:
            # Retention has dropped the partition of a month that this process knew.
            self._partitions.forget()
            await self._project(candidates)

    async def _project(self, candidates: Sequence[_Candidate]) -> None:
        now = clock.now()
        await self._partitions.ensure({now, *(each.entry.time for each in candidates if each.entry.time is not None)})
        async with self._database.transaction() as transaction:
            heads = await repository.lock_chains(transaction, (each.received.shard for each in candidates))
            fresh = await self._fresh(transaction, candidates)
            if not fresh:
                return
            await self._names.load(
                transaction,
                (each.entry.actor_user_id for each in fresh),
                (each.organization for each in fresh if each.organization is not None),
            )
            lone = None
            if any(each.organization is None for each in fresh):
                lone = await repository.lone_organization(transaction)
            rows: list[tuple[Any, ...]] = []
            moved: dict[int, Head] = {}
            for each in fresh:
                shard = each.received.shard
                head = moved.get(shard) or heads[shard]
                moved[shard] = head = _next(head, each.received)
                entry = each.entry if each.entry.time is not None else each.entry._replace(time=now)
                rows.append(entry + self._place(each, head, lone))
            await repository.record(transaction, rows, moved)
            await self._sign(transaction, heads, moved)

    async def _fresh(self, transaction: Transaction, candidates: Sequence[_Candidate]) -> list[_Candidate]:
        first: dict[Any, _Candidate] = {}
        for each in candidates:
            first.setdefault(each.entry.event_id, each)
        timed = [(each.entry.event_id, each.entry.time) for each in first.values() if each.entry.time is not None]
        untimed = [each.entry.event_id for each in first.values() if each.entry.time is None]
        known = await repository.present(transaction, timed, untimed)
        return [each for key, each in first.items() if key not in known]

    def _place(self, each: _Candidate, head: Head, lone: int | None) -> tuple[Any, ...]:
        named = each.organization
        organization = (lone or NOWHERE) if named is None else self._names.organization(named)
        actor = self._names.actor(each.entry.actor_user_id)
        return (
            organization,
            each.received.shard,
            head.position,
            FORMAT,
            actor.name if actor else None,
            actor.email if actor else None,
            head.hash,
            each.received.raw,
            each.received.context,
        )

    async def _sign(self, transaction: Transaction, before: dict[int, Head], after: dict[int, Head]) -> None:
        if self._signer is None:
            return
        for shard, head in after.items():
            if head.position // self._every > before[shard].position // self._every:
                await repository.add_checkpoint(transaction, self._signer.sign(shard, head))


def _candidate(received: Received) -> _Candidate:
    found: Audited | None = None
    if received.event is not None:
        try:
            found = audited(received.raw, received.context)
        except ValueError:
            logger.warning("audit_unreadable", event_id=str(received.event.id))
    found = found or malformed(received.raw, received.context)
    return _Candidate(found.entry, found.organization, received)


def _next(head: Head, received: Received) -> Head:
    return Head(head.position + 1, link(head.hash, received.raw, received.context))
