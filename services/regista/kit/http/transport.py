"""httpx on the guarded session: the same connections and checks, with bounds on time and size that httpx lacks."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from http.cookiejar import CookieJar, DefaultCookiePolicy

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from regista.kit.http.failures import Failure, ResponseTooLargeError, of_exception
from regista.kit.http.urls import UrlRefusedError, parse

# httpx-aiohttp makes a TLS context it never uses when it is given a session; one that trusts nobody costs nothing.
_UNUSED_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends httpx requests through ``session``, which stays open when this is closed.

    Raises httpx.UnsupportedProtocol for a URL that is refused, httpx.ReadTimeout after ``seconds`` for the exchange as
    a whole, httpx.ReadError for a body above ``max_body`` bytes or in an encoding that was not asked for.
    """

    def __init__(self, session: aiohttp.ClientSession, *, seconds: float, max_body: int) -> None:
        self._inner = AiohttpTransport(client=session, verify=_UNUSED_TLS, trust_env=False)
        self._seconds = seconds
        self._max_body = max_body

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request``; the body of the response is read by its reader, within the same bounds."""
        try:
            parse(str(request.url))
        except UrlRefusedError as error:
            raise httpx.UnsupportedProtocol(error.message, request=request) from error
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._seconds
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._inner.handle_async_request(request)
        except TimeoutError as error:
            raise httpx.ReadTimeout(f"no response within {self._seconds:g} s", request=request) from error
        except (httpx.TransportError, aiohttp.ClientError) as error:
            raise _translated(error, request) from (error.__cause__ or error)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise httpx.ReadError("the response is compressed although identity was asked for", request=request)
        if not isinstance(response.stream, httpx.AsyncByteStream):
            raise TypeError("an asynchronous transport answers with an asynchronous stream")
        response.stream = BoundedStream(response.stream, deadline=deadline, max_body=self._max_body)
        return response

    @staticmethod
    def no_cookies() -> CookieJar:
        """Return a jar that accepts and returns no cookie."""
        return CookieJar(DefaultCookiePolicy(allowed_domains=()))


def _translated(error: Exception, request: httpx.Request) -> httpx.TransportError:
    """Return what happened in httpx's words: httpx-aiohttp calls most of it a ConnectTimeout, and some not at all."""
    cause = error.__cause__ or error
    if of_exception(cause) is Failure.TIMEOUT:
        kind = httpx.ConnectTimeout if isinstance(cause, aiohttp.ConnectionTimeoutError) else httpx.ReadTimeout
    elif isinstance(cause, aiohttp.ClientConnectorError):
        kind = httpx.ConnectError
    elif isinstance(cause, aiohttp.ClientConnectionError):
        kind = httpx.ReadError
    else:
        kind = httpx.RemoteProtocolError
    return kind(str(error), request=request)


class BoundedStream(httpx.AsyncByteStream):
    """The body of a response, up to ``max_body`` bytes and the loop time ``deadline``.

    Raises httpx.ReadError (caused by ResponseTooLargeError) and httpx.ReadTimeout.
    """

    def __init__(self, inner: httpx.AsyncByteStream, *, deadline: float, max_body: int) -> None:
        self._inner = inner
        self._deadline = deadline
        self._max_body = max_body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._inner)
        left = self._max_body
        while True:
            try:
                async with asyncio.timeout_at(self._deadline):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise httpx.ReadTimeout("the response did not end in time") from error
            left -= len(chunk)
            if left < 0:
                too_large = ResponseTooLargeError(f"the response is larger than {self._max_body} bytes")
                raise httpx.ReadError(str(too_large)) from too_large
            yield chunk

    async def aclose(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        await self._inner.aclose()
