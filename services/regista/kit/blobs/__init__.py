"""Content: bytes stored once per organization under their SHA-256, and signed URLs that let clients move them."""

from regista.kit.blobs.signing import Grant, LinkRefusedError, LinkSigner
from regista.kit.blobs.store import Blob, BlobMissingError, BlobStore, ContentMismatchError, open_blobs

__all__ = [
    "Blob",
    "BlobMissingError",
    "BlobStore",
    "ContentMismatchError",
    "Grant",
    "LinkRefusedError",
    "LinkSigner",
    "open_blobs",
]
