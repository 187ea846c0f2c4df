"""Where a reader of the live stream stands: how far it has read in each shard.

One number cannot say it: shards are published independently of each other. Within a shard positions become visible in
their order, so whoever has seen one has seen all before it.
"""

import base64
import binascii

from regista.kit.errors import InvalidError
from regista.kit.shards import SHARDS

Vector = tuple[int, ...]
"""The last position read of each of the 16 shards, 0 for none."""

_MORE = 0x80
_BITS = 7
_LIMIT = 2**63


def encode(vector: Vector) -> str:
    """Return the vector as an SSE id: LEB128 numbers in unpadded URL-safe base64, 22 characters while positions are small."""
    packed = bytearray()
    for position in vector:
        rest = position
        while rest >= _MORE:
            packed.append(rest & (_MORE - 1) | _MORE)
            rest >>= _BITS
        packed.append(rest)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode(text: str) -> Vector:
    """Return the vector of an SSE id. Raises `InvalidError` for one that this server did not make."""
    refused = InvalidError(f"{text[:80]!r} is not an id of this stream; connect without Last-Event-ID", field="id")
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise refused from None
    found: list[int] = []
    value = shift = 0
    for byte in packed:
        value |= (byte & (_MORE - 1)) << shift
        if value >= _LIMIT or shift > 70:  # noqa: PLR2004 - ten bytes hold a bigint
            raise refused
        if byte & _MORE:
            shift += _BITS
        else:
            found.append(value)
            value = shift = 0
    if shift or len(found) != SHARDS:
        raise refused
    return tuple(found)


def advanced(vector: Vector, shard: int, position: int) -> Vector:
    """Return the vector with one shard read up to ``position``."""
    return (*vector[:shard], position, *vector[shard + 1 :])
