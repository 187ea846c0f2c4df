"""What there is to sweep, and how often."""

from collections.abc import Sequence
from datetime import timedelta

from regista.automations.watching import watch_repository
from regista.delivery.sweeps import cancel_strays
from regista.kit.blobs import open_blobs
from regista.kit.db import Database
from regista.kit.settings import Settings
from regista.registry.sweeps import clear_staged, delete_abandoned, delete_expired
from regista.tracking.sweeps import clear_discarded_runs, crash_silent_runs
from regista.upkeep.agenda import Sweep
from regista.upkeep.retention import forget_long_ago

LEFTOVERS_SECONDS = 3600.0
"""How often what nobody sees is cleared away: it is days old, and some of it is found by listing a store."""


def sweeps(settings: Settings) -> Sequence[Sweep]:
    """Return every sweep of an installation, those first that others wait for."""
    seconds = settings.upkeep_seconds
    silence = timedelta(seconds=settings.run_silence_seconds)

    async def crash(database: Database, public_url: str) -> int:
        return await crash_silent_runs(database, public_url, silence)

    async def clear(database: Database, _public_url: str) -> int:
        return await clear_discarded_runs(database)

    async def give_up(database: Database, _public_url: str) -> int:
        return await delete_abandoned(database)

    async def unstage(_database: Database, _public_url: str) -> int:
        return await clear_staged(open_blobs(settings.artifact_store, settings.data_dir))

    async def forget(database: Database, _public_url: str) -> int:
        return await watch_repository.forget(database)

    return [
        Sweep("silent runs", seconds, crash),
        Sweep("expired versions", seconds, delete_expired),
        Sweep("deliveries to endpoints that are gone", seconds, cancel_strays),
        Sweep("lines of deleted runs", seconds, clear),
        Sweep("metrics of runs that log no more", LEFTOVERS_SECONDS, forget),
        Sweep("artifacts never committed", LEFTOVERS_SECONDS, give_up),
        Sweep("uploads never used", LEFTOVERS_SECONDS, unstage),
        Sweep("decisions and deliveries of long ago", LEFTOVERS_SECONDS, forget_long_ago),
    ]
