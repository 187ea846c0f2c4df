"""Global ids: padded standard base64 of ``Type:123``, as the W&B client expects them. Opaque to it but for their form."""

import base64
import binascii
import re

from regista.kit.errors import InvalidError

_ID = re.compile(r"([A-Za-z]+):(0|[1-9]\d{0,18})\Z", re.ASCII)
_LIMIT = 2**63


def encode(kind: str, number: int | str) -> str:
    """Return the global id of the thing with this number."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def decode(text: str, *kinds: str) -> int:
    """Return the number in an id of one of these kinds.

    Raises `InvalidError` for text that is no such id; which kinds it might have been is part of the sentence.
    """
    try:
        found = _ID.match(base64.b64decode(text, validate=True).decode("ascii"))
    except (binascii.Error, UnicodeError, ValueError):
        found = None
    if found is None or found[1] not in kinds or int(found[2]) >= _LIMIT:
        raise InvalidError(f"{text!r} is not the id of a {' or '.join(kinds)} of this server")
    return int(found[2])
