"""Tells apart the three reasons a database operation fails: the data, a race, or the database itself."""

import asyncpg
from asyncpg import exceptions as pg
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

DRIVER_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""Everything that asyncpg raises of a server, of a connection to it, or of one that was lost."""

_OUTAGE = (
    asyncpg.InterfaceError,  # the client's side of a connection that is gone; see _MISUSE
    asyncpg.InternalClientError,  # what the first use of a connection that the server ended while idle may raise
    pg.PostgresConnectionError,
    pg.InsufficientResourcesError,  # disk full, out of memory, too many connections
    pg.OperatorInterventionError,  # shutdown, crash recovery, cannot connect now
    pg.ReadOnlySQLTransactionError,  # a failover left us on a standby
    pg.PostgresSystemError,
    pg.PostgresIOError,
    pg.InvalidAuthorizationSpecificationError,
    pg.IdleInTransactionSessionTimeoutError,
    OSError,
    TimeoutError,
    PoolTimeoutError,
)
_TRANSIENT = (pg.SerializationError, pg.DeadlockDetectedError)
# Interface errors that are a bug in the caller, not a lost connection: wrong argument types and counts.
_MISUSE = ("expected", "invalid input for query argument", "the server expects", "cannot use", "another operation")


def cause_of(error: BaseException) -> BaseException:
    """Return the driver's own exception behind SQLAlchemy's wrappers, or the error itself."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    # Without a DBAPIError around it where the pool could not connect: a server that is starting up.
    if isinstance(error, AsyncAdapt_asyncpg_dbapi.Error) and error.__cause__ is not None:
        return error.__cause__
    return error


def is_transient(error: BaseException) -> bool:
    """Return whether the transaction lost a race (40001, 40P01) and the same statements may succeed at once."""
    return isinstance(cause_of(error), _TRANSIENT)


def is_outage(error: BaseException) -> bool:
    """Return whether the database (or the way to it) is at fault, so that nobody's data is to blame."""
    error = cause_of(error)
    if isinstance(error, asyncpg.InterfaceError):
        return isinstance(error, asyncpg.DataError) is False and not any(word in str(error) for word in _MISUSE)
    return isinstance(error, _OUTAGE)
