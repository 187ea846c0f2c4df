"""How fast the log of a year is simulated and replayed, and what memory that takes."""

import resource
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from regista.automations.language.conditions import Condition
from regista.automations.past import replay_repository
from regista.automations.past.replay_repository import NewReplay
from regista.automations.past.replaying import Replays
from regista.automations.past.simulating import simulate, task
from regista.events.passage import stretch
from regista.events.selection import Selection
from regista.kit import clock, ids
from regista.kit.db import Database
from regista_events import codec, full_name
from tests.bench.figures import FULL, Effort, Figure
from tests.support.definitions import definition
from tests.support.log import BEGAN, installed, made
from tests.support.postgres import PostgresSession

KINDS = ("alias.added", "artifact.linked", "tag.added", "run.state_changed")
EVENTS = 1_000_000
WHERE = 'alias == "production" && artifact.metadata.acc >= 0.5'
# Bodies differ in their id and time alone; ids are made at the times of their events.
_FILL = """
INSERT INTO event (id, organization_id, aggregate_id, sequence, shard, type, subject, time, actor, body, context)
SELECT g.id, 1, 1000000000 + n, 1, 3, ($1::text[])[n % 4 + 1], 'team/mnist/MNIST', t.time, '1',
       convert_to(replace(replace(($2::text[])[n % 4 + 1], $3, g.id::text), $4,
                          to_char(t.time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), 'UTF8'), '{}'
FROM generate_series($5::bigint, $6::bigint) AS n
CROSS JOIN LATERAL (SELECT $7::timestamptz + n * $8::interval AS time) AS t
CROSS JOIN LATERAL (SELECT lpad(to_hex((extract(epoch FROM t.time) * 1000)::bigint), 12, '0') AS h) AS m
CROSS JOIN LATERAL (
    SELECT (substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-' || substr(uuidv7()::text, 15))::uuid AS id
) AS g
ORDER BY n
"""
_PART = 50_000


@asynccontextmanager
async def year(postgres: PostgresSession, events: int) -> AsyncGenerator[Database]:
    """Yield a database with a log of so many events over a year."""
    every, identity = timedelta(days=365) / events, ids.uuid7()
    bodies = [codec.encode(made(kind, id=identity)).decode() for kind in KINDS]
    moment = bodies[0].partition('"time":"')[2].partition('"')[0]
    async with installed(postgres) as database:
        for first in range(0, events, _PART):
            async with database.transaction() as tx:
                await tx.connection.execute(
                    _FILL,
                    [full_name(kind) for kind in KINDS],
                    bodies,
                    str(identity),
                    moment,
                    first,
                    min(first + _PART, events) - 1,
                    BEGAN,
                    every,
                )
        async with database.transaction() as tx:
            await tx.connection.execute("ANALYZE event")
        yield database


async def measure(effort: Effort) -> list[Figure]:
    """Simulate one automation over the whole year, on a quarter of the events and on all, then replay it into nothing."""
    events = EVENTS if effort == FULL else EVENTS // 20
    session = PostgresSession(settings={})
    await session.start()
    try:
        async with year(session, events) as database:
            before = _mib()
            quarter = await _simulated(database, ("alias.added",))
            whole = await _simulated(database, KINDS)
            after = _mib()
            replayed = await _replayed(database)
    finally:
        session.stop()
    aim = 120 if effort == FULL else None
    return [
        Figure(f"simulate {events:,} events, one type of four", quarter[0], "s", aim, less=True),
        Figure(f"simulate {events:,} events, all types", whole[0], "s"),
        Figure("simulate, this process's time for an event", 1e6 * whole[1] / events, "µs"),
        Figure("simulate, memory beyond what it began with", after - before, "MiB", 64, less=True),
        Figure(f"replay {events // len(KINDS):,} events into nothing", replayed, "s"),
    ]


async def _simulated(database: Database, kinds: tuple[str, ...]) -> tuple[float, float]:
    """Return the seconds that it took, and those of the processor in this process."""
    where = WHERE if kinds == ("alias.added",) else "event.hops < 3"
    subject = definition(1, ("org", 0), *kinds, organization="home", condition=Condition(where))
    selection = Selection(types=tuple(map(full_name, kinds)))
    async with database.transaction() as tx:
        place = await stretch(tx, 1, selection)
    began, busy = clock.monotonic(), time.process_time()
    lines = [line async for line in simulate(database, task(subject, selection, place, 20), _allowed)]
    last = lines[-1]
    assert last["kind"] == "summary"
    assert last["fires"] == last["examined"] > 0
    return clock.monotonic() - began, time.process_time() - busy


async def _replayed(database: Database) -> float:
    async with database.transaction() as tx:
        await tx.connection.execute(_AUTOMATION)
        selection = Selection(types=(full_name("alias.added"),))
        new = NewReplay(ids.uuid7(), 1, 1, 1, None, selection, await stretch(tx, 1, selection), "admin", 1)
        await replay_repository.insert(tx, new)
    driver = Replays(database)
    began = clock.monotonic()
    while await driver.round():
        pass
    seconds = clock.monotonic() - began
    async with database.transaction() as tx:
        row = await replay_repository.one(tx, 1, new.id)
    assert row is not None
    assert row["state"] == "finished"
    assert row["fired"] == row["examined"] > 0
    return seconds


_AUTOMATION = f"""
WITH root AS (INSERT INTO aggregate (organization_id) VALUES (1) RETURNING id),
     made AS (
         INSERT INTO automation (aggregate_id, organization_id, scope_kind, scope_id, name, enabled, changed, created_at,
                                 updated_at)
         SELECT id, 1, 'org', 1, 'all', true, 1, now(), now() FROM root RETURNING id)
INSERT INTO automation_revision (automation_id, revision, organization_id, name, scope, scope_kind, scope_id, events,
                                 condition, actions, integration_ids, author, author_id, created_at)
SELECT id, 1, 1, 'all', 'org', 'org', 1, '{{alias.added}}', '{WHERE}', '[{{"no_op": {{}}}}]', '{{NULL}}', 'admin', 1, now()
FROM made
"""


async def _allowed() -> bool:
    return True


def _mib() -> float:
    """Return the most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
