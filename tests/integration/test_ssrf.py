"""Nothing is dialled that the rule forbids, shown by a server that counts and by the interpreter's own audit of connects."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regista.kit.http import Failure, GuardedClient
from regista.kit.http.addresses import FORBIDDEN_V4, FORBIDDEN_V6
from tests.support.name_server import NameServer
from tests.support.receiver import Receiver

HEADERS = {"Content-Type": "application/json"}
WIDE = {ord(character): ord(character) + 0xFEE0 for character in "0123456789abcdefx"}


class Dialled:
    """Every address that this process asks the kernel to connect to while ``watching``."""

    def __init__(self) -> None:
        self.watching = False
        self.addresses: list[str] = []
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.watching and event == "socket.connect" and isinstance(arguments[1], tuple):
            self.addresses.append(str(arguments[1][0]))


DIALLED = Dialled()


@pytest.fixture(scope="module")
async def everywhere() -> AsyncGenerator[Receiver]:
    """A server on every address of this machine: whatever reaches the machine is counted."""
    async with Receiver("0.0.0.0", "::") as receiver:
        yield receiver


@pytest.fixture(scope="module")
async def closed() -> AsyncGenerator[GuardedClient]:
    """A client without exceptions."""
    async with GuardedClient() as client:
        yield client


async def is_refused(client: GuardedClient, url: str) -> bool:
    """Tell whether ``url`` is answered with address_forbidden and without any connect."""
    DIALLED.addresses.clear()
    DIALLED.watching = True
    try:
        answer = await client.post(url, b"{}", HEADERS, timeout=5)
    finally:
        DIALLED.watching = False
    return answer.error is Failure.ADDRESS_FORBIDDEN and answer.status is None and DIALLED.addresses == []


V4 = st.sampled_from(FORBIDDEN_V4).flatmap(lambda network: st.ip_addresses(network=network))
MAPPED = ip_network("::ffff:0:0/96")
V6 = (
    st.sampled_from(FORBIDDEN_V6)
    .flatmap(lambda network: st.ip_addresses(network=network))
    .filter(lambda address: address not in MAPPED)
)


def spellings(address: IPv4Address) -> list[str]:
    number, octets = int(address), address.packed
    return [
        str(address),
        str(number),
        hex(number),
        f"0{number:o}",
        f"{octets[0]}.{number & 0xFFFFFF}",
        f"{octets[0]}.{octets[1]}.{number & 0xFFFF}",
        ".".join(hex(octet) for octet in octets),
        ".".join(f"0{octet:o}" for octet in octets),
        f"{address}.",
        str(address).translate(WIDE),
        str(address).replace(".", "\u3002"),
        "".join(f"%{ord(character):02x}" for character in str(address)),
        f"[::ffff:{address}]",
        f"[::ffff:{number >> 16:x}:{number & 0xFFFF:x}]",
        f"[0:0:0:0:0:ffff:{address}]",
        f"[::{address}]",
        f"[64:ff9b::{address}]",
        f"[2002:{number >> 16:x}:{number & 0xFFFF:x}::1]",
    ]


@given(V4, st.data())
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_forbidden_v4_address_is_not_dialled_in_any_spelling(
    everywhere: Receiver, closed: GuardedClient, address: IPv4Address, data: st.DataObject
) -> None:
    host = data.draw(st.sampled_from(spellings(address)))
    assert await is_refused(closed, f"http://{host}:{everywhere.port}/")
    assert everywhere.connections == 0


@given(V6, st.booleans())
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_forbidden_v6_address_is_not_dialled(
    everywhere: Receiver,
    closed: GuardedClient,
    address: IPv6Address,
    long: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    host = address.exploded if long else address.compressed
    assert await is_refused(closed, f"http://[{host}]:{everywhere.port}/")
    assert everywhere.connections == 0


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST", "sub.localhost", "localhost".translate({ord(c): ord(c) + 0xFEE0 for c in "localhost"})],
)
async def test_the_names_of_this_machine_are_not_dialled(
    everywhere: Receiver, closed: GuardedClient, host: str
) -> None:
    assert await is_refused(closed, f"http://{host}:{everywhere.port}/")
    assert everywhere.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
async def test_the_same_server_is_reached_once_its_network_is_allowed(everywhere: Receiver, host: str) -> None:
    """Otherwise the refusals above would prove nothing."""
    before = everywhere.connections
    async with GuardedClient([ip_network("127.0.0.0/8"), ip_network("::1/128")]) as client:
        answer = await client.post(f"http://{host}:{everywhere.port}/", b"{}", HEADERS, timeout=15)
        assert (answer.error, answer.detail) == (None, "")
    assert everywhere.connections == before + 1
    everywhere.connections = before


@pytest.fixture(scope="module")
async def names() -> AsyncGenerator[NameServer]:
    async with NameServer({}) as server:
        yield server


@pytest.fixture(scope="module")
async def named(names: NameServer) -> AsyncGenerator[GuardedClient]:
    """A client without exceptions that asks ``names``."""
    async with GuardedClient(resolver=names.resolver()) as client:
        yield client


@given(V4 | V6)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_name_with_one_forbidden_address_is_refused_whole(
    everywhere: Receiver, names: NameServer, named: GuardedClient, address: IPv4Address | IPv6Address
) -> None:
    name = f"mixed{len(names.names)}.example"
    names.names[name] = [["8.8.8.8", "2606:4700::1111", str(address)]]
    assert await is_refused(named, f"http://{name}:{everywhere.port}/")
    assert names.asked[name] == 1
    assert everywhere.connections == 0


async def test_a_name_that_turns_to_a_forbidden_address_is_refused_at_its_next_connection() -> None:
    """The name is allowed at first and forbidden ever after: what was checked is dialled, and it is checked each time."""
    names = {"rebind.example": [["127.0.0.1"], ["127.0.0.2"]]}
    async with (
        NameServer(names) as server,
        Receiver("127.0.0.1", "127.0.0.2") as receiver,
        GuardedClient([ip_network("127.0.0.1/32")], resolver=server.resolver()) as client,
    ):
        url = receiver.url("rebind.example")
        DIALLED.addresses.clear()
        DIALLED.watching = True
        first = await client.post(url, b"{}", HEADERS, timeout=15)
        DIALLED.watching = False
        assert (first.error, first.detail) == (None, "")
        assert DIALLED.addresses == ["127.0.0.1"]
        assert server.asked["rebind.example"] == 1, "the name was asked for again between the check and the dial"
        receiver.hang_up()
        await asyncio.wait_for(receiver.closed.wait(), 10)
        assert await is_refused(client, url)
        assert server.asked["rebind.example"] == 2
        assert receiver.connections == 1


class Turning(AbstractResolver):
    """Gives one address at the first question and another at every later one, however often anyone asks."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = list(addresses)
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        address = self._addresses[min(self.asked, len(self._addresses) - 1)]
        self.asked += 1
        return [ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


async def test_the_address_dialled_is_the_one_that_was_checked() -> None:
    resolver = Turning("127.0.0.1", "127.0.0.2")
    async with (
        Receiver("127.0.0.1", "127.0.0.2") as receiver,
        GuardedClient([ip_network("127.0.0.0/8")], resolver=resolver) as client,
    ):
        DIALLED.addresses.clear()
        DIALLED.watching = True
        assert (await client.post(receiver.url("turning.example"), b"{}", HEADERS, timeout=15)).error is None
        DIALLED.watching = False
        assert DIALLED.addresses == ["127.0.0.1"]
        assert resolver.asked == 1


async def test_the_last_word_is_the_socket_factory_s_even_if_the_resolver_were_blind(
    everywhere: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = Turning("127.0.0.1")
    async with GuardedClient(resolver=resolver) as client:
        monkeypatch.setattr("regista.kit.http.connector.GuardedResolver.resolve", resolver.resolve)
        assert await is_refused(client, f"http://blind.example:{everywhere.port}/")
        assert resolver.asked == 1
    assert everywhere.connections == 0


async def test_a_client_without_exceptions_reaches_no_name_of_this_machine_with_a_trailing_dot(
    everywhere: Receiver, closed: GuardedClient
) -> None:
    answer = await closed.post(f"http://localhost.:{everywhere.port}/", b"{}", HEADERS, timeout=15)
    assert answer.error in {Failure.ADDRESS_FORBIDDEN, Failure.DNS_ERROR}
    assert everywhere.connections == 0


async def test_a_refusal_does_not_tell_which_address_a_name_has() -> None:
    async with GuardedClient(resolver=Turning("10.11.12.13")) as client:
        answer = await client.post("http://inside.example/", b"{}", HEADERS, timeout=15)
    assert answer.error is Failure.ADDRESS_FORBIDDEN
    assert "10.11.12.13" not in answer.detail
