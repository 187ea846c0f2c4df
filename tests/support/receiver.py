"""A raw HTTP/1.1 server for tests of the client: it counts connections and answers exactly the bytes it is told to."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Self


class Request(NamedTuple):
    """One request as it arrived; ``connection`` counts from 1, ``turn`` is its place on that connection, from 1."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int
    turn: int


Answering = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def response(status: str = "200 OK", body: bytes = b"", headers: str = "") -> bytes:
    """Return the bytes of a whole response; ``headers`` are complete lines with their CRLF."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


async def accept(_request: Request, writer: asyncio.StreamWriter) -> None:
    """Answer 200 with nothing."""
    writer.write(response())


class Receiver:
    """Listens on ``hosts``, one port; ``answer`` may be exchanged at any time."""

    def __init__(self, *hosts: str, answer: Answering = accept, tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.connections = 0
        self.closed = asyncio.Event()
        self.requests: list[Request] = []
        self.port = 0
        self._hosts = hosts or ("127.0.0.1",)
        self._tls = tls
        self._servers: list[asyncio.Server] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        for host in self._hosts:
            server = await asyncio.start_server(self._connected, host, self.port, ssl=self._tls)
            self._servers.append(server)
            self.port = server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
        self.drop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def url(self, host: str = "127.0.0.1", scheme: str = "http", path: str = "/hook") -> str:
        """Return the URL of this server under ``host``."""
        return f"{scheme}://{host}:{self.port}{path}"

    def drop(self) -> None:
        """Reset every connection that is open."""
        for writer in list(self._writers):
            writer.transport.abort()

    def hang_up(self) -> None:
        """Close every connection that is open, in order."""
        for writer in list(self._writers):
            writer.close()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        connection, turn = self.connections, 0
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                turn += 1
                line, *lines = head.strip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                request = Request(line, headers, body, connection, turn)
                self.requests.append(request)
                await self.answer(request, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            self.closed.set()
        finally:
            self._writers.discard(writer)
            writer.close()
