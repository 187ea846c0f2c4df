"""Secrets that come back in what somebody answers. Pure."""

from collections.abc import Iterable
from typing import Final

from regista.automations.payloads.frozen import MASK, escaped

_SHORTEST: Final = 4
"""Characters of a secret that is looked for in what comes back: a shorter one would be found everywhere."""


def spellings(values: Iterable[str]) -> set[bytes]:
    """Return how secrets may be spelt in an answer: as they are and as JSON has them."""
    return {spelt for value in values if len(value) >= _SHORTEST for spelt in (value.encode(), escaped(value))}


def hidden(text: bytes, spelt: Iterable[bytes]) -> bytes:
    """Return the text with ``***`` for each of these; not in another encoding, and not where the end of what is kept cuts it."""
    for value in spelt:
        text = text.replace(value, MASK.encode())
    return text
