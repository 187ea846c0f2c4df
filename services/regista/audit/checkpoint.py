"""Signed checkpoints: what a chain's head was, said by somebody who knows the installation's secret key.

Whoever can write to the database can compute a whole chain anew; they cannot sign its heads. The signing key is derived
from the secret key, so that it stands in no table.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from regista.audit.repository.projection import Checkpoint, Head
from regista.kit import clock
from regista.kit.vault import Vault

EVERY = 1000
"""Rows of a chain between two checkpoints, at least."""

_PURPOSE = "audit checkpoints"


class Signer:
    """Signs checkpoints with Ed25519, under the newest of the installation's secret keys."""

    def __init__(self, vault: Vault) -> None:
        keys = [Ed25519PrivateKey.from_private_bytes(seed) for seed in vault.signing_keys(_PURPOSE)]
        self._newest = keys[0]
        self._public = keys[0].public_key().public_bytes_raw()
        self.trusted = frozenset(key.public_key().public_bytes_raw() for key in keys)
        """Public keys (32 bytes each) whose checkpoints are this installation's own."""

    def sign(self, shard: int, head: Head) -> Checkpoint:
        """Return the checkpoint of a chain's head."""
        signature = self._newest.sign(_message(shard, head))
        return Checkpoint(shard, head.position, head.hash, clock.now(), self._public, signature)


def is_signed(checkpoint: Checkpoint) -> bool:
    """Return whether the signature is that of the checkpoint's key; whether the key is trusted is another question."""
    try:
        key = Ed25519PublicKey.from_public_bytes(checkpoint.public_key)
        key.verify(checkpoint.signature, _message(checkpoint.shard, Head(checkpoint.position, checkpoint.hash)))
    except (InvalidSignature, ValueError):
        return False
    return True


def _message(shard: int, head: Head) -> bytes:
    return f"regista audit v1 {shard} {head.position} {head.hash.hex()}".encode()
