"""Does the audit still say what it said? Every row is computed again, from the bytes of its event on."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg

from regista.audit.chain import GENESIS, link
from regista.audit.checkpoint import Signer, is_signed
from regista.audit.entry import FORMAT, LASTING, MALFORMED, Entry, audited, malformed
from regista.audit.repository import projection as repository
from regista.audit.repository.projection import Checkpoint, Head
from regista.kit.db import Database
from regista.kit.shards import SHARDS
from regista.kit.vault import Vault

PAGE_ROWS = 1000


class Mismatch(NamedTuple):
    """The first thing that does not fit: where (``event_id`` is None where a row is missing), and what is wrong."""

    shard: int
    position: int
    event_id: UUID | None
    reason: str

    def __str__(self) -> str:
        """Return it as a sentence."""
        named = f" (event {self.event_id})" if self.event_id else ""
        return f"chain {self.shard}, row {self.position}{named}: {self.reason}"


class Progress(NamedTuple):
    """How far a chain is verified; the last of a chain has ``rows == of`` or a ``mismatch``."""

    shard: int
    rows: int
    of: int
    mismatch: Mismatch | None = None


async def first_mismatch(
    database: Database, *, vault: Vault | None = None, anchors: Sequence[Checkpoint] = ()
) -> Mismatch | None:
    """Return the first mismatch of any chain, None when everything fits; see `verify`."""
    async for progress in verify(database, vault=vault, anchors=anchors):
        if progress.mismatch is not None:
            return progress.mismatch
    return None


async def verify(
    database: Database, *, vault: Vault | None = None, anchors: Sequence[Checkpoint] = ()
) -> AsyncGenerator[Progress]:
    """Recompute all chains, some thousand rows at a time, and yield after each page; a chain ends at its first mismatch.

    Found are rows that were altered, inserted, removed or moved, heads that do not fit, and checkpoints that do not.
    With a ``vault`` checkpoints must be signed by this installation; without one their signatures must fit their keys.
    ``anchors`` are checkpoints that were kept elsewhere: they prove that nothing was cut off since. ``actor_name`` and
    ``actor_email`` are as they were looked up, and prove nothing: ``actor_user_id`` does. Raises what the driver raises.
    """
    trusted = Signer(vault).trusted if vault is not None else None
    async with database.transaction() as transaction:
        heads = await repository.heads(transaction)
    for shard in range(SHARDS):
        kept = [each for each in anchors if each.shard == shard]
        if shard not in heads:
            yield Progress(shard, 0, 0, Mismatch(shard, 0, None, "the head of the chain is gone"))
            continue
        chain = _Chain(database, shard, heads[shard], kept, trusted)
        async for progress in chain.verify():
            yield progress


class _Chain:
    def __init__(
        self, database: Database, shard: int, end: Head, anchors: Iterable[Checkpoint], trusted: frozenset[bytes] | None
    ) -> None:
        self._database = database
        self._shard = shard
        self._end = end
        self._anchors = list(anchors)
        self._trusted = trusted
        self._organizations: dict[str, int] = {}

    async def verify(self) -> AsyncGenerator[Progress]:
        async with self._database.transaction() as transaction:
            checkpoints = [*await repository.checkpoints(transaction, self._shard), *self._anchors]
        if (wrong := self._distrusted(checkpoints)) is not None:
            yield Progress(self._shard, 0, self._end.position, wrong)
            return
        signed = {each.position: each.hash for each in checkpoints}
        head, last = Head(0, GENESIS), UUID(int=0)
        while head.position < self._end.position:
            rows = await self._read(head, last)
            if not rows:
                gone = f"rows {head.position + 1} to {self._end.position} are missing"
                yield Progress(
                    self._shard, head.position, self._end.position, self._wrong(head.position + 1, None, gone)
                )
                return
            for row in rows:
                if (reason := self._fault(head, row, signed)) is not None:
                    place = self._wrong(row["position"], row["event_id"], reason)
                    yield Progress(self._shard, head.position, self._end.position, place)
                    return
                head, last = Head(row["position"], row["hash"]), row["event_id"]
            yield Progress(self._shard, head.position, self._end.position, self._ending(head))
        if not self._end.position:
            yield Progress(self._shard, 0, 0, self._ending(head))

    def _distrusted(self, checkpoints: Iterable[Checkpoint]) -> Mismatch | None:
        for each in sorted(checkpoints, key=lambda each: each.position):
            if not is_signed(each) or (self._trusted is not None and each.public_key not in self._trusted):
                return self._wrong(each.position, None, "its checkpoint is not signed by this installation")
            if each.position > self._end.position:
                cut = f"a checkpoint was signed here, but the chain ends at {self._end.position}: its end was cut off"
                return self._wrong(each.position, None, cut)
        return None

    async def _read(self, head: Head, last: UUID) -> list[asyncpg.Record]:
        async with self._database.transaction() as transaction:
            after = (head.position, last)
            rows = await repository.chained(transaction, self._shard, after, self._end.position, PAGE_ROWS)
            found = (_named(row) for row in rows)
            missing = {name for name in found if name is not None} - self._organizations.keys()
            if missing:
                self._organizations.update(await repository.organizations(transaction, list(missing)))
        return rows

    def _fault(self, head: Head, row: asyncpg.Record, signed: Mapping[int, bytes]) -> str | None:
        """Return what is wrong with the row that follows ``head``, None when it fits."""
        position = row["position"]
        if position <= head.position:
            return "another row has the same position: one of them was put in or moved"
        if position != head.position + 1:
            return f"the row before it is {head.position}: what was between them is missing"
        if row["hash"] != link(head.hash, row["body"], row["context"]):
            return "its hash does not follow from its body, its context and the row before: it was altered or moved"
        if position in signed and row["hash"] != signed[position]:
            return "its hash is not the one of the checkpoint: the chain up to here was written anew"
        altered = _altered(row)
        named = _named(row)
        if named is not None and row["organization_id"] != self._organizations.get(named, 0):
            altered = ["organization_id", *altered]
        return f"{', '.join(altered)} is not what its event says: it was altered" if altered else None

    def _ending(self, head: Head) -> Mismatch | None:
        if head.position == self._end.position and head.hash != self._end.hash:
            return self._wrong(head.position, None, "the head of the chain is not the hash of its last row")
        return None

    def _wrong(self, position: int, event_id: UUID | None, reason: str) -> Mismatch:
        return Mismatch(self._shard, position, event_id, reason)


def _named(row: asyncpg.Record) -> str | None:
    said = _said(row)
    return None if said is None else said[1]


def _said(row: asyncpg.Record) -> tuple[Entry, str | None] | None:
    """Return what the event of a row says, None where the bytes are no event although the row is not `malformed`."""
    if row["action"] == MALFORMED:
        return malformed(row["body"], row["context"])
    try:
        return audited(row["body"], row["context"])
    except ValueError:
        return None


def _altered(row: asyncpg.Record) -> list[str]:
    said = _said(row)
    if said is None:
        return ["action"]
    if not 1 <= row["format"] <= FORMAT:
        return ["format"]
    # A column whose meaning has changed since the row was made is not compared.
    columns = Entry._fields if row["format"] == FORMAT else LASTING
    expected = said[0]
    if expected.time is None:
        columns = tuple(name for name in columns if name != "time")
    return [name for name in columns if row[name] != getattr(expected, name)]
