"""The one gate into PostgreSQL.

``Database.transaction()`` issues BEGIN itself and hands out both the SQLAlchemy session and the asyncpg connection of
that one transaction. (Left to itself, SQLAlchemy's asyncpg adapter begins only at the first statement that it executes:
raw statements before it would commit one by one and survive a rollback.) The engine therefore runs in AUTOCOMMIT, where
SQLAlchemy never begins or ends anything, and a session's ``commit()`` changes nothing by itself.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from regista.kit import backoff, clock, ids
from regista.kit.db.faults import DRIVER_ERRORS, is_outage, is_transient
from regista.kit.db.origin import Origin
from regista.kit.db.wakeups import Wakeups
from regista.kit.errors import UnavailableError

T = TypeVar("T")

TRANSACTION_SECONDS = 30
"""A mutation ends within this time: automations rely on it to miss no event (see ``automations``)."""
BREATH = 0.02
"""Seconds that a computation in a transaction has the loop to itself, least; see `Transaction.breathe`."""


class Transaction:
    """One open transaction: ``connection`` for SQL text, ``session`` for SQLModel; both see the same changes."""

    __slots__ = ("_breathed", "_pooled", "_session", "_sync", "_wakes", "connection", "database", "origin")

    def __init__(self, database: "Database", pooled: Any, origin: Origin | None) -> None:
        self.database = database
        self.connection: asyncpg.Connection = pooled.driver_connection
        self.origin = origin
        self._pooled = pooled
        self._sync: AsyncConnection | None = None
        self._session: AsyncSession | None = None
        self._wakes: set[str] = set()
        self._breathed = clock.monotonic()

    @property
    def session(self) -> AsyncSession:
        """The SQLModel session on this transaction; flushed before the commit."""
        if self._session is None:
            engine = self.database.engine
            self._sync = AsyncConnection(engine, Connection(engine.sync_engine, self._pooled))
            self._session = AsyncSession(self._sync, expire_on_commit=False)
        return self._session

    def wake(self, channel: str) -> None:
        """Wake the listeners of ``channel`` once the transaction has committed."""
        self._wakes.add(channel)

    async def plan_for_values(self) -> None:
        """Plan the statements that follow for the values they have: the selectivity of a filter decides its best plan."""
        await self.connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")

    async def breathe(self) -> None:
        """Let others have the loop, and PostgreSQL know that the transaction goes on: call it between steps that compute.

        PostgreSQL ends what is idle for `TRANSACTION_SECONDS`, and a batch of many short steps may take longer.
        """
        if clock.monotonic() - self._breathed >= BREATH:
            await self.connection.execute("SELECT")
            self._breathed = clock.monotonic()

    async def flush(self) -> None:
        """Write what the session holds, so that raw statements see it."""
        if self._session is not None:
            await self._session.flush()

    async def commit(self) -> None:
        """Commit; called by the gate alone."""
        await self.flush()
        if await self.connection.execute("COMMIT") != "COMMIT":
            raise RuntimeError("a statement failed and its error was swallowed: PostgreSQL rolled the transaction back")
        for channel in self._wakes:
            self.database.wakeups.wake(channel)

    def close(self) -> None:
        """Give the connection back, or drop it if it is broken."""
        if self._session is not None:
            self._session.expunge_all()
        if self.connection.is_closed() or self.connection.is_in_transaction():
            self.connection.terminate()
            self._pooled.invalidate()
        self._pooled.close()


class Database:
    """A pool of connections to one PostgreSQL database, shared by everything in a process.

    ``url`` is a libpq URL. Nothing is opened before the first use. ``wakeups`` sends and receives the empty
    notifications that save other processes their polling.
    """

    def __init__(self, url: str, *, pool_size: int = 10, name: str = "regista") -> None:
        self.url = url
        self.name = name
        self.wakeups = Wakeups(self.connect)
        self.engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self.connect,
            isolation_level="AUTOCOMMIT",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=TRANSACTION_SECONDS,
            pool_reset_on_return=None,
            # The connection used last has its statements and its server's caches warm; the others stay small.
            pool_use_lifo=True,
        )

    async def connect(self) -> asyncpg.Connection:
        """Open a connection of its own, outside the pool: for advisory locks, LISTEN and whatever outlives requests."""
        return await asyncpg.connect(
            self.url,
            timeout=10,
            statement_cache_size=1000,
            max_cached_statement_lifetime=0,
            server_settings={
                "application_name": self.name,
                "statement_timeout": f"{TRANSACTION_SECONDS}s",
                "idle_in_transaction_session_timeout": f"{TRANSACTION_SECONDS}s",
                "tcp_keepalives_idle": "5",
                "tcp_keepalives_interval": "2",
                "tcp_keepalives_count": "2",
                "timezone": "UTC",
                "plan_cache_mode": "force_generic_plan",
            },
        )

    @asynccontextmanager
    async def transaction(self, origin: Origin | None = None, *, readonly: bool = False) -> AsyncGenerator[Transaction]:
        """Open a transaction; commit when the block ends, roll everything back when it raises.

        Read committed: a statement sees what has committed before it began. ``readonly`` takes one snapshot for all
        statements instead. Raises what the driver raises; see ``faults``.
        """
        pooled = await self._begin("BEGIN READ ONLY ISOLATION LEVEL REPEATABLE READ" if readonly else "BEGIN")
        transaction = Transaction(self, pooled, origin)
        try:
            yield transaction
            await transaction.commit()
        except BaseException:
            if not transaction.connection.is_closed() and transaction.connection.is_in_transaction():
                await asyncio.shield(_rollback(transaction.connection))
            raise
        finally:
            transaction.close()

    async def run(self, command: Callable[[Transaction], Awaitable[T]], origin: Origin | None = None) -> T:
        """Run ``command`` in a transaction, again when it loses a race, for 30 s at most.

        Raises `UnavailableError` when the database is out of reach or the time is over; a failure during COMMIT
        leaves the outcome unknown, and the message says so.
        """
        attempt = 0
        deadline = clock.monotonic() + TRANSACTION_SECONDS
        committing = False
        while True:
            try:
                async with asyncio.timeout(deadline - clock.monotonic()):
                    committing = False
                    async with self.transaction(origin) as transaction:
                        result = await command(transaction)
                        committing = True
                    return result
            except Exception as error:
                if is_transient(error):
                    attempt += 1
                    await asyncio.sleep(backoff.exponential(attempt, first=0.005, limit=0.5, jitter=ids.fraction()))
                    continue
                if is_outage(error):
                    said = "whether the change was made is unknown; repeat it with the same Idempotency-Key"
                    raise UnavailableError(
                        f"the database does not answer; {said if committing else 'nothing was changed'}"
                    ) from error
                raise

    async def close(self) -> None:
        """Close every connection."""
        await self.wakeups.close()
        await self.engine.dispose()

    async def _begin(self, statement: str) -> Any:
        # A pooled connection that died while idle is found out here, where nothing has happened yet: take another.
        while True:
            pooled: Any = await self.engine.raw_connection()
            connection = pooled.driver_connection
            fresh = "used" not in pooled.info
            pooled.info["used"] = True
            try:
                await connection.execute(statement)
            except Exception:
                connection.terminate()
                pooled.invalidate()
                if fresh:
                    raise
            except BaseException:
                connection.terminate()
                pooled.invalidate()
                raise
            else:
                return pooled


async def _rollback(connection: asyncpg.Connection) -> None:
    try:
        await connection.execute("ROLLBACK")
    except DRIVER_ERRORS:
        connection.terminate()  # the server rolls back what a lost connection leaves
