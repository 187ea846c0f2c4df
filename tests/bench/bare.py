"""What a delivery costs without a registry around it: 64 requests of 1 KB in flight, and nothing else.

``python -m tests.bench.bare aiohttp|httpx URL SECONDS`` prints how many were answered, in which time, for which CPU time.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp
import httpx
import uvloop

from regista.kit import ids

IN_FLIGHT = 64
BODY = json.dumps({"data": "x" * 1000}).encode()

Send = Callable[[dict[str, str]], Awaitable[int]]


async def _loop(send: Send, seconds: float) -> tuple[int, float]:
    began = time.monotonic()
    answered = 0

    async def sender() -> None:
        nonlocal answered
        while time.monotonic() - began < seconds:
            status = await send({"content-type": "application/cloudevents+json", "webhook-id": str(ids.uuid7())})
            assert status == 200
            answered += 1

    await asyncio.gather(*(sender() for _ in range(IN_FLIGHT)))
    return answered, time.monotonic() - began


async def _measure(client: str, url: str, seconds: float) -> tuple[int, float]:
    if client == "aiohttp":
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT)) as session:

            async def send(headers: dict[str, str]) -> int:
                async with session.post(url, data=BODY, headers=headers) as answer:
                    await answer.read()
                    return answer.status

            return await _loop(send, seconds)
    limits = httpx.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT)
    async with httpx.AsyncClient(limits=limits, timeout=30) as http:

        async def post(headers: dict[str, str]) -> int:
            return (await http.post(url, content=BODY, headers=headers)).status_code

        return await _loop(post, seconds)


def main() -> None:
    client, url, seconds = sys.argv[1:]
    began = time.process_time()
    answered, took = uvloop.run(_measure(client, url, float(seconds)))
    json.dump((answered, took, time.process_time() - began), sys.stdout)


if __name__ == "__main__":
    main()
