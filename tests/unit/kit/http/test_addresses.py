from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.kit.http.addresses import FORBIDDEN_V4, FORBIDDEN_V6, is_forbidden

# Written out again rather than imported: the table is the rule, and a row lost from it must fail here.
V4 = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
]
V6 = [
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]


def test_the_tables_are_those_of_the_rule() -> None:
    assert {str(network) for network in FORBIDDEN_V4} == set(V4)
    assert {str(network) for network in FORBIDDEN_V6} == {*V6, "::/8"}


def edges(network: IPv4Network | IPv6Network) -> list[str]:
    return [str(network[0]), str(network[-1])]


@pytest.mark.parametrize("address", [edge for text in (*V4, *V6) for edge in edges(ip_network(text))])
def test_both_edges_of_every_network_are_forbidden(address: str) -> None:
    assert is_forbidden(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "8.8.8.8",
        "2001:200::",
        "2001:db7:ffff::1",
        "2606:4700::1111",
        "2a00:1450:4001::8",
        "64:ff9b::808:808",
        "::ffff:8.8.8.8",
    ],
)
def test_neighbours_and_public_addresses_are_open(address: str) -> None:
    assert not is_forbidden(address)


@given(st.sampled_from(V4).flatmap(lambda text: st.ip_addresses(network=text)))
def test_a_forbidden_v4_address_is_forbidden_in_every_wrapping(address: IPv4Address) -> None:
    assert is_forbidden(str(address))
    assert is_forbidden(f"::ffff:{address}")
    assert is_forbidden(f"::{address}")
    assert is_forbidden(f"64:ff9b::{address}")
    assert is_forbidden(str(IPv6Address((0x2002 << 112) | int(address) << 80)))


@given(st.sampled_from(["::/8", *V6]).flatmap(lambda text: st.ip_addresses(network=text)))
def test_a_forbidden_v6_address_is_forbidden_short_and_long(address: IPv6Address) -> None:
    public = address.ipv4_mapped is not None or address in ip_network("64:ff9b::/96")
    assert public or (is_forbidden(address.compressed) and is_forbidden(address.exploded))


@given(st.ip_addresses(v=4))
def test_mapped_and_nat64_are_judged_as_the_v4_address_inside(address: IPv4Address) -> None:
    verdict = any(address in ip_network(text) for text in V4)
    assert is_forbidden(str(address)) is verdict
    assert is_forbidden(f"::ffff:{address}") is verdict
    assert is_forbidden(f"64:ff9b::{address}") is verdict


@pytest.mark.parametrize(
    "text", ["", "localhost", "127.1", "0x7f.1", "2130706433", "fe80::1%eth0", "2606:4700::1%1", "1.2.3"]
)
def test_what_is_no_plain_address_is_forbidden(text: str) -> None:
    assert is_forbidden(text)


def test_an_exception_opens_its_network_and_nothing_else() -> None:
    allowed = [ip_network("10.1.0.0/16"), ip_network("::1/128")]
    assert not is_forbidden("10.1.2.3", allowed)
    assert not is_forbidden("::ffff:10.1.2.3", allowed)
    assert not is_forbidden("64:ff9b::10.1.2.3", allowed)
    assert not is_forbidden("::1", allowed)
    assert is_forbidden("10.2.0.1", allowed)
    assert is_forbidden("127.0.0.1", allowed)
    assert is_forbidden("::2", allowed)
    assert is_forbidden("::1%lo", allowed)
