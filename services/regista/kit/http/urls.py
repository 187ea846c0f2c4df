"""Which URLs may be saved as an endpoint, and what of them is dialled.

The URL is judged as yarl has normalised it, because that is what aiohttp dials: there is no second parser that could
read it differently.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from yarl import URL

from regista.kit.errors import InvalidError
from regista.kit.http.addresses import Network, is_forbidden

MAX_LENGTH = 2048
"""Characters of a URL."""

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
_UNWANTED = re.compile(r"[\x00-\x20\x7f\\]")
_MAX_HOST = 253


class UrlRefusedError(InvalidError):
    """A URL that must not be called: malformed, ambiguous, or pointing into a forbidden network."""

    code = "url_refused"


class UrlTooLongError(UrlRefusedError):
    """A URL of more characters than are accepted: what a secret puts into one can make it that long."""


def accept(url: str, allowed: Sequence[Network] = ()) -> URL:
    """Return ``url`` parsed, for saving it: well formed, and not a literal of a forbidden address.

    A name is not resolved here: names change, and the address is judged when it is dialled. Raises UrlRefusedError.
    """
    parsed = parse(url)
    host = parsed.raw_host or ""
    if (":" in host or _is_number(host)) and is_forbidden(host, allowed):
        raise UrlRefusedError(
            f"the address {host} is in a private or reserved network; use a public address, "
            "or let the operator open the network with REGISTA_WEBHOOK_ALLOWED_NETWORKS"
        )
    return parsed


@lru_cache(maxsize=4096)
def parse(url: str) -> URL:
    """Return ``url`` parsed if its spelling is unambiguous; the address of a literal host is not judged.

    Refused: schemes other than http and https, user info, zone ids, ports outside 1-65535, and hosts that end in a
    number (WHATWG URL, "ends in a number checker") without being a canonical dotted quad: ``127.1``, ``0177.0.0.1``,
    ``2130706433``, ``0x7f.1``, and every full-width or circled spelling of an address. Raises UrlRefusedError, of
    which UrlTooLongError is one.
    """
    if len(url) > MAX_LENGTH:
        raise UrlTooLongError(f"the URL has {len(url)} characters; at most {MAX_LENGTH} are accepted")
    if _UNWANTED.search(url):
        raise UrlRefusedError("the URL contains a space, a control character or a backslash; percent-encode them")
    try:
        parsed = URL(url)
        port = parsed.port
    except ValueError as error:
        raise UrlRefusedError(f"the URL cannot be parsed ({error}); check the host and the port") from error
    if parsed.scheme not in {"http", "https"}:
        raise UrlRefusedError(f"the scheme {parsed.scheme!r} is not supported; use https:// or http://")
    authority = _authority(url)
    if "@" in authority or "@" in parsed.raw_authority:
        raise UrlRefusedError("the URL contains user info; put credentials into a header with a secret instead")
    if port is None or not 1 <= port <= 65535:  # noqa: PLR2004 - the range of TCP ports
        raise UrlRefusedError(f"the port {port} is outside 1-65535")
    _check_host(parsed.raw_host or "", _spelled_host(authority))
    return parsed


def _check_host(host: str, spelled: str) -> None:
    if not host or "%" in host or "%" in spelled:
        raise UrlRefusedError(f"the host {spelled!r} is empty, percent-encoded or has a zone id; write a plain name")
    if ":" in host or spelled.startswith("["):
        try:
            IPv6Address(host)
        except ValueError as error:
            raise UrlRefusedError(f"{spelled!r} is not an IPv6 address") from error
        return
    if _is_number(host):
        try:
            canonical = str(IPv4Address(host)) == spelled
        except ValueError:
            canonical = False
        if not canonical:
            raise UrlRefusedError(f"{spelled!r} is not a canonical IPv4 address; write four decimal numbers")
        return
    labels = host.removesuffix(".").split(".")
    if len(host) > _MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise UrlRefusedError(f"{spelled!r} is not a host name")


def _is_number(host: str) -> bool:
    return _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) is not None


def _authority(url: str) -> str:
    """Return user info, host and port as they were typed, before IDNA made them ASCII."""
    return re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]


def _spelled_host(authority: str) -> str:
    if authority.startswith("["):
        return authority.partition("]")[0] + "]"
    return authority.partition(":")[0]
