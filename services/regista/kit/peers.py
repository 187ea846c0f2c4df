"""What the processes of one `regista up` tell each other: their health and their metrics.

Every process answers ``/readyz`` and ``/metrics`` on a loopback socket of its own that the supervisor bound; the API's
public ``/readyz`` and ``/metrics`` ask all of them, so that one address tells of the whole installation, whichever of
the API's processes answers.
"""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from regista.kit.service import Health

Checks = Callable[[], Awaitable[Mapping[str, Health]]]
"""Returns the present health of each part of a process, by name."""

ANSWER_SECONDS = 2.0
END = b"\x04"
"""Stands at the end of an answer: a peer that dies in the middle of one has not answered."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Peer:
    """Another process of the same installation, and the loopback port that it answers on."""

    name: str
    port: int


async def answer_peers(listening: socket.socket, checks: Checks, metrics: CollectorRegistry) -> asyncio.Server:
    """Answer peers on the socket until the server is closed."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                line = await reader.readline()
                path = line.split(b" ")[1:2]
                if path == [b"/metrics"]:
                    writer.write(generate_latest(metrics) + END)
                elif path == [b"/readyz"]:
                    found = await checks()
                    said = json.dumps({name: [one.ready, one.detail] for name, one in found.items()})
                    writer.write(said.encode() + END)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    return await asyncio.start_server(answer, sock=listening)


async def healths(peers: Iterable[Peer]) -> dict[str, Health]:
    """Ask every peer for its parts; one that does not answer is not ready."""
    found: dict[str, Health] = {}
    for peer, parts in await _ask(peers, "/readyz", json.loads):
        if parts is None:
            found[peer.name] = Health(ready=False, detail="the process does not answer")
            continue
        for name, (ready, detail) in parts.items():
            # Two API processes both have a part called database: one that is not ready must show.
            if name not in found or found[name].ready:
                found[name] = Health(ready, detail)
    return found


async def exposition(peers: Iterable[Peer]) -> bytes:
    """Return the metrics of all peers in Prometheus' text format, each sample with its ``process``."""
    families: dict[str, Metric] = {}
    for peer, told in await _ask(peers, "/metrics", _families):
        for family in told or ():
            family.samples = [_labelled(sample, peer.name) for sample in family.samples]
            if family.name in families:
                families[family.name].samples.extend(family.samples)
            else:
                families[family.name] = family
    registry = CollectorRegistry()
    registry.register(_Gathered(families.values()))
    return generate_latest(registry)


class _Gathered(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        return iter(self._families)


def _labelled(sample: Sample, process: str) -> Sample:
    return sample._replace(labels={**sample.labels, "process": process})


def _families(text: str) -> list[Metric]:
    return list(text_string_to_metric_families(text))


async def _ask(peers: Iterable[Peer], path: str, parse: Callable[[str], T]) -> list[tuple[Peer, T | None]]:
    asked = list(peers)
    answers = await asyncio.gather(*(_get(peer.port, path) for peer in asked))
    return [(peer, _parsed(answer, parse)) for peer, answer in zip(asked, answers, strict=True)]


async def _get(port: int, path: str) -> bytes:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                return await reader.read()
            finally:
                writer.close()
    except OSError:
        return b""


def _parsed(answer: bytes, parse: Callable[[str], T]) -> T | None:
    """Return what a peer said, None where it did not say it to the end: it died, or did not answer in time."""
    return parse(answer.removesuffix(END).decode()) if answer.endswith(END) else None
