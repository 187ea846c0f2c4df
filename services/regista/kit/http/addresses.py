"""Which addresses this installation may dial: the decision alone, without a socket.

``ipaddress.is_private`` and ``is_global`` are not enough: on CPython 3.11 multicast, carrier-grade NAT,
IPv4-compatible, NAT64, 6to4, site-local and documentation ranges pass one or both. The ranges are those of the IANA
special-purpose registries (RFC 6890 and its updates).
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

FORBIDDEN_V4: tuple[IPv4Network, ...] = tuple(
    IPv4Network(text)
    for text in (
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
    )
)
FORBIDDEN_V6: tuple[IPv6Network, ...] = tuple(
    IPv6Network(text)
    for text in (
        "::/8",
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
    )
)
NAT64 = IPv6Network("64:ff9b::/96")
"""The well-known prefix of RFC 6052: the last 32 bits are the IPv4 address that a gateway will dial."""


def is_forbidden(address: str, allowed: Sequence[Network] = ()) -> bool:
    """Tell whether ``address`` must not be dialled.

    ``::ffff:a.b.c.d`` is judged as ``a.b.c.d``, and so is an address behind the NAT64 prefix. What is no address, or
    has a zone id, is forbidden. ``allowed`` opens exceptions.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return True
    if isinstance(parsed, IPv4Address):
        return _is_closed(parsed, FORBIDDEN_V4, allowed)
    if parsed.scope_id is not None:
        return True
    if parsed.ipv4_mapped is not None:
        return _is_closed(parsed.ipv4_mapped, FORBIDDEN_V4, allowed)
    if parsed in NAT64:
        embedded = IPv4Address(int(parsed) & 0xFFFF_FFFF)
        return _is_closed(embedded, FORBIDDEN_V4, allowed) and not _is_within(parsed, allowed)
    return _is_closed(parsed, FORBIDDEN_V6, allowed)


def _is_closed(address: Address, forbidden: Sequence[Network], allowed: Sequence[Network]) -> bool:
    return _is_within(address, forbidden) and not _is_within(address, allowed)


def _is_within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
