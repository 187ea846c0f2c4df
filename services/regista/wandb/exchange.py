"""One GraphQL request: who asks, and the transactions its resolvers run in.

Resolvers of one request run side by side on one loop, a connection serves one statement at a time: reads share one
transaction and take turns. A mutation is a transaction of its own, after which reads begin a new one, so that the
payload of a mutation shows what it committed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import asyncpg
from graphql import GraphQLResolveInfo

from regista.access.boundary import Caller
from regista.access.errors import AccessDeniedError
from regista.access.verdict import Actor
from regista.kit.db import Transaction, is_outage
from regista.kit.db.database import TRANSACTION_SECONDS
from regista.kit.errors import InvalidError, NotFoundError, RegistaError, UnavailableError

T = TypeVar("T")
Query = Callable[[Transaction], Awaitable[T]]


class Exchange:
    """What a request's resolvers share.

    ``denials`` are refusals of reads, for the engine to record. ``loaded`` is what loaders found, until a change.
    """

    def __init__(self, call: Caller) -> None:
        self.call = call
        self.denials: list[AccessDeniedError] = []
        self.loaded: dict[Any, Any] = {}
        self._turn = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._reading: Transaction | None = None

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return self.call.actor

    def url(self, path: str) -> str:
        """Return an absolute URL of this server; ``path`` begins with a slash."""
        return self.call.base_url + path

    async def read(self, query: Query[T]) -> T:
        """Run a query in the request's read transaction.

        Raises `UnavailableError` while the database is out of reach, `InvalidError` for a value that it cannot take.
        """
        async with self._turn:
            try:
                if self._reading is None:
                    database = self.call.runtime.database
                    self._reading = await self._stack.enter_async_context(database.transaction())
                return await query(self._reading)
            except AccessDeniedError as error:
                self.denials.append(error)
                raise
            except RegistaError:
                raise
            except Exception as error:
                # A statement failed and took the transaction with it; the next read begins another.
                self._reading = None
                await self._stack.__aexit__(type(error), error, error.__traceback__)
                if isinstance(error, asyncpg.DataError):
                    raise InvalidError(f"the database does not take a value of this query: {error}") from error
                if isinstance(error, asyncpg.QueryCanceledError):
                    # Asked again, it would take as long again.
                    said = (
                        f"the database did not answer this query within {TRANSACTION_SECONDS} s; ask for less at once"
                    )
                    raise InvalidError(said) from error
                if is_outage(error):
                    raise UnavailableError("the database does not answer; nothing was read") from error
                raise

    async def find(self, query: Query[T]) -> T | None:
        """Run a query as `read` does; None for what does not exist or may not be seen, as the client expects it."""
        try:
            return await self.read(query)
        except NotFoundError:
            return None

    async def change(self, command: Query[T]) -> T:
        """Run a command in one transaction and commit; a refusal is recorded."""
        async with self._turn:
            await self._end()
            try:
                return await self.call.change(command)
            except asyncpg.DataError as error:
                raise InvalidError(f"the database does not take a value of this request: {error}") from error

    async def close(self) -> None:
        """End the read transaction."""
        async with self._turn:
            await self._end()

    async def _end(self) -> None:
        self._reading = None
        self.loaded.clear()
        await self._stack.aclose()


Info = GraphQLResolveInfo[Exchange]
"""What every resolver takes as its second parameter."""


def exchange_of(info: Info) -> Exchange:
    """Return the request that a resolver works for."""
    return info.context
