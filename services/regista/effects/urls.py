"""URLs of endpoints, which may hold secrets behind the host: in their path, as chat services have it, or their query. Pure."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from regista.automations.secrets.reference import referred, resolved
from regista.kit.http import Network, UrlRefusedError, accept

_KEPT = "%/=&+:;,!@*()'~"
"""What a value keeps that is a part of a URL already, as it is copied from where it was shown."""


def check_url(url: str, allowed: Sequence[Network]) -> None:
    """Return if the URL may be an endpoint's. Raises UrlRefusedError, and `InvalidError` for a ``${`` that is no secret."""
    names = referred(url)
    if "${" in re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0] or "${" in url.partition("://")[0]:
        raise UrlRefusedError("a secret may stand in the path and the query of a URL, not in its scheme or host")
    accept(resolved(url, dict.fromkeys(names, "x")), allowed)


def dialled(url: str, values: Mapping[str, str]) -> str:
    """Return the URL that is called. Raises `KeyError` for a secret that ``values`` does not have."""
    if "${" not in url:
        return url
    return resolved(url, {name: quote(value, safe=_KEPT) for name, value in values.items()})
