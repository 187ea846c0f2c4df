"""Whose fault it is when a consumer fails: the record's, the moment's, or a dependency's.

A dependency that is down must not drain the topic into the dead letters, so every doubt about the database is decided
against parking.
"""

from collections.abc import Iterator
from enum import Enum, auto

from sqlalchemy import exc as sa

from regista.kit.db import faults
from regista.kit.errors import UnavailableError


class Fault(Enum):
    """The verdict on an exception."""

    TRANSIENT = auto()
    """The same batch succeeds when it is run again at once: serialization failures, deadlocks."""
    OUTAGE = auto()
    """The same batch succeeds once somebody has repaired something else."""
    GUILTY = auto()
    """This record fails however often it is tried."""


# What is wrong with the deployment, not with a record (PostgreSQL, appendix A): no database, schema, right, column,
# function or table, which is what a consumer sees that starts before its migration; then corrupted data and index.
_NOT_READY = frozenset({"3D000", "3F000", "42501", "42703", "42883", "42P01", "XX001", "XX002"})
# Another transaction holds the lock: contention, not guilt.
_CONTENTION = frozenset({"55P03"})


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
    if isinstance(error, OSError | MemoryError | sa.DisconnectionError | UnavailableError) or faults.is_outage(error):
        return Fault.OUTAGE
    if isinstance(error, sa.DBAPIError) and error.connection_invalidated:
        return Fault.OUTAGE
    state = getattr(error, "sqlstate", None)
    if state in _NOT_READY:
        return Fault.OUTAGE
    if state in _CONTENTION or faults.is_transient(error):
        return Fault.TRANSIENT
    return Fault.GUILTY
