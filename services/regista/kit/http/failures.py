"""What an exception of the network means to the owner of an endpoint: one of a dozen stable codes."""

import errno
import ssl
from enum import StrEnum
from http import HTTPStatus

import aiohttp
from aiohttp.http_exceptions import LineTooLong

from regista.kit.http.connector import AddressForbiddenError


class Failure(StrEnum):
    """Why an attempt failed. ``canceled`` is the dispatcher's to give; the others come from here."""

    DNS_ERROR = "dns_error"
    CONNECTION_REFUSED = "connection_refused"
    CONNECTION_RESET = "connection_reset"
    NETWORK_UNREACHABLE = "network_unreachable"
    TIMEOUT = "timeout"
    TLS_ERROR = "tls_error"
    REDIRECT_ERROR = "redirect_error"
    RESPONSE_TOO_LARGE = "response_too_large"
    ADDRESS_FORBIDDEN = "address_forbidden"
    URL_TOO_LONG = "url_too_long"
    NETWORK_ERROR = "network_error"
    HTTP_4XX = "http_4xx"
    HTTP_5XX = "http_5xx"
    CANCELED = "canceled"


class ResponseTooLargeError(OSError):
    """The response is larger than what its reader can use."""


_BY_ERRNO = {
    errno.ECONNREFUSED: Failure.CONNECTION_REFUSED,
    errno.ECONNRESET: Failure.CONNECTION_RESET,
    errno.ECONNABORTED: Failure.CONNECTION_RESET,
    errno.EPIPE: Failure.CONNECTION_RESET,
    errno.ENETUNREACH: Failure.NETWORK_UNREACHABLE,
    errno.ENETDOWN: Failure.NETWORK_UNREACHABLE,
    errno.EHOSTUNREACH: Failure.NETWORK_UNREACHABLE,
    errno.EHOSTDOWN: Failure.NETWORK_UNREACHABLE,
    errno.EADDRNOTAVAIL: Failure.NETWORK_UNREACHABLE,
    errno.EAFNOSUPPORT: Failure.NETWORK_UNREACHABLE,
    errno.ETIMEDOUT: Failure.TIMEOUT,
}
# The first row that fits decides, so the special stands before the general.
_BY_TYPE: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Failure], ...] = (
    (AddressForbiddenError, Failure.ADDRESS_FORBIDDEN),
    ((ResponseTooLargeError, LineTooLong), Failure.RESPONSE_TOO_LARGE),
    (
        (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch, ssl.SSLError, ssl.CertificateError),
        Failure.TLS_ERROR,
    ),
    (aiohttp.ClientConnectorDNSError, Failure.DNS_ERROR),
    (TimeoutError, Failure.TIMEOUT),
    (aiohttp.TooManyRedirects, Failure.REDIRECT_ERROR),
    (aiohttp.InvalidURL, Failure.ADDRESS_FORBIDDEN),
    (ConnectionRefusedError, Failure.CONNECTION_REFUSED),
    (
        (ConnectionError, aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError),
        Failure.CONNECTION_RESET,
    ),
)


def of_exception(error: BaseException) -> Failure:
    """Return the code of an exception of aiohttp, of httpx on our transport, or of the operating system.

    What an exception wraps is more telling than the wrapping: the innermost cause that has a code decides, except that
    a failed name stays one.
    """
    chain: list[BaseException] = []
    inner: BaseException | None = error
    while inner is not None and inner not in chain:
        chain.append(inner)
        inner = inner.os_error if isinstance(inner, aiohttp.ClientConnectorError) else inner.__cause__
    for kinds, failure in _BY_TYPE:
        if any(isinstance(link, kinds) for link in chain):
            return failure
    for link in reversed(chain):
        if isinstance(link, OSError) and link.errno in _BY_ERRNO:
            return _BY_ERRNO[link.errno]
    return Failure.NETWORK_ERROR


def of_status(status: int) -> Failure | None:
    """Return the code of an HTTP status, None for 2xx: redirects are never followed, so 3xx is a failure."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Failure.REDIRECT_ERROR
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failure.HTTP_4XX
    if HTTPStatus.INTERNAL_SERVER_ERROR <= status < 600:  # noqa: PLR2004 - the end of the 5xx class
        return Failure.HTTP_5XX
    return Failure.NETWORK_ERROR
