"""The SQL of decisions: making them, reading them back, counting what limits count, and what is due later.

Who decides takes, in this order: the limits' rows in the order of automations, then decisions in the order of events and
automations. Rows of ``execution_due`` are deleted and changed here only where nobody holds them. So planners, workers and saves
cannot come to wait for each other in a circle.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

from regista.access.repository import ACTOR_FIELDS, actor_of
from regista.access.verdict import Actor, Resource, Visibility
from regista.automations.deciding.allowance import Held, State
from regista.automations.deciding.verdict import Outcome, Verdict
from regista.automations.listing_repository import PROJECT, VISIBILITY
from regista.kit.bus.model import Received
from regista.kit.db import Transaction
from regista_events import codec

Pair = tuple[UUID, int]
"""What is decided about: an event and an automation."""

_DECIDE = """
INSERT INTO decision (organization_id, event_id, automation_id, revision, verdict, reason, "values")
SELECT o, e, a, r, v, w, x::jsonb
FROM unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[])
     AS g (o, e, a, r, v, w, x)
ON CONFLICT DO NOTHING RETURNING event_id, automation_id
"""
_DECIDED = """
SELECT d.organization_id, d.event_id, d.automation_id, d.revision, d.verdict, d.reason, d."values"->>'error' AS error
FROM unnest($1::uuid[], $2::bigint[]) w (event_id, automation_id)
JOIN decision d ON d.event_id = w.event_id AND d.automation_id = w.automation_id AND d.replay_id IS NULL
"""
_OF_REPLAYS = """
SELECT d.event_id, d.automation_id, d.replay_id, d.organization_id, d.revision
FROM unnest($1::uuid[], $2::bigint[], $3::uuid[]) w (event_id, automation_id, replay_id)
JOIN decision d ON d.event_id = w.event_id AND d.automation_id = w.automation_id AND d.replay_id = w.replay_id
WHERE d.verdict = 'fire' OR d.reason = 'failed'
"""
# Decides what was deferred; what is decided already stays as it is.
_SETTLE = """
UPDATE decision d SET verdict = g.v, reason = g.w, "values" = coalesce(g.x::jsonb, d."values")
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[]) AS g (e, a, v, w, x)
WHERE d.event_id = g.e AND d.automation_id = g.a AND d.replay_id IS NULL AND d.verdict = 'deferred'
"""
# The update changes nothing: it locks, in this order, what is there, and returns it as it is then.
_CLAIM = """
INSERT INTO automation_limit AS l (automation_id, organization_id)
SELECT * FROM unnest($1::bigint[], $2::bigint[]) g (automation_id, organization_id) ORDER BY automation_id
ON CONFLICT (automation_id) DO UPDATE SET organization_id = l.organization_id
RETURNING automation_id, fires, held_event, held_time, held_until
"""
_COUNT = """
UPDATE automation_limit l SET fires = g.f::timestamptz[], held_event = g.e, held_time = g.t, held_until = g.u
FROM unnest($1::bigint[], $2::text[], $3::uuid[], $4::timestamptz[], $5::timestamptz[]) AS g (a, f, e, t, u)
WHERE l.automation_id = g.a
"""
_PUT_OFF = """
INSERT INTO execution_due (kind, organization_id, event_id, automation_id, due_at)
SELECT k, o, e, a, coalesce(d, now() + $6)
FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::bigint[], $5::timestamptz[]) AS g (k, o, e, a, d)
ON CONFLICT DO NOTHING
"""
# One that a worker holds is for that worker to delete: it finds the decision and does nothing.
_DROP = """
DELETE FROM execution_due WHERE id IN (
    SELECT q.id FROM unnest($1::uuid[], $2::bigint[]) w (event_id, automation_id)
    JOIN execution_due q ON q.event_id = w.event_id AND q.automation_id = w.automation_id AND q.replay_id IS NULL
    WHERE $3::text IS NULL OR q.kind = $3
    FOR UPDATE OF q SKIP LOCKED
)
"""
_MOVE = """
UPDATE execution_due SET due_at = $3 WHERE id IN (
    SELECT id FROM execution_due WHERE event_id = $1 AND automation_id = $2 AND replay_id IS NULL FOR UPDATE SKIP LOCKED
)
"""
_EVENTS = "SELECT id, body, context, shard FROM event WHERE id = ANY($1::uuid[])"
# One row for all automations of one author in places that are alike to access control: most have many of them. What a
# scope's place is, as `scope_place` has it.
_AUTHORS = f"""
WITH placed AS (
    SELECT r.author_id, a.organization_id AS home, a.entity_id, {VISIBILITY} AS visibility, {PROJECT} AS project_id,
           array_agg(r.automation_id) AS automations, array_agg(r.revision) AS revisions
    FROM unnest($1::bigint[], $2::integer[]) w (automation_id, revision)
    JOIN automation_revision r USING (automation_id, revision) JOIN automation a ON a.id = r.automation_id
    GROUP BY 1, 2, 3, 4, 5
), author AS MATERIALIZED (
    SELECT {ACTOR_FIELDS}, a.deactivated_at FROM account a JOIN organization o ON o.id = a.organization_id
    WHERE a.id IN (SELECT author_id FROM placed)
)
SELECT placed.*, author.* FROM placed LEFT JOIN author ON author.id = placed.author_id
"""  # noqa: S608 - built of constants
_LONGEST_ERROR = 2000


class Decided(NamedTuple):
    """A row of ``decision``."""

    organization_id: int
    event_id: UUID
    automation_id: int
    revision: int
    verdict: Outcome
    reason: str | None
    error: str | None = None

    @property
    def pair(self) -> Pair:
        """The event and the automation."""
        return self.event_id, self.automation_id

    @property
    def acts(self) -> bool:
        """Whether what waits of it is carried out: also when actions of another kind had to be given up."""
        return self.verdict == "fire" or self.reason == "failed"


class Deferral(NamedTuple):
    """An execution that a planner takes up when its time has come; None: after a while, by the database's clock."""

    planner: str
    organization_id: int
    event_id: UUID
    automation_id: int
    due_at: datetime | None = None


class Authored(NamedTuple):
    """Revisions of one author in places that are alike to access control; ``actor`` None: nobody who may sign in."""

    revisions: Sequence[tuple[int, int]]
    actor: Actor | None
    place: Resource


async def record_decisions(transaction: Transaction, decisions: Sequence[Decided]) -> set[Pair]:
    """Store the decisions that nobody has made yet; return which those were."""
    rows = [(*each[:6], _values(each.error)) for each in decisions]
    columns = [list(column) for column in zip(*rows, strict=True)]
    return {(row[0], row[1]) for row in await transaction.connection.fetch(_DECIDE, *columns)}


async def recorded_decisions(transaction: Transaction, pairs: Collection[Pair]) -> dict[Pair, Decided]:
    """Return the decisions there are about these events and automations, replays aside.

    A statement of its own: what stood in the way of `record_decisions` may have committed after its snapshot.
    """
    rows = await transaction.connection.fetch(_DECIDED, *_columns(pairs))
    return {(row["event_id"], row["automation_id"]): Decided(*row) for row in rows}


async def replayed_decisions(
    transaction: Transaction, wanted: Collection[tuple[UUID, int, UUID]]
) -> dict[tuple[UUID, int, UUID], asyncpg.Record]:
    """Return those of (event, automation, replay) that are to be carried out, with ``organization_id, revision``."""
    columns = [list(column) for column in zip(*wanted, strict=True)]
    rows = await transaction.connection.fetch(_OF_REPLAYS, *columns)
    return {(row["event_id"], row["automation_id"], row["replay_id"]): row for row in rows}


async def settle_decisions(transaction: Transaction, verdicts: Mapping[Pair, Verdict]) -> None:
    """Decide what was deferred. Call with the limits of its automations claimed."""
    pairs = sorted(verdicts)
    await transaction.connection.execute(
        _SETTLE,
        *_columns(pairs),
        [verdicts[pair].outcome for pair in pairs],
        [verdicts[pair].reason for pair in pairs],
        [_values(verdicts[pair].error) for pair in pairs],
    )


async def claim_limits(transaction: Transaction, automations: Mapping[int, int]) -> dict[int, State]:
    """Lock what automations (id → organization) have fired, until the transaction ends, and return it."""
    rows = await transaction.connection.fetch(_CLAIM, list(automations), list(automations.values()))
    return {row["automation_id"]: _state(row) for row in rows}


async def count_limits(transaction: Transaction, states: Mapping[int, State]) -> None:
    """Store what automations have fired now. Call with their limits claimed."""
    held = [state.held for state in states.values()]
    await transaction.connection.execute(
        _COUNT,
        list(states),
        ["{" + ",".join(moment.isoformat() for moment in state.fires) + "}" for state in states.values()],
        [each and each.event_id for each in held],
        [each and each.time for each in held],
        [each and each.until for each in held],
    )


async def put_off(transaction: Transaction, deferrals: Sequence[Deferral], otherwise: timedelta = timedelta()) -> None:
    """Have planners take executions up when they are due: those that name no moment after ``otherwise`` from now."""
    columns = [list(column) for column in zip(*deferrals, strict=True)]
    await transaction.connection.execute(_PUT_OFF, *columns, otherwise)


async def drop_due(transaction: Transaction, pairs: Collection[Pair], planner: str | None = None) -> None:
    """Have nobody take these executions up, or this planner alone not."""
    await transaction.connection.execute(_DROP, *_columns(pairs), planner)


async def move_due(transaction: Transaction, pair: Pair, due_at: datetime) -> None:
    """Have an execution that was put off taken up at another moment."""
    await transaction.connection.execute(_MOVE, *pair, due_at)


async def logged_events(transaction: Transaction, events: Iterable[UUID]) -> dict[UUID, Received]:
    """Return events of the log as a consumer gets them."""
    rows = await transaction.connection.fetch(_EVENTS, list(set(events)))
    return {row["id"]: Received(codec.decode(row["body"]), row["body"], row["context"], row["shard"]) for row in rows}


async def authors(transaction: Transaction, revisions: Collection[tuple[int, int]]) -> list[Authored]:
    """Return whose the (automation, revision) pairs are, as of now."""
    rows = await transaction.connection.fetch(
        _AUTHORS, [each[0] for each in revisions], [each[1] for each in revisions]
    )
    return [
        Authored(
            list(zip(row["automations"], row["revisions"], strict=True)),
            None if row["id"] is None or row["deactivated_at"] is not None else actor_of(row),
            Resource(
                "the automation's scope",
                row["home"],
                row["entity_id"],
                Visibility(row["visibility"] or "entity"),
                project_id=row["project_id"],
            ),
        )
        for row in rows
    ]


def _columns(pairs: Collection[Pair]) -> tuple[list[UUID], list[int]]:
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _state(row: asyncpg.Record) -> State:
    held = row["held_event"]
    return State(tuple(row["fires"]), None if held is None else Held(held, row["held_time"], row["held_until"]))


def _values(error: str | None) -> str | None:
    if error is None:
        return None
    # What an error quotes is anybody's text; the database takes neither of these.
    text = error[:_LONGEST_ERROR].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return json.dumps({"error": text.encode("utf-8", "replace").decode()})
