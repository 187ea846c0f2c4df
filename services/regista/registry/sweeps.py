"""What time does to artifacts: versions expire, and what was announced and never committed goes.

A version with a time to live is deleted once that is over, with the aliases that it holds in its own collection, but not
while it is linked elsewhere and not while an alias of it is protected: what others rely on does not expire. Source:
W&B's pages on artifact data retention, which turn TTL off for linked versions.
"""

from datetime import UTC, datetime, timedelta

from regista.kit import clock
from regista.kit.blobs import BlobStore
from regista.kit.db import SYSTEM, Database, Origin, Transaction
from regista.registry.repository import artifacts, collections
from regista.registry.repository.artifacts import Expired
from regista.registry.versions import lock_memberships, remove_everywhere

ABANDONED = timedelta(days=7)
"""How long an announced artifact may wait for its commit: runs that fill one version together may take days."""
STAGED = timedelta(days=7)
"""How long parts and manifests stay that no command has made anything of."""
_BATCH = 100
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


async def delete_expired(database: Database, public_url: str) -> int:
    """Delete versions whose time to live is over, each with its event; return how many.

    Each in a transaction of its own: a sweep that dies has done what it has done, and the next goes on.
    """
    deleted, after = 0, (_BEGINNING, 0)
    while True:
        async with database.transaction() as transaction:
            found = await artifacts.expired(transaction, after, _BATCH)
        for one in found:
            deleted += await _delete(database, public_url, one)
        if len(found) < _BATCH:
            return deleted
        after = (found[-1].expires_at, found[-1].id)


async def delete_abandoned(database: Database, age: timedelta = ABANDONED) -> int:
    """Delete artifacts that were announced so long ago and never committed; return how many. Nobody has seen them."""
    deleted = 0
    while True:
        async with database.transaction() as transaction:
            done = await artifacts.delete_abandoned(transaction, age, _BATCH)
        deleted += done
        if done < _BATCH:
            return deleted


async def clear_staged(store: BlobStore, age: timedelta = STAGED) -> int:
    """Delete parts, manifests and halves of uploads that are older and were forgotten; return how many."""
    return await store.clear(clock.now() - age)


async def _delete(database: Database, public_url: str, expired: Expired) -> bool:
    origin = Origin(SYSTEM, "system", expired.organization_id, expired.organization, public_url=public_url)

    async def command(transaction: Transaction) -> bool:
        held = await lock_memberships(transaction, expired.organization_id, expired.id)
        row = await artifacts.by_id(transaction, expired.organization_id, expired.id)
        # Between the search and the lock it may have been deleted, linked, or given more time.
        if len(held) != 1 or row is None or row.state != "committed":
            return False
        aggregate, place, member = held[0]
        if row.expires_at is None or row.expires_at > aggregate.now:
            return False
        if (await collections.protected_aliases(transaction, place)).intersection(member.aliases):
            return False
        await remove_everywhere(transaction, held, reason="ttl")
        return True

    return await database.run(command, origin)
