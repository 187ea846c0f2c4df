"""All SQL of what is known of watched metrics: one row for each automation and run whose metric it has seen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from regista.kit.db import Database, Transaction

_LOOK = """
SELECT automation_id, run_id, w.test, w.last_number, w.points, w.fired_at, clock_timestamp() AS now
FROM unnest($1::bigint[], $2::bigint[]) AS g (automation_id, run_id)
LEFT JOIN metric_watch w USING (automation_id, run_id)
"""
# In the order of the key, so that two watchers cannot deadlock on each other's rows. Whoever waits for a row reads it as
# it is then. The day changes once a day: an update that touches no index leaves none to clean.
_HOLD = """
INSERT INTO metric_watch AS w (automation_id, run_id, organization_id, test, last_number, seen_on)
SELECT automation_id, run_id, organization_id, test, 0, current_date
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[]) AS g (automation_id, run_id, organization_id, test)
ORDER BY automation_id, run_id
ON CONFLICT (automation_id, run_id) DO UPDATE SET seen_on = current_date
RETURNING w.automation_id, w.run_id, w.test, w.last_number, w.fired_at
"""
_SAVE = """
UPDATE metric_watch SET test = $3, last_number = $4, points = $5, fired_at = $6
WHERE automation_id = $1 AND run_id = $2
"""
_FIRST_EVENT = "SELECT body FROM event WHERE aggregate_id = $1 AND sequence = 1"
_FORGET = "DELETE FROM metric_watch WHERE seen_on < current_date - $1::integer"

KEPT_DAYS = 30
"""A run that goes on after so long begins its windows anew. Far more than a topic keeps, so that no repeat comes later."""

Key = tuple[int, int]
"""An automation and a run."""


class Wanted(NamedTuple):
    """A row that is to be held, and the test it is for."""

    automation_id: int
    run_id: int
    organization_id: int
    test: bytes


class Mark(NamedTuple):
    """What tells whether a row is what it was."""

    test: bytes
    last_number: int
    fired_at: datetime | None


@dataclass(slots=True)
class State:
    """What is known: ``points`` as `metric_tests.kept` has them, the number of the last batch, and the last firing.

    ``mark`` is that of the row that it was read from.
    """

    mark: Mark
    test: bytes
    last_number: int
    points: Sequence[float]
    fired_at: datetime | None
    now: datetime

    def rests(self, period: timedelta) -> bool:
        """Return whether it has fired within the period."""
        return self.fired_at is not None and self.now - self.fired_at < period


async def look(transaction: Transaction, wanted: Iterable[Wanted]) -> dict[Key, State]:
    """Return what is known, which another may change before it is held; the state of another test is worth nothing.

    Numbers stay: they tell repeats of batches, whatever is asked of them.
    """
    tests = {(each.automation_id, each.run_id): each.test for each in wanted}
    columns = [list(column) for column in zip(*tests, strict=True)]
    found: dict[Key, State] = {}
    for automation, run, test, number, points, fired_at, now in await transaction.connection.fetch(_LOOK, *columns):
        key = (automation, run)
        if test is None:
            found[key] = State(Mark(tests[key], 0, None), tests[key], 0, [], None, now)
            continue
        same = test == tests[key]
        mark = Mark(test, number, fired_at)
        found[key] = State(mark, tests[key], number, points if same else [], fired_at if same else None, now)
    return found


async def hold(transaction: Transaction, wanted: Iterable[Wanted]) -> dict[Key, Mark]:
    """Lock the rows, waiting for whoever holds them, and return what they are; those that are missing are made."""
    columns = [list(column) for column in zip(*wanted, strict=True)]
    rows = await transaction.connection.fetch(_HOLD, *columns)
    return {(automation, run): Mark(test, number, fired_at) for automation, run, test, number, fired_at in rows}


async def save(transaction: Transaction, states: dict[Key, State]) -> None:
    """Write the rows, which are held."""
    await transaction.connection.executemany(
        _SAVE, [(*key, each.test, each.last_number, each.points, each.fired_at) for key, each in states.items()]
    )


async def first_event(transaction: Transaction, aggregate: int) -> bytes | None:
    """Return the body of an aggregate's first event, None where the log has it no more."""
    return await transaction.connection.fetchval(_FIRST_EVENT, aggregate)


async def forget(database: Database) -> int:
    """Delete what was not added to for `KEPT_DAYS`, runs that are gone included; return how much."""
    async with database.transaction() as transaction:
        return int((await transaction.connection.execute(_FORGET, KEPT_DAYS)).rpartition(" ")[2])
