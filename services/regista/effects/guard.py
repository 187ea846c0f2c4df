"""What commands on integrations need of the process beside the database."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from regista.kit.http import Network
from regista.kit.runtime import Runtime
from regista.kit.vault import Vault


class Guard(NamedTuple):
    """What a process seals secrets with, and which networks its endpoints may lie in."""

    vault: Vault
    allowed: Sequence[Network]

    @classmethod
    def of(cls, runtime: Runtime) -> Self:
        """Return what this process has."""
        return cls(runtime.vault, runtime.settings.webhook_allowed_networks)
