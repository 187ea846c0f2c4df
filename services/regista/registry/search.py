"""Search: registries, collections and versions that the caller may see, by filters, in an order, page by page."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from regista.access.actions import Action
from regista.access.verdict import Actor, decide, sight
from regista.kit.db import Transaction
from regista.kit.db.conditions import EVERYTHING, All, Condition, Not, Some, Test
from regista.registry.registry import Registry
from regista.registry.repository import registries
from regista.registry.repository import search as repository
from regista.registry.repository.search import Cursor, Filters, Slice, Where
from regista.registry.subjects import Collection, Version

__all__ = [
    "NO_FILTERS",
    "Filters",
    "Found",
    "Slice",
    "Where",
    "count_collections",
    "count_versions",
    "list_types",
    "search_collections",
    "search_registries",
    "search_versions",
]

T = TypeVar("T")

NO_FILTERS = Filters(EVERYTHING, EVERYTHING, EVERYTHING)
_VERSION = re.compile(r"v?(0|[1-9]\d{0,18})\Z", re.ASCII)
_COMPARED = {"=", "<>", ">", ">=", "<", "<=", "in", "not in"}


class Found(NamedTuple, Generic[T]):
    """Something found, and the cursor that stands behind it."""

    thing: T
    cursor: Cursor


async def search_registries(
    transaction: Transaction, actor: Actor, condition: Condition, part: Slice
) -> list[Found[Registry]]:
    """Return registries; fields: name (of the project), id (of the project), description, created_at, updated_at."""
    seen = sight(actor, Action.REGISTRY_READ)
    rows = await repository.search_registries(transaction, actor.organization_id, seen, condition, part)
    found: list[Found[Registry]] = []
    for row in rows:
        fields = dict(row)
        cursor = fields.pop("cursor")
        found.append(Found(Registry(**fields), cursor))
    return found


async def search_collections(
    transaction: Transaction, actor: Actor, filters: Filters, where: Where, part: Slice
) -> list[Found[Collection]]:
    """Return collections; fields: id, name, type, tag, alias, description, created_at, updated_at."""
    seen = sight(actor, Action.COLLECTION_READ)
    rows = await repository.search_collections(transaction, actor.organization_id, seen, filters, where, part)
    return [Found(Collection.of(dict(row)), row["cursor"]) for row in rows]


async def count_collections(transaction: Transaction, actor: Actor, filters: Filters, where: Where) -> int:
    """Return how many collections `search_collections` finds on all its pages."""
    seen = sight(actor, Action.COLLECTION_READ)
    return await repository.count_collections(transaction, actor.organization_id, seen, filters, where)


async def list_types(transaction: Transaction, actor: Actor, projects: Iterable[int]) -> dict[int, dict[str, datetime]]:
    """Return the types of artifacts in projects, by project and name, each since when; a registry's with those it accepts.

    Of collections that the actor may not see there is nothing, and nothing of a registry that it may not see.
    """
    wanted = sorted(set(projects))
    known = await registries.by_projects(transaction, actor.organization_id, wanted)
    since: dict[int, dict[str, datetime]] = {project: {} for project in wanted}
    for project, registry in known.items():
        if decide(actor, Action.REGISTRY_READ, registry.resource()).allowed:
            since[project] = dict.fromkeys(registry.artifact_types, registry.created_at)
    seen = sight(actor, Action.COLLECTION_READ)
    for project, name, moment in await repository.types(transaction, actor.organization_id, seen, wanted):
        since[project][name] = moment
    return {project: dict(sorted(found.items())) for project, found in since.items()}


async def search_versions(
    transaction: Transaction, actor: Actor, filters: Filters, where: Where, part: Slice
) -> list[Found[tuple[Collection, Version]]]:
    """Return versions in their collections; fields: id, version, alias, tag, metadata.…, state, size, created_at, ….

    ``version`` is compared by its number: v10 comes after v9.
    """
    seen = sight(actor, Action.ARTIFACT_READ)
    filters = filters._replace(version=_by_number(filters.version))
    rows = await repository.search_versions(transaction, actor.organization_id, seen, filters, where, part)
    return [Found((Collection.of(each), Version.of(each)), each["cursor"]) for each in map(dict, rows)]


async def count_versions(transaction: Transaction, actor: Actor, filters: Filters, where: Where) -> int:
    """Return how many versions `search_versions` finds on all its pages."""
    seen = sight(actor, Action.ARTIFACT_READ)
    filters = filters._replace(version=_by_number(filters.version))
    return await repository.count_versions(transaction, actor.organization_id, seen, filters, where)


def _by_number(condition: Condition) -> Condition:
    """Return the condition with versions that are written as ``v3``, ``3`` or 3 compared by number."""
    if isinstance(condition, Test):
        if condition.field not in {"version", "version_index"} or condition.operator not in _COMPARED:
            return condition
        values: list[Any] = condition.value if isinstance(condition.value, list) else [condition.value]  # pyright: ignore[reportUnknownMemberType]
        numbers = [_number(value) for value in values]
        if None in numbers:
            return condition
        value = numbers if isinstance(condition.value, list) else numbers[0]
        return replace(condition, field="version_index", value=value)
    if isinstance(condition, Not):
        return Not(_by_number(condition.of))
    kind: Callable[[tuple[Condition, ...]], Condition] = All if isinstance(condition, All) else Some
    return kind(tuple(_by_number(each) for each in condition.of))


def _number(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _VERSION.match(value) if isinstance(value, str) else None
    return int(found[1]) if found is not None else None
