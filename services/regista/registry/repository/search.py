"""Lists that span projects: registries, collections and versions, filtered, ordered, and only what the caller may see.

Visibility is part of each statement, so that a page holds as many rows as were asked for and nobody can tell from what is
missing that there is more. Pages go by keyset: a cursor holds the last row's values of the order as text.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from regista.access.verdict import Sight
from regista.kit.db import Transaction
from regista.kit.db.conditions import (
    Column,
    Columns,
    Condition,
    Order,
    Parameters,
    columns,
    compile_condition,
    compile_order,
)
from regista.registry.repository import registries
from regista.registry.repository.columns import COLLECTION, FROM_COLLECTION, VERSION
from regista.registry.repository.visibility import visible

Cursor = Sequence[str | None]


class Slice(NamedTuple):
    """Which part of a list: up to ``limit`` rows behind ``cursor``, in the order of ``orders``."""

    orders: Sequence[Order]
    cursor: Cursor | None
    limit: int


def _named(prefix: str, **others: Column) -> dict[str, Column]:
    return {
        "name": Column(f"{prefix}.name"),
        "description": Column(f"{prefix}.description"),
        "created_at": Column(f"{prefix}.created_at", "time"),
        "updated_at": Column(f"{prefix}.updated_at", "time"),
        **others,
    }


_TAG_OF_COLLECTION = Column(
    "EXISTS (SELECT FROM collection_tag t WHERE t.collection_id = c.id AND {test})", "many", "t.name"
)
_ALIAS_IN_COLLECTION = Column("EXISTS (SELECT FROM alias n WHERE n.collection_id = c.id AND {test})", "many", "n.name")
_ALIAS = Column("EXISTS (SELECT FROM alias n WHERE n.membership_id = m.id AND {test})", "many", "n.name")
# A version's tags are those of the membership over those of the artifact: by name, their union.
_TAG = Column(
    "EXISTS (SELECT FROM (SELECT t.name FROM artifact_tag t WHERE t.artifact_id = a.id"
    " UNION ALL SELECT t.name FROM membership_tag t WHERE t.membership_id = m.id) t WHERE {test})",
    "many",
    "t.name",
)
_ID_OF_PROJECT = Column("p.id", "integer")
_ID_OF_COLLECTION = Column("c.id", "integer")
_ID_OF_ARTIFACT = Column("a.id", "integer")
_CREATED = Column("a.created_at", "time")
_LINKED = Column("m.created_at", "time")

PROJECT_FIELDS: Mapping[str, Column] = _named(
    "p",
    id=_ID_OF_PROJECT,
    project_id=_ID_OF_PROJECT,
    entity_id=Column("p.entity_id", "integer"),
    entity=Column("e.name"),
    # A registry's own row changes with its types, the project's with what both have.
    updated_at=Column("greatest(p.updated_at, r.updated_at)", "time"),
)
"""Fields of registries, by the names of their projects."""
COLLECTION_FIELDS: Mapping[str, Column] = _named(
    "c",
    id=_ID_OF_COLLECTION,
    collection_id=_ID_OF_COLLECTION,
    artifact_collection_id=_ID_OF_COLLECTION,
    artifact_collection_name=Column("c.name"),
    collection_name=Column("c.name"),
    type=Column("c.type"),
    tag=_TAG_OF_COLLECTION,
    tags=_TAG_OF_COLLECTION,
    alias=_ALIAS_IN_COLLECTION,
    project=Column("p.name"),
    project_id=_ID_OF_PROJECT,
    entity=Column("e.name"),
)
VERSION_FIELDS: Mapping[str, Column] = {
    "id": _ID_OF_ARTIFACT,
    "artifact_id": _ID_OF_ARTIFACT,
    "version": Column("'v' || m.version_index"),
    "version_index": Column("m.version_index", "integer"),
    "alias": _ALIAS,
    "aliases": _ALIAS,
    "tag": _TAG,
    "tags": _TAG,
    "metadata": Column("a.metadata", "json"),
    "state": Column("upper(a.state)"),
    "type": Column("c.type"),
    "digest": Column("a.digest"),
    "description": Column("a.description"),
    "artifact_size": Column("a.size", "integer"),
    "size": Column("a.size", "integer"),
    "created_at": _CREATED,
    "artifact_created_at": _CREATED,
    "updated_at": Column("a.updated_at", "time"),
    "linked_at": _LINKED,
    "acm_created_at": _LINKED,
}
_COLLECTIONS: Columns = columns(COLLECTION_FIELDS)
_PROJECTS: Columns = columns(PROJECT_FIELDS)
_VERSIONS: Columns = columns(VERSION_FIELDS, metadata="a.metadata", artifact_metadata="a.metadata")

_FROM_VERSION = f"""
membership m JOIN artifact a ON a.id = m.artifact_id
JOIN ({FROM_COLLECTION}) ON c.id = m.collection_id
"""


class Where(NamedTuple):
    """What a list of collections or versions is limited to, beside what the caller may see and the filters.

    ``kinds`` are sequence and portfolio. None: no limit.
    """

    entity_id: int | None = None
    project_id: int | None = None
    collection_id: int | None = None
    kinds: Sequence[str] | None = None
    type: str | None = None


class Filters(NamedTuple):
    """A filter for each level of what is listed."""

    project: Condition
    collection: Condition
    version: Condition


async def search_registries(
    transaction: Transaction, organization_id: int, seen: Sight, condition: Condition, part: Slice
) -> list[asyncpg.Record]:
    """Return registries, each with the ``cursor`` of its row; columns as in `registries.COLUMNS`."""
    parameters = Parameters(organization_id)
    where = [
        "r.organization_id = $1",
        visible(seen, parameters, "p.visibility"),
        compile_condition(condition, _PROJECTS, parameters),
    ]
    return await _fetch(
        transaction, registries.COLUMNS, registries.FROM, where, parameters, part, _PROJECTS, tie="p.id"
    )


async def search_collections(
    transaction: Transaction, organization_id: int, seen: Sight, filters: Filters, where: Where, part: Slice
) -> list[asyncpg.Record]:
    """Return collections (``c_…``), each with the ``cursor`` of its row."""
    parameters = Parameters(organization_id)
    conditions = _of_collections(parameters, seen, filters, where)
    return await _fetch(
        transaction, COLLECTION, FROM_COLLECTION, conditions, parameters, part, _COLLECTIONS, tie="c.id"
    )


async def count_collections(
    transaction: Transaction, organization_id: int, seen: Sight, filters: Filters, where: Where
) -> int:
    """Return how many collections all pages together hold."""
    parameters = Parameters(organization_id)
    conditions = _of_collections(parameters, seen, filters, where)
    await transaction.plan_for_values()
    found: int | None = await transaction.connection.fetchval(
        f"SELECT count(*) FROM {FROM_COLLECTION} WHERE {' AND '.join(conditions)}",  # noqa: S608 - values are parameters
        *parameters.values,
    )
    return found or 0


async def types(
    transaction: Transaction, organization_id: int, seen: Sight, projects: Sequence[int]
) -> list[tuple[int, str, datetime]]:
    """Return the types of artifacts that collections of these projects hold, ``project, type, since``."""
    parameters = Parameters(organization_id, list(projects))
    shown = visible(seen, parameters, "coalesce(c.visibility, p.visibility)")
    rows = await transaction.connection.fetch(
        f"SELECT c.project_id, c.type, min(c.created_at) AS since FROM {FROM_COLLECTION} "  # noqa: S608 - values are parameters
        f"WHERE c.organization_id = $1 AND c.project_id = ANY($2::bigint[]) AND {shown} GROUP BY c.project_id, c.type",
        *parameters.values,
    )
    return [(row["project_id"], row["type"], row["since"]) for row in rows]


async def search_versions(
    transaction: Transaction, organization_id: int, seen: Sight, filters: Filters, where: Where, part: Slice
) -> list[asyncpg.Record]:
    """Return versions (``v_…``) in their collections (``c_…``), each with the ``cursor`` of its row."""
    parameters = Parameters(organization_id)
    conditions = _of_collections(parameters, seen, filters, where)
    conditions.append(compile_condition(filters.version, _VERSIONS, parameters))
    return await _fetch(
        transaction, f"{COLLECTION}, {VERSION}", _FROM_VERSION, conditions, parameters, part, _VERSIONS, tie="m.id"
    )


async def count_versions(
    transaction: Transaction, organization_id: int, seen: Sight, filters: Filters, where: Where
) -> int:
    """Return how many versions all pages together hold."""
    parameters = Parameters(organization_id)
    conditions = _of_collections(parameters, seen, filters, where)
    conditions.append(compile_condition(filters.version, _VERSIONS, parameters))
    await transaction.plan_for_values()
    found: int | None = await transaction.connection.fetchval(
        f"SELECT count(*) FROM {_FROM_VERSION} WHERE {' AND '.join(conditions)}",  # noqa: S608 - values are parameters
        *parameters.values,
    )
    return found or 0


def _of_collections(parameters: Parameters, seen: Sight, filters: Filters, where: Where) -> list[str]:
    conditions = [
        "c.organization_id = $1",
        visible(seen, parameters, "coalesce(c.visibility, p.visibility)"),
        compile_condition(filters.project, _PROJECTS, parameters),
        compile_condition(filters.collection, _COLLECTIONS, parameters),
    ]
    if where.entity_id is not None:
        conditions.append(f"p.entity_id = {parameters.add(where.entity_id)}::bigint")
    if where.project_id is not None:
        conditions.append(f"c.project_id = {parameters.add(where.project_id)}::bigint")
    if where.collection_id is not None:
        conditions.append(f"c.id = {parameters.add(where.collection_id)}::bigint")
    if where.kinds is not None:
        conditions.append(f"c.kind = ANY({parameters.add(list(where.kinds))}::text[])")
    if where.type is not None:
        conditions.append(f"c.type = {parameters.add(where.type)}::text")
    return conditions


async def _fetch(
    transaction: Transaction,
    selected: str,
    source: str,
    conditions: list[str],
    parameters: Parameters,
    part: Slice,
    find: Columns,
    *,
    tie: str,
) -> list[asyncpg.Record]:
    sorting = compile_order(part.orders, find, parameters, tie)
    if part.cursor is not None:
        conditions = [*conditions, sorting.after(part.cursor, parameters)]
    limit = parameters.add(part.limit)
    # How many rows a filter leaves decides the plan.
    await transaction.plan_for_values()
    return await transaction.connection.fetch(
        f"SELECT {selected}, {sorting.keys} AS cursor FROM {source} WHERE {' AND '.join(conditions)} "  # noqa: S608 - values are parameters
        f"ORDER BY {sorting.by} LIMIT {limit}::bigint",
        *parameters.values,
    )
