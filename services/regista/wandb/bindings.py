"""Every resolver module, and the scalars: what makes the schema executable."""

from collections.abc import Iterator
from typing import Any

from regista.wandb import people, scalars, server

MODULES = (scalars, server, people)
"""Each has ``BINDINGS``; root fields are `Root`s, which name their actions."""


def bindings() -> Iterator[Any]:
    """Yield what binds resolvers to the schema."""
    for module in MODULES:
        yield from module.BINDINGS
