"""Scopes as people write them, found: ``org``, ``entity/E``, ``project/E/P``, ``registry/NAME``, ``collection/E/P/NAME``."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from regista.kit.db import Transaction
from regista.kit.errors import InvalidError
from regista.registry.errors import ScopeNotFoundError
from regista.registry.repository import scopes as repository

ScopeKind = Literal["org", "entity", "project", "registry", "collection"]
_PARTS: dict[str, int] = {"org": 0, "entity": 1, "project": 2, "registry": 1, "collection": 3}
WRITTEN: Final[Mapping[str, str]] = {
    "org": "org",
    "entity": "entity/E",
    "project": "project/E/P",
    "registry": "registry/NAME",
    "collection": "collection/E/P/NAME",
}
"""How people write a scope of each kind."""
*_FIRST, _LAST = WRITTEN.values()
_GRAMMAR = f"{', '.join(_FIRST)} or {_LAST}"


class ScopeRef(NamedTuple):
    """What a scope stands for. ``id`` outlives renames; ``entity_id`` is None for the organization alone."""

    kind: ScopeKind
    id: int
    organization_id: int
    entity_id: int | None


class Scope(NamedTuple):
    """A scope in its parts, not looked up."""

    kind: ScopeKind
    names: tuple[str, ...]


def parse_scope(text: str) -> Scope:
    """Return the parts of a scope; raise `InvalidError` for one that is not written as scopes are."""
    kind, *names = text.split("/")
    if kind not in _PARTS or len(names) != _PARTS[kind] or not all(names):
        raise InvalidError(f"scope {text!r} is none; write {_GRAMMAR}", field="scope")
    return Scope(kind, tuple(names))  # pyright: ignore[reportArgumentType] - a key of _PARTS is a ScopeKind


async def scope_of(transaction: Transaction, organization_id: int, text: str) -> ScopeRef:
    """Return what the scope stands for in this organization.

    Raises `InvalidError` for a scope that is not written as scopes are, `ScopeNotFoundError` (404) for one that
    names something which does not exist in the organization.
    """
    kind, names = parse_scope(text)
    if kind == "org":
        return ScopeRef("org", organization_id, organization_id, None)
    found = await repository.find(transaction, organization_id, kind, names)
    if found is None:
        raise missing_scope(text)
    return ScopeRef(kind, found["id"], organization_id, found["entity_id"])


async def scope_name(transaction: Transaction, scope: ScopeRef) -> str | None:
    """Return the scope as people write it by today's names; None when what it stood for was deleted."""
    if scope.kind == "org":
        return "org"
    return await repository.name(transaction, scope.organization_id, scope.kind, scope.id)


def missing_scope(text: str) -> ScopeNotFoundError:
    """Return the error for a scope that names nothing, or what the caller may not see: nobody can tell which."""
    return ScopeNotFoundError(
        f"scope {text!r} does not exist, or you may not see it; create it first, or check the spelling"
    )
