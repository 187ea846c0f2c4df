"""The secrets of endpoints at rest: signing keys, extra headers, access tokens, each sealed for its own purpose."""

import json
from collections.abc import Mapping

from regista.kit.signing import HmacKey, PrivateKey, parse_signing_key
from regista.kit.vault import Vault

_KEY = "webhook signing key"
_HEADERS = "webhook headers"
_TOKEN = "webhook access token"  # noqa: S105 - what it is for, not what it is


def new_key(signature: str) -> HmacKey | PrivateKey:
    """Return a new key: ``v1`` HMAC-SHA256, ``v1a`` Ed25519."""
    return HmacKey.generate() if signature == "v1" else PrivateKey.generate()


def seal_key(vault: Vault, organization_id: int, key: HmacKey | PrivateKey) -> bytes:
    """Return a signing key as it is stored."""
    return vault.seal(key.written().encode(), organization_id=organization_id, purpose=_KEY)


def open_key(vault: Vault, organization_id: int, sealed: bytes) -> HmacKey | PrivateKey:
    """Return a stored signing key. Raises SealBrokenError."""
    return parse_signing_key(vault.open(sealed, organization_id=organization_id, purpose=_KEY).decode())


def seal_headers(vault: Vault, organization_id: int, headers: Mapping[str, str]) -> bytes | None:
    """Return extra headers as they are stored, None for none."""
    if not headers:
        return None
    return vault.seal(json.dumps(headers).encode(), organization_id=organization_id, purpose=_HEADERS)


def open_headers(vault: Vault, organization_id: int, sealed: bytes | None) -> dict[str, str]:
    """Return stored headers. Raises SealBrokenError."""
    if sealed is None:
        return {}
    return json.loads(vault.open(sealed, organization_id=organization_id, purpose=_HEADERS))


def seal_token(vault: Vault, organization_id: int, token: str | None) -> bytes | None:
    """Return an access token as it is stored."""
    if token is None:
        return None
    return vault.seal(token.encode(), organization_id=organization_id, purpose=_TOKEN)


def open_token(vault: Vault, organization_id: int, sealed: bytes | None) -> str | None:
    """Return a stored access token. Raises SealBrokenError."""
    if sealed is None:
        return None
    return vault.open(sealed, organization_id=organization_id, purpose=_TOKEN).decode()
