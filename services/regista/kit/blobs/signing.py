"""Signed URLs: one method on one blob of one organization until one moment, and nothing else.

Whoever holds the URL may use it, without a key: clients send none to where they upload. What is signed is everything
that the URL says, so nothing of it can be altered; the keys are derived from the secret key, newest first, so URLs
outlive a rotation as long as the old key is kept.
"""

import hmac
from collections.abc import Sequence
from typing import Literal, NamedTuple
from urllib.parse import quote, urlencode

from regista.kit.errors import RegistaError

PURPOSE = "blob urls"
LIFETIME_SECONDS = 3600
"""How long a URL works from its issuance. An upload that has begun in time may end later."""


class LinkRefusedError(RegistaError):
    """The URL was altered, or its time is over."""

    status = 403
    code = "link_refused"


class Grant(NamedTuple):
    """What a URL allows.

    ``blob`` is ``<md5 in hex>-<bytes>`` for PUT, where the content is still to come, and the SHA-256 in hex for GET.
    ``filename`` is what a download is saved as, empty for PUT.
    """

    method: Literal["GET", "PUT"]
    organization_id: int
    blob: str
    filename: str
    expires: int


class LinkSigner:
    """Makes and checks signed URLs; ``keys`` newest first: the first signs, all check."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def url(self, base: str, grant: Grant) -> str:
        """Return the URL of a grant below ``base``, which is that of the blob routes, without a slash at its end."""
        query: dict[str, str | int] = {"expires": grant.expires, "signature": _sign(self._keys[0], grant)}
        if grant.filename:
            query["filename"] = grant.filename
        return f"{base}/{grant.organization_id}/{quote(grant.blob, safe='')}?{urlencode(query)}"

    def check(self, grant: Grant, signature: str, now: float) -> None:
        """Return if the signature is that of the grant and ``now`` (Unix seconds) is in time.

        Raises `LinkRefusedError`.
        """
        given = signature.encode("utf-8", "surrogateescape")
        if not any(hmac.compare_digest(_sign(key, grant).encode(), given) for key in self._keys):
            raise LinkRefusedError("the signature is not that of this URL; ask for a new URL and use it unaltered")
        if now > grant.expires:
            raise LinkRefusedError(f"this URL expired {int(now) - grant.expires} s ago; ask for a new one")


def _sign(key: bytes, grant: Grant) -> str:
    # A newline can stand in none of the parts before the last, so no two grants read the same.
    text = f"{grant.method}\n{grant.organization_id}\n{grant.blob}\n{grant.expires}\n{grant.filename}"
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), "sha256").hex()
