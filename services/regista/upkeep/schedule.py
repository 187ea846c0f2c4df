"""What there is to sweep, and how often."""

from collections.abc import Sequence
from datetime import timedelta

from regista.kit.db import Database
from regista.kit.settings import Settings
from regista.tracking.sweeps import clear_discarded_runs, crash_silent_runs
from regista.upkeep.agenda import Sweep


def sweeps(settings: Settings) -> Sequence[Sweep]:
    """Return every sweep of an installation."""
    seconds = settings.upkeep_seconds
    silence = timedelta(seconds=settings.run_silence_seconds)

    async def crash(database: Database, public_url: str) -> int:
        return await crash_silent_runs(database, public_url, silence)

    async def clear(database: Database, _public_url: str) -> int:
        return await clear_discarded_runs(database)

    return [Sweep("silent runs", seconds, crash), Sweep("lines of deleted runs", seconds, clear)]
