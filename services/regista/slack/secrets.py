"""The secrets of channels at rest: a bot's token, or the URL of an incoming webhook."""

from typing import NamedTuple

import asyncpg

from regista.kit.vault import Vault

_TOKEN = "slack token"  # noqa: S105 - what it is for, not what it is
_URL = "slack webhook url"


class Kept(NamedTuple):
    """What a channel is reached by, as it was given: either may hold ``${secret.NAME}``."""

    token: str | None
    url: str | None


def sealed(vault: Vault, organization_id: int, kept: Kept) -> tuple[bytes | None, bytes | None]:
    """Return token and URL as they are stored."""
    return (
        _seal(vault, organization_id, kept.token, _TOKEN),
        _seal(vault, organization_id, kept.url, _URL),
    )


def opened(vault: Vault, row: asyncpg.Record) -> Kept:
    """Return token and URL of a channel's row. Raises SealBrokenError."""
    return Kept(_open(vault, row, "token", _TOKEN), _open(vault, row, "sealed_url", _URL))


def _seal(vault: Vault, organization_id: int, text: str | None, purpose: str) -> bytes | None:
    return None if text is None else vault.seal(text.encode(), organization_id=organization_id, purpose=purpose)


def _open(vault: Vault, row: asyncpg.Record, column: str, purpose: str) -> str | None:
    stored = row[column]
    if stored is None:
        return None
    return vault.open(stored, organization_id=row["organization_id"], purpose=purpose).decode()
