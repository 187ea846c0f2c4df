"""The one way to announce a change: in the transaction that makes it.

`append` numbers and encodes the events and writes them to ``event``, the permanent log, and to ``outbox``, what is not
yet published. The relay takes it from there. Nothing else may announce a change.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel

from regista.kit import ids
from regista.kit.aggregate import Aggregate
from regista.kit.db import Origin, Transaction
from regista.kit.errors import TooLargeError
from regista_events import Event, codec

CHANNEL = "regista_outbox"
PUBLISHED = "regista_published"
"""Woken when rows have been given their positions: live streams have something to read."""
METRICS = "regista_metrics"
"""Woken when lines of runs wait in ``metric_outbox``, an outbox of their own."""
MAX_HOPS = 16
MAX_EVENT_BYTES = 4 << 20
"""An event that the topic would not take must not commit: the relay could never get past it."""

# ``sequence`` of an aggregate is written with its events, so that a command which changes nothing leaves no gap.
_APPEND_ONE = """
WITH logged AS (
    INSERT INTO event (id, organization_id, aggregate_id, sequence, shard, type, subject, time, actor,
                       causation_id, correlation_id, body, context)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
), counted AS (
    UPDATE aggregate SET sequence = $4 WHERE id = $3
)
INSERT INTO outbox (shard, event_id) VALUES ($5, $1)
"""
_APPEND_MANY = """
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[], $6::text[], $7::text[],
                         $8::timestamptz[], $9::text[], $10::uuid[], $11::uuid[], $12::bytea[], $13::bytea[])
    WITH ORDINALITY AS g (id, organization_id, aggregate_id, sequence, shard, type, subject, time, actor,
                          causation_id, correlation_id, body, context, place)
), logged AS (
    INSERT INTO event (id, organization_id, aggregate_id, sequence, shard, type, subject, time, actor,
                       causation_id, correlation_id, body, context)
    SELECT id, organization_id, aggregate_id, sequence, shard, type, subject, time, actor,
           causation_id, correlation_id, body, context
    FROM given ORDER BY place
), counted AS (
    UPDATE aggregate SET sequence = last.sequence
    FROM (SELECT aggregate_id, max(sequence) AS sequence FROM given GROUP BY aggregate_id) last
    WHERE aggregate.id = last.aggregate_id
)
INSERT INTO outbox (shard, event_id) SELECT shard, id FROM given ORDER BY place
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that is not numbered yet: what happened (``event`` class and its ``data``), to which ``subject``.

    ``caused_by`` is the place, in the same call of `append`, of the draft that brought this one about.
    """

    event: type[Event[Any]]
    aggregate: Aggregate
    subject: str
    data: BaseModel
    caused_by: int | None = None


class Change(NamedTuple):
    """A statement that writes, its parameters numbered from $14, carried out in the statement that stores its event.

    For the hottest commands: a round trip costs more than what it carries.
    """

    statement: str
    arguments: tuple[Any, ...]


async def append(
    transaction: Transaction, drafts: Sequence[Draft], origin: Origin | None = None, *, change: Change | None = None
) -> list[Event[Any]]:
    """Give the events their numbers, encode and store them; return them as they will be published.

    ``origin`` is by default the transaction's. Each aggregate must be locked by this transaction. ``change`` goes
    with a single draft. Raises `ValueError` when neither origin is set or a change has not exactly one draft,
    `TooLargeError` for an event of more than MAX_EVENT_BYTES.
    """
    origin = origin or transaction.origin
    if origin is None:
        raise ValueError("an event needs an origin: open the transaction with one or pass it")
    if change is not None and len(drafts) != 1:
        raise ValueError(f"a change goes with one event, not with {len(drafts)}")
    context = origin.context.encode()
    events: list[Event[Any]] = []
    rows: list[tuple[Any, ...]] = []
    for draft in drafts:
        event = _event(draft, origin, events)
        events.append(event)
        body = codec.encode(event)
        if len(body) > MAX_EVENT_BYTES:
            raise TooLargeError(
                f"the event {event.short_type} of {draft.subject} would have {len(body)} bytes, {MAX_EVENT_BYTES} is the "
                "most; shorten or remove tags, metadata or descriptions"
            )
        rows.append(_row(event, draft.aggregate, body, context))
    if change is not None:
        await transaction.connection.execute(_append_with(change.statement), *rows[0], *change.arguments)
    elif len(rows) == 1:
        await transaction.connection.execute(_APPEND_ONE, *rows[0])
    elif rows:
        await transaction.connection.execute(_APPEND_MANY, *(list(column) for column in zip(*rows, strict=True)))
    if rows:
        transaction.wake(CHANNEL)
    return events


def preview(draft: Draft, origin: Origin) -> Event[Any]:
    """Return the event that a draft would be if it were appended now: for who has to look at it before it happens."""
    return _event(replace(draft, aggregate=replace(draft.aggregate)), origin, ())


@lru_cache
def _append_with(statement: str) -> str:
    return _APPEND_ONE.replace("WITH ", f"WITH changed AS ({statement}), ", 1)


def _event(draft: Draft, origin: Origin, earlier: Sequence[Event[Any]]) -> Event[Any]:
    aggregate = draft.aggregate
    aggregate.sequence += 1
    causation: UUID | None = None
    correlation: UUID | None = None
    hops = 0
    automations: str | None = None
    if origin.cause is not None:
        causation, correlation = origin.cause.event_id, origin.cause.correlation_id
        hops = min(origin.cause.hops + 1, MAX_HOPS)
        automations = ",".join(map(str, origin.cause.automations)) or None
    if draft.caused_by is not None:
        parent = earlier[draft.caused_by]
        # A consequence inside one transaction is no further hop: nothing acted in between.
        causation, correlation = parent.id, parent.correlationid or parent.id
    kind: str = draft.event.model_fields["type"].default
    return draft.event.model_construct(
        specversion="1.0",
        id=ids.uuid7(),
        source=f"/orgs/{origin.organization}",
        type=kind,
        subject=draft.subject,
        time=aggregate.now,
        dataschema=f"{origin.public_url}/schemas/{kind}.json",
        partitionkey=str(aggregate.id),
        sequence=aggregate.sequence,
        actor=origin.actor,
        actortype=origin.actor_type,
        causationid=causation,
        correlationid=correlation,
        hops=hops,
        automations=automations,
        traceparent=origin.traceparent,
        data=draft.data,
    )


def _row(event: Event[Any], aggregate: Aggregate, body: bytes, context: bytes) -> tuple[Any, ...]:
    return (
        event.id,
        aggregate.organization_id,
        aggregate.id,
        event.sequence,
        aggregate.shard,
        event.type,
        event.subject,
        event.time,
        event.actor,
        event.causationid,
        event.correlationid,
        body,
        context,
    )
