"""The SQL of automations and their revisions."""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import asyncpg

from regista.access.verdict import Actor
from regista.automations.deciding.limits import parse_limits
from regista.automations.language.conditions import Condition
from regista.automations.listing_repository import PROJECT, SHOWN, VISIBILITY
from regista.automations.matching import Action, Deed, Definition
from regista.automations.payloads.templates import template_of
from regista.automations.run_triggers import parse_trigger
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError
from regista_events import full_name

_LANES = """
ARRAY(SELECT i.lane_id FROM unnest(r.integration_ids) WITH ORDINALITY u (id, place)
      LEFT JOIN integration i ON i.id = u.id ORDER BY u.place) AS lane_ids
"""
# The first of the revisions up to this one that all ask the same of a run, in whatever words.
_TRIGGER_SINCE = """
CASE WHEN r."trigger" IS NULL THEN 1 ELSE (
    SELECT coalesce(max(p.revision), 0) + 1 FROM automation_revision p
    WHERE p.automation_id = r.automation_id AND p.revision < r.revision
      AND jsonb_strip_nulls(p."trigger"::jsonb) IS DISTINCT FROM jsonb_strip_nulls(r."trigger"::jsonb)
) END AS trigger_since
"""
_DEFINITIONS = f"""
SELECT a.id, a.changed, a.deleted_at, a.organization_id, o.name AS organization, r.revision, a.enabled, a.created_at,
       r.name, r.scope_kind, r.scope_id, e.name AS scope_entity, r.events, r.condition, r."trigger", r.actions,
       r.integration_ids, r.limits, r.author_id, {_LANES}, {_TRIGGER_SINCE}
FROM automation a
JOIN organization o ON o.id = a.organization_id
JOIN automation_revision r ON r.automation_id = a.id AND r.revision = a.revision
LEFT JOIN entity e ON r.scope_kind = 'entity' AND e.id = r.scope_id
"""  # noqa: S608 - built of constants
_ALL = _DEFINITIONS + " WHERE a.deleted_at IS NULL"
_AS_IT_WAS = (
    _DEFINITIONS.replace("r.revision = a.revision", "r.revision = coalesce($3, a.revision)")
    + " WHERE a.organization_id = $1 AND a.id = $2"
)
_CHANGED = _DEFINITIONS + " WHERE a.changed > $1"
_PAST = f"""
SELECT r.automation_id, r.revision, r.name, r.actions, r.integration_ids, {_LANES}
FROM automation_revision r
JOIN unnest($1::bigint[], $2::integer[]) w (automation_id, revision) USING (automation_id, revision)
"""  # noqa: S608 - built of constants
_VERSION = "SELECT version FROM automation_catalogue"
_SHOWN = SHOWN + " AND a.id = $2"
_INSERT_REVISION = """
INSERT INTO automation_revision (automation_id, revision, organization_id, name, description, scope, scope_kind,
                                 scope_id, events, condition, "trigger", actions, integration_ids, limits, author,
                                 author_id, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::json, $12::json, $13, $14::jsonb, $15, $16, $17)
"""

T = TypeVar("T")


class Change(NamedTuple):
    """An automation that moved: its definition in force, None if it was deleted, and the catalogue's version of it."""

    automation_id: int
    version: int
    definition: Definition | None


class NewRevision(NamedTuple):
    """What a save stores.

    ``events`` are short names, ``condition`` is CEL, ``trigger`` as `run_triggers` has it. ``integration_ids`` stand
    beside ``actions``, one for each; None for an action that names none.
    """

    name: str
    description: str | None
    scope: str
    scope_kind: str
    scope_id: int
    entity_id: int | None
    events: list[str]
    condition: str | None
    trigger: dict[str, Any] | None
    actions: list[dict[str, Any]]
    integration_ids: list[int | None]
    limits: dict[str, Any] | None = None


async def catalogue_version(transaction: Transaction) -> int:
    """Return the number of the last save that has committed."""
    version: Any = await transaction.connection.fetchval(_VERSION)
    return version


async def bump_catalogue(transaction: Transaction) -> int:
    """Take the next version. Other saves wait until this transaction ends, so versions commit in order."""
    version: Any = await transaction.connection.fetchval(
        "UPDATE automation_catalogue SET version = version + 1 RETURNING version"
    )
    return version


async def changed_definitions(transaction: Transaction, since: int | None) -> list[Change]:
    """Return what has changed after version ``since``; all that is in force for None."""
    connection = transaction.connection
    rows = await (connection.fetch(_ALL) if since is None else connection.fetch(_CHANGED, since))
    return [Change(row["id"], row["changed"], None if row["deleted_at"] else _definition(row)) for row in rows]


async def definition(
    transaction: Transaction, organization: int, automation: int, revision: int | None = None
) -> Definition | None:
    """Return a revision of an automation, deleted or not, by default the one in force; None where there is none."""
    row = await transaction.connection.fetchrow(_AS_IT_WAS, organization, automation, revision)
    return None if row is None else _definition(row)


async def past_deeds(transaction: Transaction, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Deed]:
    """Return what these (automation, revision) pairs do, whichever is in force."""
    rows = await transaction.connection.fetch(_PAST, [each[0] for each in wanted], [each[1] for each in wanted])
    return {(row["automation_id"], row["revision"]): Deed(row["name"], _actions(row)) for row in rows}


async def one(transaction: Transaction, organization: int, automation: int) -> asyncpg.Record | None:
    """Return an automation with its revision in force."""
    return await transaction.connection.fetchrow(_SHOWN, organization, automation)


async def revisions(transaction: Transaction, automation: int, after: int, limit: int) -> list[asyncpg.Record]:
    """Return up to ``limit`` revisions below number ``after``, newest first."""
    return await transaction.connection.fetch(
        """
        SELECT revision, name, description, scope, scope_kind, events, condition, "trigger", actions, limits, author,
               created_at
        FROM automation_revision WHERE automation_id = $1 AND revision < $2::bigint ORDER BY revision DESC LIMIT $3
        """,
        automation,
        after,
        limit,
    )


async def insert(
    transaction: Transaction, aggregate: Any, new: NewRevision, *, enabled: bool, version: int
) -> int | None:
    """Insert an automation without its revision; return its id, None where the scope has one of that name."""
    return await transaction.connection.fetchval(
        """
        INSERT INTO automation (aggregate_id, organization_id, entity_id, scope_kind, scope_id, name, enabled, changed,
                                created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
        ON CONFLICT (organization_id, scope_kind, scope_id, name) WHERE deleted_at IS NULL DO NOTHING
        RETURNING id
        """,
        aggregate.id,
        aggregate.organization_id,
        new.entity_id,
        new.scope_kind,
        new.scope_id,
        new.name,
        enabled,
        version,
        aggregate.now,
    )


async def insert_revision(
    transaction: Transaction, aggregate: Any, automation: int, revision: int, new: NewRevision, author: Actor
) -> None:
    """Store a save."""
    await transaction.connection.execute(
        _INSERT_REVISION,
        automation,
        revision,
        aggregate.organization_id,
        new.name,
        new.description,
        new.scope,
        new.scope_kind,
        new.scope_id,
        new.events,
        new.condition,
        None if new.trigger is None else json.dumps(new.trigger),
        json.dumps(new.actions),
        new.integration_ids,
        None if new.limits is None else json.dumps(new.limits),
        author.name,
        author.id,
        aggregate.now,
    )


async def named(transaction: Transaction, organization: int, new: NewRevision) -> int | None:
    """Return the id of the automation that has the name in the scope."""
    found: Any = await transaction.connection.fetchval(
        """
        SELECT id FROM automation WHERE organization_id = $1 AND scope_kind = $2 AND scope_id = $3
               AND name = $4 AND deleted_at IS NULL
        """,
        organization,
        new.scope_kind,
        new.scope_id,
        new.name,
    )
    return found


async def is_name_taken(transaction: Transaction, organization: int, automation: int, new: NewRevision) -> bool:
    """Return whether another automation of the scope has the name. Call with the catalogue's row locked."""
    taken: Any = await transaction.connection.fetchval(
        """
        SELECT EXISTS (SELECT FROM automation WHERE organization_id = $1 AND scope_kind = $2 AND scope_id = $3
                       AND name = $4 AND deleted_at IS NULL AND id <> $5)
        """,
        organization,
        new.scope_kind,
        new.scope_id,
        new.name,
        automation,
    )
    return taken


async def revise(
    transaction: Transaction, aggregate: Any, automation: int, revision: int, new: NewRevision, *, version: int
) -> None:
    """Put another revision in force."""
    await transaction.connection.execute(
        """
        UPDATE automation SET entity_id = $2, scope_kind = $3, scope_id = $4, name = $5, revision = $6, changed = $7,
                              updated_at = $8
        WHERE id = $1
        """,
        automation,
        new.entity_id,
        new.scope_kind,
        new.scope_id,
        new.name,
        revision,
        version,
        aggregate.now,
    )


async def switch(transaction: Transaction, aggregate: Any, automation: int, *, enabled: bool, version: int) -> None:
    """Enable or disable an automation."""
    await transaction.connection.execute(
        "UPDATE automation SET enabled = $2, changed = $3, updated_at = $4 WHERE id = $1",
        automation,
        enabled,
        version,
        aggregate.now,
    )


async def delete(transaction: Transaction, aggregate: Any, automation: int, *, version: int) -> None:
    """Take an automation out of force; its revisions and decisions stay."""
    await transaction.connection.execute(
        "UPDATE automation SET deleted_at = $3, changed = $2 WHERE id = $1", automation, version, aggregate.now
    )


async def aggregate_id(transaction: Transaction, organization: int, automation: int) -> int | None:
    """Return the aggregate of an automation that is not deleted; it never changes, so no lock is needed to read it."""
    return await transaction.connection.fetchval(
        "SELECT aggregate_id FROM automation WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL",
        organization,
        automation,
    )


async def keep(transaction: Transaction, organization: int, automation: int) -> None:
    """Have nobody change, switch or delete an automation until the transaction ends."""
    await transaction.connection.execute(
        "SELECT FROM automation WHERE organization_id = $1 AND id = $2 FOR SHARE", organization, automation
    )


async def scope_place(transaction: Transaction, kind: str, scope: int) -> asyncpg.Record:
    """Return what access control asks about a scope: ``visibility, project_id``.

    The nearest word on who may see it, None where only its entity's roles count; the project that it is or lies in.
    """
    row = await transaction.connection.fetchrow(
        f"""
        SELECT {VISIBILITY} AS visibility, {PROJECT} AS project_id
        FROM (SELECT $1::text AS scope_kind, $2::bigint AS scope_id) a
        """,  # noqa: S608 - constants
        kind,
        scope,
    )
    assert row is not None  # noqa: S101 - a SELECT of one row
    return row


def _definition(row: asyncpg.Record) -> Definition:
    actions = _actions(row)
    complaints: list[str] = []
    return Definition(
        id=row["id"],
        organization_id=row["organization_id"],
        organization=row["organization"],
        revision=row["revision"],
        enabled=row["enabled"],
        created_at=row["created_at"],
        scope_kind=row["scope_kind"],
        scope_id=row["scope_id"],
        scope_entity=row["scope_entity"],
        events=frozenset(full_name(each) for each in row["events"]),
        condition=None if row["condition"] is None else Condition(row["condition"]),
        trigger=_readable(parse_trigger, row["trigger"], complaints),
        trigger_since=row["trigger_since"],
        limits=_readable(parse_limits, row["limits"], complaints),
        author_id=row["author_id"],
        name=row["name"],
        actions=actions,
        kinds=frozenset(action.kind for action in actions),
        unreadable="; ".join(complaints) or None,
    )


def _readable(parse: Callable[[dict[str, Any] | None], T | None], stored: Any, complaints: list[str]) -> T | None:
    """Return what is stored, None with a complaint where a version that knows more has saved it."""
    try:
        return parse(stored)
    except InvalidError as error:
        complaints.append(error.message)
        return None


def _actions(row: asyncpg.Record) -> tuple[Action, ...]:
    written: list[dict[str, dict[str, Any]]] = row["actions"]
    return tuple(
        Action(kind, settings, integration, lane, template_of(settings))
        for action, integration, lane in zip(written, row["integration_ids"], row["lane_ids"], strict=True)
        for kind, settings in action.items()
    )
