"""The digest that makes two versions the same: that of their manifests, computed as the W&B client computes it."""

import base64
import binascii
import hashlib
from collections.abc import Iterable

_MD5_BYTES = 16


def manifest_digest(entries: Iterable[tuple[str, str]]) -> str:
    """Return the hex MD5 over ``(path, digest)`` of all files, in the order of their paths.

    The digest of a stored file is the base64 MD5 of its content. Source: ``ArtifactManifestV1.digest`` of wandb.
    """
    total = hashlib.md5(b"wandb-artifact-manifest-v1\n", usedforsecurity=False)
    for path, digest in sorted(entries):
        total.update(f"{path}:{digest}\n".encode())
    return total.hexdigest()


def read_md5(text: str) -> bytes:
    """Return the 16 bytes of an MD5 in hex or base64. Raises `ValueError`."""
    try:
        raw = bytes.fromhex(text) if len(text) == 2 * _MD5_BYTES else base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("an MD5 is written in hex or base64") from error
    if len(raw) != _MD5_BYTES:
        raise ValueError(f"an MD5 has {_MD5_BYTES} bytes, this has {len(raw)}")
    return raw


def write_md5(raw: bytes) -> str:
    """Return an MD5 in base64, as manifests hold it."""
    return base64.b64encode(raw).decode()
