"""Which headers the owner of an endpoint may set. Pure.

A header that steers the connection or the framing of the message (RFC 9110, section 7.6.1; RFC 9112) would let an
endpoint's owner forge what the receiver and every proxy between believe, and the signature's own are ours.
"""

import re
from collections.abc import Mapping
from typing import Final

from regista.webhooks.errors import HeaderRefusedError

MOST: Final = 50
MAX_VALUE: Final = 4096
"""Characters of a value."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}\Z")
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?\Z|\Z")
_REFUSED: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "regista-replayed",
        "regista-test",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-wandb-signature",
    }
)


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers if all may be sent. Raises HeaderRefusedError, which names the header and never its value."""
    if len(headers) > MOST:
        raise HeaderRefusedError(f"{len(headers)} headers are too many; at most {MOST} may be set", field="headers")
    seen: set[str] = set()
    for name, value in headers.items():
        lower = name.lower()
        if not _TOKEN.match(name):
            raise HeaderRefusedError(f"{name[:100]!r} is not the name of a header", field="headers")
        if lower in _REFUSED or lower.startswith("webhook-"):
            raise HeaderRefusedError(
                f"header {name} is set by Regista or by the connection; leave it out", field="headers"
            )
        if lower in seen:
            raise HeaderRefusedError(f"header {name} is given twice", field="headers")
        seen.add(lower)
        check_value(name, value)
    return dict(headers)


def check_value(name: str, value: str) -> str:
    """Return a header's value if it can be sent as it is. Raises HeaderRefusedError."""
    if len(value) > MAX_VALUE or not _VALUE.match(value):
        raise HeaderRefusedError(
            f"the value of {name} is not up to {MAX_VALUE} characters of printable ASCII without blanks at its ends",
            field="headers",
        )
    return value
