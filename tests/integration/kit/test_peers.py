import asyncio
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter

from regista.kit.peers import Peer, answer_peers, exposition, healths
from regista.kit.service import Health
from regista.supervisor.listening import bind


async def checks() -> Mapping[str, Health]:
    return {"relay": Health(ready=True), "bus": Health(ready=False, detail="down")}


async def half_an_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as a process does that is killed meanwhile."""
    line = await reader.readline()
    writer.write(b'{"relay": [true, ' if b"/readyz" in line else b"# TYPE rows counter\nrows_total{shard=")
    await writer.drain()
    writer.close()


async def test_a_peer_that_dies_while_it_answers_is_not_ready_and_spoils_nobody_else_s_answer() -> None:
    metrics = CollectorRegistry()
    Counter("rows", "Rows.", registry=metrics).inc(3)
    listening = bind("127.0.0.1", 0)
    well = Peer("engine-1", listening.getsockname()[1])
    async with (
        await answer_peers(listening, checks, metrics),
        await asyncio.start_server(half_an_answer, "127.0.0.1", 0) as dying,
    ):
        peers = [well, Peer("api-1", dying.sockets[0].getsockname()[1])]
        assert await healths(peers) == {
            "relay": Health(ready=True),
            "bus": Health(ready=False, detail="down"),
            "api-1": Health(ready=False, detail="the process does not answer"),
        }
        told = await exposition([*peers, Peer("api-2", well.port)])
        assert b'rows_total{process="engine-1"} 3.0\nrows_total{process="api-2"} 3.0\n' in told
