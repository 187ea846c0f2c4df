"""Secrets at rest: sealed with AES-256-GCM under keys derived from the installation's secret key.

A sealed value is ``version (1 byte) | key id (8) | nonce (12) | ciphertext and tag``. The organization and the purpose
are authenticated with it, so that a value copied into another row does not open there.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from regista.kit.errors import ConfigurationError, RegistaError
from regista.kit.settings import secret_keys

_VERSION: Final = b"\x01"
_ID_SIZE: Final = 8
_NONCE_SIZE: Final = 12
_HEAD: Final = len(_VERSION) + _ID_SIZE


class SealBrokenError(RegistaError):
    """A sealed value does not open: its key is gone, it was altered, or it belongs to someone else."""

    status = 500
    code = "seal_broken"


class Vault:
    """Seals and opens the secrets of organizations.

    ``secret_key`` is one key or several separated by commas, newest first: the first seals, all open. To rotate, put
    a new key in front, seal again whatever is not ``is_current``, then drop the old one. Raises ConfigurationError
    for a key that is too short or given twice.
    """

    def __init__(self, secret_key: str) -> None:
        try:
            keys = secret_keys(secret_key)
        except ValueError as error:
            raise ConfigurationError(f"REGISTA_SECRET_KEY is not valid: {error}") from None
        self._ciphers = dict(_derive(key) for key in keys)
        self._newest = next(iter(self._ciphers))
        self._keys = tuple(keys)

    @property
    def key_ids(self) -> tuple[bytes, ...]:
        """The public ids of the keys, 8 bytes each, newest first; what is sealed names the one that opens it."""
        return tuple(self._ciphers)

    def signing_keys(self, purpose: str) -> tuple[bytes, ...]:
        """Return 32-byte keys for signatures of one purpose, newest first: the first signs, all check."""
        info = f"regista signing v1 {purpose}".encode()
        return tuple(HKDF(SHA256(), length=32, salt=None, info=info).derive(key.encode()) for key in self._keys)

    def seal(self, secret: bytes, *, organization_id: int, purpose: str) -> bytes:
        """Return ``secret`` sealed under the newest key, for this organization and purpose only."""
        head = _VERSION + self._newest
        nonce = os.urandom(_NONCE_SIZE)
        context = _context(head, organization_id, purpose)
        return head + nonce + self._ciphers[self._newest].encrypt(nonce, secret, context)

    def open(self, sealed: bytes, *, organization_id: int, purpose: str) -> bytes:
        """Return the secret in ``sealed``. Raises SealBrokenError."""
        head, nonce, encrypted = sealed[:_HEAD], sealed[_HEAD : _HEAD + _NONCE_SIZE], sealed[_HEAD + _NONCE_SIZE :]
        cipher = self._ciphers.get(head[1:])
        if head[:1] != _VERSION or cipher is None or len(nonce) != _NONCE_SIZE:
            raise SealBrokenError(
                f"the {purpose} of organization {organization_id} was sealed with a key that is not in "
                "REGISTA_SECRET_KEY; add the old key at the end of the list, or set the secret again"
            )
        try:
            return cipher.decrypt(nonce, encrypted, _context(head, organization_id, purpose))
        except InvalidTag as error:
            raise SealBrokenError(
                f"the {purpose} of organization {organization_id} was altered or moved in the database; "
                "set the secret again"
            ) from error

    def is_current(self, sealed: bytes) -> bool:
        """Tell whether ``sealed`` is under the newest key; otherwise open it and seal it again."""
        return sealed[:_HEAD] == _VERSION + self._newest


def _derive(key: str) -> tuple[bytes, AESGCM]:
    """Return the public id and the cipher of one secret key; the id says nothing about the cipher's key."""
    material = HKDF(SHA256(), length=_ID_SIZE + 32, salt=None, info=b"regista vault v1").derive(key.encode())
    return material[:_ID_SIZE], AESGCM(material[_ID_SIZE:])


def _context(head: bytes, organization_id: int, purpose: str) -> bytes:
    return head + organization_id.to_bytes(8, signed=True) + purpose.encode()
