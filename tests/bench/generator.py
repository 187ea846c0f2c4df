"""A process that moves aliases over keep-alive connections, and tells when it asked and when it was answered.

``python -m tests.bench.generator ORDER`` prints an `Outcome`, both as JSON. It writes HTTP/1.1 by hand because a client
library would need more of the two cores than the server does.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import uvloop


class Order(NamedTuple):
    """What to do: a client for each of ``paths``, each with one request open; ``pause`` in seconds after each answer.

    The end is when ``moves`` were made or ``seconds`` are over.
    """

    host: str
    port: int
    key: str
    paths: Sequence[str]
    seconds: float = 3600.0
    moves: int = 1_000_000
    pause: float = 0.0


class Move(NamedTuple):
    """One move; ``sent`` and ``answered`` by the system's monotonic clock, in seconds."""

    sent: float
    answered: float
    event_id: str


class Outcome(NamedTuple):
    """All moves in the order of their answers, other answers, and the CPU seconds that it took to ask."""

    moves: list[Move]
    refused: list[str]
    cpu: float


class _Client(asyncio.Protocol):
    def __init__(self, run: "_Run", path: str) -> None:
        self._run = run
        self._requests = [_request(run.order, path, f"v{version}") for version in (0, 1)]
        self._turn = 0
        self._sent = 0.0
        self._answer = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def next(self) -> None:
        self._sent = time.monotonic()
        self._transport.write(self._requests[self._turn])

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head = self._answer.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self._answer.index(b"content-length: ") + 16
        if len(self._answer) < head + 4 + int(self._answer[at : self._answer.index(b"\r\n", at)]):
            return
        self._run.answers.append((self._sent, time.monotonic(), self._answer))
        self._answer = b""
        self._turn ^= 1
        if self._run.over():
            self._transport.close()
        elif self._run.order.pause:
            asyncio.get_running_loop().call_later(self._run.order.pause, self.next)
        else:
            self.next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.left(exc)


class _Run:
    def __init__(self, order: Order) -> None:
        self.order = order
        self.answers: list[tuple[float, float, bytes]] = []
        self.lost: list[str] = []
        self.ended = asyncio.Event()
        self._open = len(order.paths)
        self._until = 0.0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        clients: list[_Client] = []
        for path in self.order.paths:
            _, client = await loop.create_connection(
                lambda path=path: _Client(self, path), self.order.host, self.order.port
            )
            clients.append(client)
        self._until = time.monotonic() + self.order.seconds
        for client in clients:
            client.next()
        await self.ended.wait()

    def over(self) -> bool:
        # Those that are open still will be answered.
        return len(self.answers) + self._open > self.order.moves or time.monotonic() >= self._until

    def left(self, error: Exception | None) -> None:
        if error is not None:
            self.lost.append(repr(error))
        self._open -= 1
        if not self._open:
            self.ended.set()


def _request(order: Order, path: str, version: str) -> bytes:
    body = json.dumps({"version": version}).encode()
    return (
        f"PUT {path} HTTP/1.1\r\nhost: {order.host}:{order.port}\r\nauthorization: Bearer {order.key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body


def _outcome(run: _Run, cpu: float) -> Outcome:
    moves: list[Move] = []
    refused = run.lost
    for sent, answered, answer in run.answers:
        head, _, body = answer.partition(b"\r\n\r\n")
        event_id = json.loads(body).get("event_id") if head.startswith(b"HTTP/1.1 200") else None
        if event_id is None:
            refused.append(f"{head[:32]!r} {body[:200]!r}")
        else:
            moves.append(Move(sent, answered, event_id))
    return Outcome(moves, refused, cpu)


def main() -> None:
    run = _Run(Order(**json.loads(sys.argv[1])))
    began = time.process_time()
    uvloop.run(run.run())
    json.dump(_outcome(run, time.process_time() - began), sys.stdout)


if __name__ == "__main__":
    main()
