"""The hash chain: each row's hash is over the one before it and the bytes that were stored, published and delivered."""

import hashlib

GENESIS = bytes(32)
"""What stands before the first row of a chain."""


def link(previous: bytes, body: bytes, context: bytes) -> bytes:
    """Return SHA-256(previous ‖ body ‖ context)."""
    digest = hashlib.sha256(previous)
    digest.update(body)
    digest.update(context)
    return digest.digest()
