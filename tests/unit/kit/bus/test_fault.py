import asyncpg
import pytest
from asyncpg import exceptions as pg
from sqlalchemy import exc as sa

from regista.kit.bus.fault import Fault, classify
from regista.kit.errors import InvalidError, UnavailableError


def wrapped(cause: Exception, *, invalidated: bool = False) -> sa.DBAPIError:
    """Return what SQLAlchemy raises over asyncpg: the wrapper, the dialect's own error, the driver's."""
    adapted = Exception("dialect")
    adapted.__cause__ = cause
    return sa.DBAPIError("SELECT 1", {}, adapted, connection_invalidated=invalidated)


def caused_by(cause: Exception) -> Exception:
    error = InvalidError("the projection could not be written")
    error.__cause__ = cause
    return error


OUTAGES = [
    ConnectionRefusedError(),
    ConnectionResetError(),
    TimeoutError(),
    OSError(28, "No space left on device"),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InterfaceError("pool is closing"),
    pg.ConnectionDoesNotExistError("…"),
    pg.CannotConnectNowError("…"),
    pg.AdminShutdownError("…"),
    pg.CrashShutdownError("…"),
    pg.TooManyConnectionsError("…"),
    pg.DiskFullError("…"),
    pg.OutOfMemoryError("…"),
    pg.ReadOnlySQLTransactionError("…"),
    pg.QueryCanceledError("…"),
    pg.InvalidPasswordError("…"),
    pg.InvalidCatalogNameError("…"),
    pg.UndefinedTableError("…"),
    pg.UndefinedColumnError("…"),
    pg.InsufficientPrivilegeError("…"),
    pg.DataCorruptedError("…"),
    sa.TimeoutError(),
    UnavailableError("the database is away"),
]
TRANSIENT = [pg.SerializationError("…"), pg.DeadlockDetectedError("…"), pg.LockNotAvailableError("…")]
GUILTY = [
    ValueError("bad value"),
    KeyError("missing"),
    InvalidError("refused"),
    pg.UniqueViolationError("…"),
    pg.NotNullViolationError("…"),
    pg.CharacterNotInRepertoireError("…"),
    pg.NumericValueOutOfRangeError("…"),
    pg.ProgramLimitExceededError("…"),
    asyncpg.InterfaceError("the server expects 2 arguments for this query, 1 was passed"),
    RecursionError(),
]


def name(error: Exception) -> str:
    return f"{type(error).__name__}({error})"


@pytest.mark.parametrize("error", OUTAGES, ids=name)
def test_an_outage_is_no_guilt_however_it_is_wrapped(error: Exception) -> None:
    assert classify(error) is Fault.OUTAGE
    assert classify(wrapped(error)) is Fault.OUTAGE
    assert classify(caused_by(error)) is Fault.OUTAGE
    assert classify(ExceptionGroup("two", [ValueError(), error])) is Fault.OUTAGE


@pytest.mark.parametrize("error", TRANSIENT, ids=name)
def test_a_lost_race_is_transient(error: Exception) -> None:
    assert classify(error) is Fault.TRANSIENT
    assert classify(wrapped(error)) is Fault.TRANSIENT


@pytest.mark.parametrize("error", GUILTY, ids=name)
def test_what_fails_again_and_again_is_the_records_own(error: Exception) -> None:
    assert classify(error) is Fault.GUILTY
    assert classify(wrapped(error)) is Fault.GUILTY


def test_a_connection_that_sqlalchemy_gave_up_is_an_outage() -> None:
    assert classify(wrapped(ValueError(), invalidated=True)) is Fault.OUTAGE


def test_an_outage_that_was_merely_being_handled_is_no_excuse() -> None:
    error = ValueError("defect in a handler of errors")
    error.__context__ = ConnectionResetError()
    assert classify(error) is Fault.GUILTY


def test_causes_that_go_in_a_circle_end() -> None:
    one, two = ValueError(), KeyError()
    one.__cause__, two.__cause__ = two, one
    assert classify(one) is Fault.GUILTY
