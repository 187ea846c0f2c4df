"""A process that receives webhooks at next to no cost, and remembers when each came.

Paths: ``/fast/N`` is answered at once, ``/error/N`` with 500, ``/hang/N`` never. It prints its port, then obeys lines of
its input: ``count`` prints how many requests came to ``/fast``, ``take`` prints what came since and forgets it.
"""

import asyncio
import json
import sys
import time
from typing import Any

import uvloop

_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
_ERROR = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"

arrivals: list[tuple[float, bytes, bytes, bytes]] = []
"""When, to which path, under which webhook-id, with which beginning of a body."""


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._rest = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        while (head := data.find(b"\r\n\r\n")) >= 0:
            headers = data[: head + 2].lower()
            end = head + 4 + int(_value(headers, b"\r\ncontent-length: ") or 0)
            if len(data) < end:
                break
            path = data[5 : data.find(b" ", 5)]
            if path.startswith(b"/fast"):
                arrivals.append(
                    (time.monotonic(), path, _value(headers, b"\r\nwebhook-id: "), data[head + 4 : head + 260])
                )
                self._transport.write(_OK)
            elif path.startswith(b"/error"):
                self._transport.write(_ERROR)
            data = data[end:]
        self._rest = data


def _value(headers: bytes, name: bytes) -> bytes:
    at = headers.find(name)
    return headers[at + len(name) : headers.find(b"\r", at + len(name))] if at >= 0 else b""


def _event_id(body: bytes) -> str:
    at = body.find(b'"id":"')
    return body[at + 6 : at + 42].decode() if at >= 0 else ""


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=1024)
    _say(server.sockets[0].getsockname()[1])
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while command := (await reader.readline()).strip():
        if command == b"count":
            _say(len(arrivals))
        else:
            _say([(at, path.decode(), name.decode(), _event_id(body)) for at, path, name, body in arrivals])
            arrivals.clear()


def _say(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(_serve())
