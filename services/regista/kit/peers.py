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

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from regista.kit.service import Health

Checks = Callable[[], Awaitable[Mapping[str, Health]]]
"""Returns the present health of each part of a process, by name."""

ANSWER_SECONDS = 2.0


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
                    writer.write(generate_latest(metrics))
                elif path == [b"/readyz"]:
                    found = await checks()
                    writer.write(json.dumps({name: [one.ready, one.detail] for name, one in found.items()}).encode())
                await writer.drain()
        except (OSError, TimeoutError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(answer, sock=listening)


async def healths(peers: Iterable[Peer]) -> dict[str, Health]:
    """Ask every peer for its parts; one that does not answer is not ready."""
    found: dict[str, Health] = {}
    for peer, text in await _ask(peers, "/readyz"):
        if text is None:
            found[peer.name] = Health(ready=False, detail="the process does not answer")
            continue
        for name, (ready, detail) in json.loads(text).items():
            # Two API processes both have a part called database: one that is not ready must show.
            if name not in found or found[name].ready:
                found[name] = Health(ready, detail)
    return found


async def exposition(peers: Iterable[Peer]) -> bytes:
    """Return the metrics of all peers in Prometheus' text format, each sample with its ``process``."""
    families: dict[str, Metric] = {}
    for peer, text in await _ask(peers, "/metrics"):
        for family in text_string_to_metric_families(text or ""):
            samples = [_labelled(sample, peer.name) for sample in family.samples]
            family.samples = samples
            if family.name in families:
                families[family.name].samples.extend(samples)
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


async def _ask(peers: Iterable[Peer], path: str) -> list[tuple[Peer, str | None]]:
    asked = list(peers)
    answers = await asyncio.gather(*(_get(peer.port, path) for peer in asked))
    return list(zip(asked, answers, strict=True))


async def _get(port: int, path: str) -> str | None:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                return (await reader.read()).decode() or None
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
