"""Answers to requests that carry an Idempotency-Key, stored in the mutation's own transaction.

Who writes: the mutation, last. Who reads: a repeat, first. Two at once: the second finds the advisory lock taken and
gets 409 at once. A crash before the commit leaves neither change nor answer.
"""

from typing import NamedTuple

from regista.kit.db import Transaction
from regista.kit.errors import InFlightError, InvalidError

MOST_CHARACTERS = 255
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 1))"
_FIND = """
SELECT request, status, body FROM idempotency_key
WHERE organization_id = $1 AND actor = $2 AND key = $3 AND created_at > now() - interval '24 hours'
"""
# Each use clears away what has expired, two for one: the table stays as large as a day's use.
_STORE = """
WITH cleared AS (
    DELETE FROM idempotency_key WHERE (organization_id, actor, key) IN (
        SELECT organization_id, actor, key FROM idempotency_key
        WHERE created_at <= now() - interval '24 hours' AND (organization_id, actor, key) <> ($1, $2, $3)
        ORDER BY created_at LIMIT 2 FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO idempotency_key (organization_id, actor, key, request, status, body) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (organization_id, actor, key)
DO UPDATE SET request = excluded.request, status = excluded.status, body = excluded.body, created_at = now()
"""


class Place(NamedTuple):
    """Whose key it is: the same text from another actor is another key."""

    organization_id: int
    actor: str
    key: str


class Stored(NamedTuple):
    """An answer given before."""

    status: int
    body: bytes


async def begin(transaction: Transaction, place: Place, request: bytes) -> Stored | None:
    """Return the answer that the key has already, None when this is its first use in 24 h.

    ``request`` identifies what is asked. Raises `InFlightError` while a twin is being answered, `InvalidError` for a
    key used before for another request.
    """
    if not place.key or len(place.key) > MOST_CHARACTERS or not place.key.isprintable():
        raise InvalidError(f"Idempotency-Key has 1 to {MOST_CHARACTERS} printable characters; this one does not")
    if not await transaction.connection.fetchval(_LOCK, f"{place.organization_id}/{place.actor}/{place.key}"):
        raise InFlightError("a request with this Idempotency-Key is being answered; repeat it in a moment")
    row = await transaction.connection.fetchrow(_FIND, *place)
    if row is None:
        return None
    if row["request"] != request:
        raise InvalidError("this Idempotency-Key was used for another request; take a new one", field="Idempotency-Key")
    return Stored(row["status"], row["body"])


async def finish(transaction: Transaction, place: Place, request: bytes, status: int, body: bytes) -> None:
    """Store the answer, to be committed with the change."""
    await transaction.connection.execute(_STORE, *place, request, status, body)
