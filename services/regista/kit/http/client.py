"""The guarded client: one per process, for everything that leaves it."""

import ssl
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Self

import aiohttp
from aiohttp.abc import AbstractResolver

from regista.kit.clock import monotonic
from regista.kit.http.addresses import Network
from regista.kit.http.answer import Answer, kept_headers, read_bounded
from regista.kit.http.connector import GuardedResolver, dials, make_connector, system_resolver
from regista.kit.http.failures import Failure, of_exception, of_status
from regista.kit.http.urls import UrlRefusedError, UrlTooLongError, parse

if TYPE_CHECKING:
    from httpx import AsyncClient

CONNECT_SECONDS = 5.0
"""For one address: TCP and TLS handshakes."""
RETRY_SECONDS = 1.0
"""A pooled connection that failed earlier than this had been closed while it rested: the request is sent again."""
AGENT = "Regista"

_BROKEN = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientConnectionResetError)


class GuardedClient:
    """Calls URLs that people configured. Make it inside a running loop; close it, or use it as a context manager.

    ``allowed`` opens networks that are forbidden otherwise, ``tls`` is the trust for https (None: the system's),
    ``resolver`` the name service (None: c-ares).
    """

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        *,
        tls: ssl.SSLContext | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._resolver = GuardedResolver(system_resolver() if resolver is None else resolver, allowed)
        self._session = aiohttp.ClientSession(
            connector=make_connector(self._resolver, allowed, tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity"},
            skip_auto_headers=("Content-Type",),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; requests that are under way fail."""
        await self._session.close()
        await self._resolver.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Answer:  # noqa: ASYNC109 - aiohttp's own timer is cheaper than a scope
        """Send ``body`` and return what came of it; what goes wrong outside is an Answer, never an exception.

        A URL that must not be called is not: ``body`` of the Answer says why in words. ``timeout`` in seconds bounds
        everything: name, connection, request and reading the response. A pooled connection that fails within
        RETRY_SECONDS before any byte of the response is replaced once. Raises only when this client has been closed,
        which is no attempt.
        """
        started = monotonic()
        try:
            target = parse(url)
        except UrlTooLongError as error:
            return _unsent(
                Failure.URL_TOO_LONG,
                f"not sent: with its secrets filled in, {error.message}; shorten the URL or the secret in it",
            )
        except UrlRefusedError as error:
            return _unsent(Failure.ADDRESS_FORBIDDEN, f"not sent: {error.message}")
        limits = _limits(timeout)
        dialled: list[str] = []
        dials.set(dialled)
        status: int | None = None
        kept: dict[str, str] = {}
        try:
            try:
                response = await self._session.post(
                    target, data=body, headers=headers, allow_redirects=False, timeout=limits
                )
            except _BROKEN as error:
                elapsed = monotonic() - started
                if dialled or elapsed >= RETRY_SECONDS or not _was_pooled(error):
                    raise
                response = await self._session.post(
                    target, data=body, headers=headers, allow_redirects=False, timeout=_new_limits(timeout - elapsed)
                )
            status = response.status
            try:
                kept = kept_headers(response.headers)
                content, truncated = await read_bounded(response.content)
            except BaseException:
                response.close()
                raise
            if truncated:
                response.close()
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            # uvloop and aiohttp say RuntimeError of some sockets that vanish; of a closed client it is our own fault.
            if self._session.closed:
                raise
            return Answer(
                status,
                of_exception(error),
                kept,
                b"",
                truncated=False,
                seconds=monotonic() - started,
                detail=str(error) or type(error).__name__,
            )
        return Answer(status, of_status(status), kept, content, truncated, monotonic() - started)

    def httpx(self, *, timeout: float = 15.0, max_body: int = 1_000_000) -> "AsyncClient":
        """Return an httpx client on the same connections and under the same guard, for what is not hot.

        ``timeout`` seconds bound each exchange as a whole, ``max_body`` the bytes of a response; redirects are not
        followed, cookies not kept. Closing it leaves this client open. Its exceptions are httpx's;
        ``failures.of_exception`` reads them.
        """
        # Most processes never ask for it, and it takes 5 MB.
        import httpx  # noqa: PLC0415

        from regista.kit.http.transport import GuardedTransport  # noqa: PLC0415

        return httpx.AsyncClient(
            transport=GuardedTransport(self._session, seconds=timeout, max_body=max_body),
            headers={"User-Agent": AGENT, "Accept-Encoding": "identity"},
            cookies=GuardedTransport.no_cookies(),
            timeout=httpx.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout), pool=None),
            trust_env=False,
            follow_redirects=False,
        )


def _unsent(failure: Failure, told: str) -> Answer:
    """Return the Answer of a request that called nobody; ``told`` stands where a response would."""
    return Answer(None, failure, {}, told.encode(), truncated=False, seconds=0.0, detail=told)


def _new_limits(seconds: float) -> aiohttp.ClientTimeout:
    # aiohttp takes zero and less for no limit at all.
    return aiohttp.ClientTimeout(total=max(seconds, 0.001), sock_connect=CONNECT_SECONDS)


_limits = lru_cache(maxsize=64)(_new_limits)


def _was_pooled(error: Exception) -> bool:
    """Tell whether a request that dialled nothing can have failed on a pooled connection before any byte came back.

    A name that did not resolve or was refused dialled nothing either. When part of a response had arrived, aiohttp
    keeps it where the error's text would stand.
    """
    if isinstance(error, aiohttp.ClientConnectorError):
        return False
    return not isinstance(error, aiohttp.ServerDisconnectedError) or isinstance(error.message, str)
