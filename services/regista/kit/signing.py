"""Signatures of webhooks: Standard Webhooks v1 (HMAC-SHA256) and v1a (Ed25519), and the one that W&B receivers check.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from regista.kit.errors import InvalidError

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"
WANDB_HEADER = "X-Wandb-Signature"
TOLERANCE = 300
"""Seconds that the timestamp of a message may differ from the verifier's clock, either way."""

SECRET_PREFIX = "whsec_"  # noqa: S105 - the name of the format
PRIVATE_PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"
MIN_SECRET, MAX_SECRET = 24, 64
"""Bytes of a symmetric secret."""
_SEED = 32
_MAX_SIGNATURES = 32


class KeyRefusedError(InvalidError):
    """A signing secret that cannot be used."""

    code = "signing_key_refused"


class SigningKey(Protocol):
    """A key that signs what is sent."""

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        """Return one signature as it stands in the header, version first."""
        ...


class VerifyingKey(Protocol):
    """A key that checks what was received."""

    version: str

    def accepts(self, signed: bytes, signature: bytes) -> bool:
        """Tell whether ``signature`` is that of ``signed``; never raises."""
        ...


class HmacKey:
    """A symmetric key of 24-64 bytes, written ``whsec_<base64>``."""

    version = "v1"
    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if not MIN_SECRET <= len(secret) <= MAX_SECRET:
            raise KeyRefusedError(f"the secret has {len(secret)} bytes; use {MIN_SECRET}-{MAX_SECRET} random ones")
        self._secret = secret

    @classmethod
    def generate(cls, size: int = 32) -> "HmacKey":
        """Return a new key of ``size`` random bytes."""
        return cls(secrets.token_bytes(size))

    @classmethod
    def parse(cls, text: str) -> "HmacKey":
        """Return the key written ``whsec_<base64>``. Raises KeyRefusedError, which does not repeat the secret."""
        return cls(_decode_key(text, SECRET_PREFIX))

    def written(self) -> str:
        """Return the key as its owner keeps it."""
        return SECRET_PREFIX + base64.b64encode(self._secret).decode()

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        """Return ``v1,<base64>`` over ``id.timestamp.body``."""
        digest = hmac.digest(self._secret, b"%b.%d.%b" % (message_id.encode(), timestamp, body), "sha256")
        return "v1," + binascii.b2a_base64(digest, newline=False).decode()

    def accepts(self, signed: bytes, signature: bytes) -> bool:
        """Tell whether ``signature`` is that of ``signed``, in constant time."""
        return hmac.compare_digest(hmac.digest(self._secret, signed, "sha256"), signature)


class PublicKey:
    """An Ed25519 public key, written ``whpk_<base64 of 32 bytes>``."""

    version = "v1a"
    __slots__ = ("_key",)

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    @classmethod
    def parse(cls, text: str) -> "PublicKey":
        """Return the key written ``whpk_…``. Raises KeyRefusedError."""
        raw = _decode_key(text, PUBLIC_PREFIX)
        if len(raw) != _SEED:
            raise KeyRefusedError(f"a {PUBLIC_PREFIX} key has {_SEED} bytes, this one has {len(raw)}")
        return cls(Ed25519PublicKey.from_public_bytes(raw))

    def written(self) -> str:
        """Return the key as a receiver keeps it."""
        return PUBLIC_PREFIX + base64.b64encode(self._key.public_bytes_raw()).decode()

    def accepts(self, signed: bytes, signature: bytes) -> bool:
        """Tell whether ``signature`` is that of ``signed``."""
        try:
            self._key.verify(signature, signed)
        except InvalidSignature:
            return False
        return True


class PrivateKey:
    """An Ed25519 private key, written ``whsk_<base64>`` of the seed followed by the public key (64 bytes)."""

    __slots__ = ("_key",)

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> "PrivateKey":
        """Return a new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, text: str) -> "PrivateKey":
        """Return the key written ``whsk_…``; a bare seed of 32 bytes is read too.

        Raises KeyRefusedError, also when the public half is not that of the seed (signing with such a pair would
        reveal the private key).
        """
        raw = _decode_key(text, PRIVATE_PREFIX)
        if len(raw) not in {_SEED, 2 * _SEED}:
            raise KeyRefusedError(f"a {PRIVATE_PREFIX} key has {2 * _SEED} bytes, this one has {len(raw)}")
        key = Ed25519PrivateKey.from_private_bytes(raw[:_SEED])
        if raw[_SEED:] not in {b"", key.public_key().public_bytes_raw()}:
            raise KeyRefusedError(f"the two halves of the {PRIVATE_PREFIX} key do not belong together")
        return cls(key)

    def public(self) -> PublicKey:
        """Return the key to give to receivers."""
        return PublicKey(self._key.public_key())

    def written(self) -> str:
        """Return the key as its owner keeps it."""
        raw = self._key.private_bytes_raw() + self._key.public_key().public_bytes_raw()
        return PRIVATE_PREFIX + base64.b64encode(raw).decode()

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        """Return ``v1a,<base64>`` over ``id.timestamp.body``."""
        signature = self._key.sign(b"%b.%d.%b" % (message_id.encode(), timestamp, body))
        return "v1a," + binascii.b2a_base64(signature, newline=False).decode()


def parse_signing_key(text: str) -> HmacKey | PrivateKey:
    """Return the key behind ``whsec_…`` or ``whsk_…``. Raises KeyRefusedError."""
    return PrivateKey.parse(text) if text.startswith(PRIVATE_PREFIX) else HmacKey.parse(text)


def signature_headers(keys: Sequence[SigningKey], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers of one attempt; every live key signs, the newest (first) in front.

    ``timestamp`` is that of the attempt, in Unix seconds. Raises ValueError for an id with a dot, which would make
    two messages look alike.
    """
    if "." in message_id:
        raise ValueError(f"the message id {message_id!r} contains a dot")
    return {
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: " ".join([key.sign(message_id, timestamp, body) for key in keys]),
    }


def verify(headers: Mapping[str, str], body: bytes, keys: Iterable[VerifyingKey], now: int) -> bool:
    """Tell whether one of ``keys`` signed ``body`` within TOLERANCE seconds of ``now`` (Unix seconds).

    A header that is missing or malformed makes it False, never an exception: answer 401. Unknown signature versions
    are passed over.
    """
    values = {name.lower(): value for name, value in headers.items()}
    message_id, sent, given = (values.get(name, "") for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER))
    if not message_id or not (sent.isascii() and sent.isdigit()) or len(sent) > len(str(now)) + 1:
        return False
    if abs(int(sent) - now) > TOLERANCE:
        return False
    signed = f"{message_id}.{sent}.".encode("utf-8", "surrogateescape") + body
    signatures = [pair for part in given.split(" ")[:_MAX_SIGNATURES] if (pair := _decode_signature(part)) is not None]
    return any(key.version == version and key.accepts(signed, raw) for key in keys for version, raw in signatures)


def wandb_signature(secret: str, body: bytes) -> str:
    """Return the value of X-Wandb-Signature: base64 of HMAC-SHA256 over the body, keyed with the secret as typed."""
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def _decode_key(text: str, prefix: str) -> bytes:
    if not text.startswith(prefix):
        raise KeyRefusedError(f"a key of this kind starts with {prefix}")
    try:
        return base64.b64decode(text.removeprefix(prefix), validate=True)
    except ValueError as error:
        raise KeyRefusedError(f"what follows {prefix} is not base64") from error


def _decode_signature(part: str) -> tuple[str, bytes] | None:
    version, comma, encoded = part.partition(",")
    if not comma:
        return None
    try:
        return version, base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
