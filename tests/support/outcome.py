"""What must be true of an installation once the dust has settled, whatever was done to it."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from regista.audit.verification import first_mismatch
from regista.kit.db import Database
from regista.kit.vault import Vault
from tests.support.load import ALIAS, Load
from tests.support.sink import Arrival, Sink
from tests.support.system import System

IN_FLIGHT = timedelta(seconds=1.5)
"""What arrived earlier than this before a crash has long been recorded."""

logger = logging.getLogger("figures")

MOVES = f"""
SELECT id::text FROM event
WHERE type = 'dev.regista.alias.added' AND convert_from(body, 'UTF8')::json -> 'data' ->> 'alias' LIKE '{ALIAS}%'
"""
WAITING = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM delivery_due)"
UNAUDITED = "SELECT count(*) FROM event WHERE id NOT IN (SELECT event_id FROM audit)"


def figures(**measured: float) -> None:
    """Tell what a test measured; ``--log-cli-level=info`` shows it."""
    logger.info(", ".join(f"{name} {number:g}" for name, number in measured.items()))


def database_of(system: System) -> tuple[str, str]:
    """Return the URL of the embedded database and the installation's secret key, as its processes have them."""
    (engine,) = system.children("engine")
    environment: Mapping[str, str] = engine.environ()
    return environment["REGISTA_DATABASE_URL"], environment["REGISTA_SECRET_KEY"]


async def rows(url: str, statement: str, *arguments: Any) -> list[Any]:
    """Return what the statement finds, on a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(statement, *arguments)
    finally:
        await connection.close()


async def value(url: str, statement: str, *arguments: Any) -> Any:
    """Return the one value that the statement finds."""
    return (await rows(url, statement, *arguments))[0][0]


async def becomes(url: str, statement: str, wanted: Any, seconds: float = 30.0) -> None:
    """Wait until the statement finds the value."""
    found = None
    try:
        async with asyncio.timeout(seconds):
            while (found := await value(url, statement)) != wanted:
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{found} and not {wanted} after {seconds} s: {statement}") from None


async def assert_whole(url: str, secret_key: str, load: Load, sink: Sink, seconds: float = 30.0) -> set[str]:
    """Wait until everything is done; then hold the log, the receiver, the audit and the dead letters to each other.

    Returns the ids of all moves: those that were acknowledged and those whose answer was lost.
    """
    moves = {row["id"] for row in await rows(url, MOVES)}
    assert set(load.acknowledged) <= moves, "acknowledged, and not in the log"
    assert len(set(load.acknowledged)) == len(load.acknowledged), "two moves were told one event"
    assert not load.faults, load.faults[:3]
    await sink.has(moves, seconds)
    assert sink.ids == moves, "received, and not in the log"
    for event_id, arrivals in sink.repeats().items():
        assert len({arrival.webhook_id for arrival in arrivals}) == 1, event_id
        assert len({arrival.body for arrival in arrivals}) == 1, event_id
    await becomes(url, WAITING, 0, seconds)
    await becomes(url, UNAUDITED, 0, seconds)
    assert await value(url, "SELECT count(*) FROM audit") == await value(url, "SELECT count(*) FROM event")
    assert await value(url, "SELECT count(DISTINCT event_id) FROM audit") == await value(
        url, "SELECT count(*) FROM event"
    )
    assert await rows(url, "SELECT * FROM dead_letter") == []
    await assert_verified(url, secret_key)
    return moves


def assert_were_in_flight(repeats: Mapping[str, Sequence[Arrival]], crashed: datetime) -> None:
    """Refuse repeats of what arrived so long before the crash that it must have been recorded."""
    early = [crashed - each[0].at for each in repeats.values() if each[0].at < crashed - IN_FLIGHT]
    assert early == [], f"repeated although they arrived {early} before the crash"


async def assert_verified(url: str, secret_key: str) -> None:
    """Recompute the chains of the audit."""
    database = Database(url)
    try:
        assert await first_mismatch(database, vault=Vault(secret_key)) is None
    finally:
        await database.close()
