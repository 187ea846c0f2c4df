import errno
import ssl

import aiohttp
import httpx
import pytest
from aiohttp.client_reqrep import ConnectionKey

from regista.kit.http.connector import AddressForbiddenError, NameTimeoutError
from regista.kit.http.failures import Failure, ResponseTooLargeError, of_exception, of_status


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (OSError(errno.ECONNREFUSED, "refused"), Failure.CONNECTION_REFUSED),
        (OSError(errno.ECONNRESET, "reset"), Failure.CONNECTION_RESET),
        (OSError(errno.EPIPE, "pipe"), Failure.CONNECTION_RESET),
        (OSError(errno.ENETUNREACH, "network"), Failure.NETWORK_UNREACHABLE),
        (OSError(errno.EHOSTUNREACH, "host"), Failure.NETWORK_UNREACHABLE),
        (OSError(errno.ETIMEDOUT, "late"), Failure.TIMEOUT),
        (aiohttp.ClientOSError(errno.ECONNRESET, "reset"), Failure.CONNECTION_RESET),
        (aiohttp.ClientOSError(errno.EHOSTUNREACH, "host"), Failure.NETWORK_UNREACHABLE),
        (aiohttp.ClientConnectionResetError("closing"), Failure.CONNECTION_RESET),
        (aiohttp.ServerDisconnectedError(), Failure.CONNECTION_RESET),
        (aiohttp.ClientPayloadError("short"), Failure.CONNECTION_RESET),
        (aiohttp.ServerTimeoutError(), Failure.TIMEOUT),
        (aiohttp.SocketTimeoutError(), Failure.TIMEOUT),
        (TimeoutError(), Failure.TIMEOUT),
        (ssl.SSLError("handshake"), Failure.TLS_ERROR),
        (AddressForbiddenError(None, "private"), Failure.ADDRESS_FORBIDDEN),
        (caused(httpx.ConnectError("private"), AddressForbiddenError(None, "private")), Failure.ADDRESS_FORBIDDEN),
        (caused(httpx.ReadError("large"), ResponseTooLargeError("large")), Failure.RESPONSE_TOO_LARGE),
        (caused(httpx.ConnectTimeout("late"), TimeoutError()), Failure.TIMEOUT),
        (aiohttp.InvalidURL("http://127.1"), Failure.ADDRESS_FORBIDDEN),
        (ValueError("header"), Failure.NETWORK_ERROR),
        (OSError("Multiple exceptions"), Failure.NETWORK_ERROR),
    ],
)
def test_every_exception_of_the_network_has_its_code(error: Exception, failure: Failure) -> None:
    assert of_exception(error) is failure


def test_a_chain_that_turns_back_on_itself_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert of_exception(first) is Failure.NETWORK_ERROR


def test_a_name_that_is_late_is_no_slow_endpoint() -> None:
    key = ConnectionKey("a.example", 80, is_ssl=False, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None)
    late = aiohttp.ClientConnectorDNSError(key, caused_os_error())
    assert of_exception(late) is Failure.DNS_ERROR


def caused_os_error() -> OSError:
    error = NameTimeoutError(None, "late")
    error.__cause__ = TimeoutError()
    return error


def test_a_status_is_a_success_exactly_when_it_is_2xx() -> None:
    classes = {2: None, 3: Failure.REDIRECT_ERROR, 4: Failure.HTTP_4XX, 5: Failure.HTTP_5XX}
    for status in range(100, 1000):
        assert of_status(status) is classes.get(status // 100, Failure.NETWORK_ERROR), status
