"""Identifiers: UUIDv7 (RFC 9562) for what travels, random tokens for what must not be guessed."""

import os
import secrets
import string
import time
from uuid import UUID


def uuid7() -> UUID:
    """Return a new UUIDv7: 48 bits of Unix milliseconds, then 74 random bits.

    Unique without coordination and close to insertion order, which keeps B-trees narrow; never used for order.
    """
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF000 << 64) | 0x7000 << 64
    return UUID(int=value & ~(0xC000 << 48) | 0x8000 << 48)


def token(size: int = 32) -> str:
    """Return ``size`` random bytes as unpadded URL-safe base64."""
    return secrets.token_urlsafe(size)


def api_key() -> str:
    """Return a new API key: ``rk-`` and 40 letters and digits, 238 random bits.

    Every version of the W&B client takes this form: it splits at the first dash, and until 0.21 refuses what follows
    unless it has 40 characters.
    """
    alphabet = string.ascii_letters + string.digits
    return "rk-" + "".join(secrets.choice(alphabet) for _ in range(40))


def fraction() -> float:
    """Return a random number in [0, 1), for jitter."""
    return secrets.randbelow(1 << 53) / (1 << 53)
