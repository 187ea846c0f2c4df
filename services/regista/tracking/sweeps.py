"""What time does to runs: those that fell silent have crashed, and the lines of those that were deleted go."""

from dataclasses import replace
from datetime import timedelta

from regista.kit import aggregate
from regista.kit.db import SYSTEM, Database, Origin, Transaction
from regista.kit.errors import NotFoundError
from regista.kit.outbox import append
from regista.tracking import line_repository, repository
from regista.tracking.repository import Silent
from regista.tracking.runs import Locked, enter, state_change

SILENCE = timedelta(minutes=5)
"""How long a run may be silent. Its client beats every 30 s."""
_RUNS = 100
_LINES = 20_000


async def crash_silent_runs(database: Database, public_url: str, silence: timedelta = SILENCE) -> int:
    """Set runs that were not heard of for ``silence`` to crashed, each with its event; return how many.

    Each in a transaction of its own: a sweep that dies has done what it has done, and the next goes on.
    """
    crashed, after = 0, 0
    while True:
        async with database.transaction() as transaction:
            found = await repository.silent_runs(transaction, silence, after, _RUNS)
        for one in found:
            crashed += await _crash(database, public_url, one, silence)
        if len(found) < _RUNS:
            return crashed
        after = found[-1].id


async def clear_discarded_runs(database: Database) -> int:
    """Delete the lines of runs that are gone, in small transactions; return in how many."""
    done = 0
    while True:
        async with database.transaction() as transaction:
            if not await line_repository.clear(transaction, _LINES):
                return done
        done += 1


async def _crash(database: Database, public_url: str, found: Silent, silence: timedelta) -> bool:
    origin = Origin(SYSTEM, "system", found.organization_id, found.organization, public_url=public_url)

    async def command(transaction: Transaction) -> bool:
        try:
            locked = await aggregate.lock_one(transaction, found.aggregate_id)
        except NotFoundError:
            return False
        run = (await repository.runs_by_ids(transaction, found.organization_id, [found.id])).get(found.id)
        heard = run.heartbeat_at if run is not None else None
        # Between the search and the lock it may have been heard of, have ended, or have been deleted.
        if run is None or heard is None or run.state not in repository.ALIVE or heard > locked.now - silence:
            return False
        projects = await repository.projects_by_ids(transaction, found.organization_id, [run.project_id])
        changed = enter(run, replace(run, state="crashed", updated_at=locked.now), locked.now)
        await repository.update_run(transaction, changed)
        await append(transaction, [state_change(Locked(locked, projects[run.project_id], run), changed)])
        return True

    return await database.run(command, origin)
