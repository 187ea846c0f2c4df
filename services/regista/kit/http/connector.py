"""The only way out of the process: a connector that dials checked addresses and no others.

The resolver refuses a host when any of its addresses is forbidden, and hands the checked addresses on; aiohttp dials
these, never the name again. The socket factory is called with the very address about to be dialled, literal ones
included, and is the last word. The name stays in ``Host`` and SNI.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from regista.kit.http.addresses import Network, is_forbidden

DNS_SECONDS = 5.0
"""A name that does not resolve within this has failed."""

AddrInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]
"""family, type, protocol, canonical name, socket address: as ``socket.getaddrinfo`` returns it."""

dials: ContextVar[list[str]] = ContextVar("dials")
"""Set by a request to a list of its own; every address dialled on its behalf is appended to it."""


class AddressForbiddenError(OSError):
    """The host has an address that this installation does not call. An OSError, as aiohttp expects of a dial."""


class NameTimeoutError(OSError):
    """The name servers did not answer in time."""


class GuardedResolver(AbstractResolver):
    """Resolves through ``inner`` and refuses the whole host if any one address is forbidden.

    Raises AddressForbiddenError, NameTimeoutError, or the OSError of ``inner``.
    """

    def __init__(self, inner: AbstractResolver, allowed: Sequence[Network], *, timeout: float = DNS_SECONDS) -> None:
        self._inner = inner
        self._allowed = allowed
        self._timeout = timeout

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of ``host``, each of them allowed."""
        try:
            async with asyncio.timeout(self._timeout):
                found = await self._inner.resolve(host, port, family)
        except TimeoutError as error:
            raise NameTimeoutError(None, f"the name {host} did not resolve within {self._timeout:g} s") from error
        if any(is_forbidden(result["host"], self._allowed) for result in found):
            # The address itself is not named: it would map the inside of the network for whoever owns the name.
            raise AddressForbiddenError(None, f"{host} has an address in a private or reserved network")
        return found

    async def close(self) -> None:
        """Close the resolver behind this one."""
        await self._inner.close()


def guarded_sockets(allowed: Sequence[Network]) -> Callable[[AddrInfo], socket.socket]:
    """Return a socket factory for aiohttp that makes no socket for a forbidden address."""

    def make(info: AddrInfo) -> socket.socket:
        family, kind, protocol, _, (host, _, *flow_and_scope) = info
        scoped = any(flow_and_scope)
        if family not in {socket.AF_INET, socket.AF_INET6} or scoped or is_forbidden(host, allowed):
            raise AddressForbiddenError(None, "the address is in a private or reserved network")
        if (dialled := dials.get(None)) is not None:
            dialled.append(host)
        return socket.socket(family, kind, protocol)

    return make


def make_connector(
    resolver: GuardedResolver, allowed: Sequence[Network], tls: ssl.SSLContext | None
) -> aiohttp.TCPConnector:
    """Return the guarded connector. Lanes bound how many connections there are, so it has no limit of its own.

    ``tls``: trust of one's own; None is the system's.
    """
    return aiohttp.TCPConnector(
        resolver=resolver,
        socket_factory=guarded_sockets(allowed),
        ssl=True if tls is None else tls,
        use_dns_cache=False,
        limit=0,
    )


def system_resolver() -> AbstractResolver:
    """Return c-ares on the system's name servers: no thread waits for a name, so hung names stop nobody."""
    return aiohttp.AsyncResolver(timeout=2.0, tries=2)
