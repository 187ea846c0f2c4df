"""Whose fault it is when a consumer fails: the record's, the moment's, or a dependency's.

A dependency that is down must not drain the topic into the dead letters, so every doubt about the database is decided
against parking.
"""

from collections.abc import Iterator
from enum import Enum, auto

import asyncpg
from sqlalchemy import exc as sa

from regista.kit.errors import UnavailableError


class Fault(Enum):
    """The verdict on an exception."""

    TRANSIENT = auto()
    """The same batch succeeds when it is run again at once: serialization failures, deadlocks."""
    OUTAGE = auto()
    """The same batch succeeds once somebody has repaired something else."""
    GUILTY = auto()
    """This record fails however often it is tried."""


# PostgreSQL, appendix A (error codes).
_TRANSIENT_STATES = frozenset({"40001", "40P01", "55P03"})
_OUTAGE_CLASSES = frozenset(
    {
        "08",  # connection exception
        "28",  # invalid authorization: a password was rotated
        "53",  # insufficient resources: disk full, out of memory, too many connections
        "57",  # operator intervention: shutdown, starting up, statement timeout
        "58",  # system error outside PostgreSQL: input/output
    }
)
_OUTAGE_STATES = frozenset(
    {
        "25006",  # read-only transaction: connected to a standby after a failover
        "3D000",  # the database does not exist
        "3F000",  # the schema does not exist
        "42501",  # insufficient privilege
        "42703",  # undefined column: the migration has not run yet
        "42883",  # undefined function: the same
        "42P01",  # undefined table: the same
        "XX001",  # data corrupted
        "XX002",  # index corrupted
    }
)
# asyncpg has one InterfaceError for a connection that is gone and for a call that is wrong; only its text tells.
_GONE = ("closed", "closing", "released", "not initialized")


def classify(error: BaseException) -> Fault:
    """Return the verdict on ``error``, its explicit causes and, for a group, its members; an outage outweighs all."""
    verdicts = {_verdict(each) for each in _chain(error)}
    if Fault.OUTAGE in verdicts:
        return Fault.OUTAGE
    return Fault.TRANSIENT if Fault.TRANSIENT in verdicts else Fault.GUILTY


def _chain(error: BaseException) -> Iterator[BaseException]:
    waiting = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if each.__cause__ is not None:
            waiting.append(each.__cause__)
        if isinstance(each, sa.DBAPIError) and each.orig is not None:
            waiting.append(each.orig)
        if isinstance(each, BaseExceptionGroup):
            waiting.extend(each.exceptions)


def _verdict(error: BaseException) -> Fault:
    if isinstance(error, OSError | MemoryError | sa.TimeoutError | sa.DisconnectionError | UnavailableError):
        return Fault.OUTAGE
    if isinstance(error, sa.DBAPIError) and error.connection_invalidated:
        return Fault.OUTAGE
    if isinstance(error, asyncpg.InterfaceError) and not isinstance(error, ValueError):
        return Fault.OUTAGE if any(word in str(error) for word in _GONE) else Fault.GUILTY
    return _by_state(getattr(error, "sqlstate", None))


def _by_state(state: str | None) -> Fault:
    if state is None:
        return Fault.GUILTY
    if state in _TRANSIENT_STATES:
        return Fault.TRANSIENT
    if state in _OUTAGE_STATES or state[:2] in _OUTAGE_CLASSES:
        return Fault.OUTAGE
    return Fault.GUILTY
