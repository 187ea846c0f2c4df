"""API keys: how they look, how they are stored, and the cache that spares each request a query.

Who writes: a revocation, which notifies inside its own transaction. Who reads: every request. An entry lives 10 s at
most; while the process hears no notifications it is gone round; and an entry read before a notification is not kept
after it, so a revoked key fails everywhere as soon as the notification arrives.
"""

import hashlib
import re
from collections import OrderedDict
from typing import NamedTuple

from regista.access import repository
from regista.access.errors import UnauthenticatedError
from regista.access.verdict import Actor
from regista.kit import clock
from regista.kit.db import Database

PATTERN = re.compile(r"[\w-]{40,128}\Z", re.ASCII)
"""What any key must look like; the W&B client refuses shorter ones."""
_LIFETIME_SECONDS = 10.0
_MOST = 10_000


def digest(key: str) -> bytes:
    """Return what is stored of a key: its SHA-256."""
    return hashlib.sha256(key.encode()).digest()


class _Entry(NamedTuple):
    actor: Actor
    until: float


class KeyCache:
    """Finds the actor behind a key."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._generation = 0
        self._unsubscribe = database.wakeups.subscribe(repository.KEYS_CHANNEL, self._forget)

    def close(self) -> None:
        """Hear no more notifications."""
        self._unsubscribe()

    async def actor(self, key: str) -> Actor:
        """Return who the key stands for.

        Raises `UnauthenticatedError` for a key that is unknown, expired or revoked; its details then name the
        organization and account, if there are any, for the event of the refusal.
        """
        known = digest(key)
        entry = self._entries.get(known)
        if entry is not None and entry.until > clock.monotonic() and self._database.wakeups.listening:
            return entry.actor
        if not PATTERN.match(key):
            raise UnauthenticatedError("an API key has at least 40 letters, digits, - and _; this is none")
        generation = self._generation
        async with self._database.transaction() as transaction:
            row = await repository.key_row(transaction, known)
        if row is None:
            raise UnauthenticatedError("the API key is not known here; make one under /api/v1/api-keys")
        actor = repository.actor_of(row)
        for lost, why in (("revoked_at", "was revoked"), ("deactivated_at", "belongs to a deactivated account")):
            if row[lost] is not None:
                raise RefusedKeyError(actor, f"the API key {why}")
        if row["expired"]:
            raise RefusedKeyError(actor, f"the API key expired at {row['expires_at']:%Y-%m-%dT%H:%M:%SZ}")
        if generation == self._generation:
            seconds = _LIFETIME_SECONDS
            if row["expires_at"] is not None:
                seconds = min(seconds, (row["expires_at"] - clock.now()).total_seconds())
            self._entries[known] = _Entry(actor, clock.monotonic() + seconds)
            while len(self._entries) > _MOST:
                self._entries.popitem(last=False)
        return actor

    def _forget(self, _payload: str) -> None:
        self._generation += 1
        self._entries.clear()


class RefusedKeyError(UnauthenticatedError):
    """The key was good once; ``actor`` is whose it was."""

    def __init__(self, actor: Actor, message: str) -> None:
        super().__init__(message)
        self.actor = actor
