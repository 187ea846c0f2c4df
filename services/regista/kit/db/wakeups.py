"""Empty notifications between processes: a hint that there is work, never the work itself.

NOTIFY inside a transaction takes a database-wide lock at commit, so a wake-up is sent after it, on a connection of its
own, at most one a channel every few milliseconds. It may be lost: every listener also polls. (Revoked keys are the one
exception, and NOTIFY inside their transaction: see ``access.cache``.)
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable

import asyncpg
import structlog

from regista.kit import backoff
from regista.kit.db.faults import DRIVER_ERRORS

log = structlog.get_logger()

COALESCE_SECONDS = 0.001
Connect = Callable[[], Awaitable[asyncpg.Connection]]


class Wakeups:
    """Sends and receives wake-ups over two connections of its own, reconnecting for ever."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._due: set[str] = set()
        self._pending = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._listener: asyncio.Task[None] | None = None
        self._callbacks: defaultdict[str, list[Callable[[str], None]]] = defaultdict(list)
        self._changed = asyncio.Event()
        self.listening = False
        """Whether notifications arrive at present; while not, caches must be gone round."""

    def wake(self, channel: str) -> None:
        """Notify ``channel`` soon; returns at once."""
        self._due.add(channel)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send(), name="wakeups-send")
        self._pending.set()

    def subscribe(self, channel: str, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call ``callback(payload)`` on every notification of ``channel``, and with ``""`` after each reconnection.

        Returns a function that ends the subscription.
        """
        self._callbacks[channel].append(callback)
        self._changed.set()
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen(), name="wakeups-listen")

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._callbacks[channel].remove(callback)

        return unsubscribe

    async def close(self) -> None:
        """Stop both tasks and close their connections."""
        tasks = [task for task in (self._sender, self._listener) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self) -> None:
        connection: asyncpg.Connection | None = None
        try:
            while True:
                await self._pending.wait()
                self._pending.clear()
                channels, self._due = self._due, set()
                try:
                    if connection is None or connection.is_closed():
                        connection = await self._connect()
                    for channel in channels:
                        await connection.execute(f"NOTIFY {channel}")
                except DRIVER_ERRORS:
                    # Lost wake-ups cost their listeners one polling interval, no more.
                    if connection is not None:
                        connection.terminate()
                    connection = None
                await asyncio.sleep(COALESCE_SECONDS)
        finally:
            if connection is not None:
                connection.terminate()

    async def _listen(self) -> None:
        failures = 0
        while True:
            connection: asyncpg.Connection | None = None
            lost = asyncio.Event()
            try:
                connection = await self._connect()
                connection.add_termination_listener(_setter(lost))
                await self._follow(connection, lost)
                failures = 0
            except DRIVER_ERRORS as error:
                failures += 1
                log.warning("wakeups.disconnected", error=str(error))
            finally:
                self.listening = False
                if connection is not None:
                    connection.terminate()
            await asyncio.sleep(backoff.exponential(max(failures, 1), first=0.05, limit=2.0, jitter=0.5))

    async def _follow(self, connection: asyncpg.Connection, lost: asyncio.Event) -> None:
        heard: set[str] = set()
        while not lost.is_set():
            self._changed.clear()
            for channel in self._callbacks.keys() - heard:
                await connection.add_listener(channel, self._received)
                heard.add(channel)
                self._received(connection, 0, channel, "")
            self.listening = True
            waits = [asyncio.create_task(lost.wait()), asyncio.create_task(self._changed.wait())]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
                await asyncio.gather(*waits, return_exceptions=True)

    def _received(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        for callback in tuple(self._callbacks[channel]):
            callback(str(payload))


def _setter(lost: asyncio.Event) -> Callable[[object], None]:
    def on_termination(_connection: object) -> None:
        lost.set()

    return on_termination
