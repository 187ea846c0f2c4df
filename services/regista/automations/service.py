"""Commands on automations. None commits: the boundary does."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import asyncpg

from regista.access.actions import Action
from regista.access.verdict import Actor, Resource, Visibility, authorize, decide
from regista.automations import listing_repository, repository
from regista.automations.actions import WantedAction, resolve
from regista.automations.deciding import limiting
from regista.automations.deciding.author_access import lost_access
from regista.automations.deciding.limits import parse_limits
from regista.automations.errors import AutomationExistsError
from regista.automations.language.conditions import check_condition
from regista.automations.names import check_name
from regista.automations.past import due_repository, replay_repository
from regista.automations.payloads.payload_secrets import find_secrets
from regista.automations.repository import NewRevision
from regista.automations.run_triggers import check_trigger, parse_trigger
from regista.automations.scopes import check_scope
from regista.automations.secrets.repository import use_in_payloads
from regista.automations.triggers import parse_events
from regista.kit import aggregate
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError
from regista.kit.outbox import Draft, append
from regista.registry.scopes import ScopeRef, missing_scope, scope_name, scope_of
from regista_events import (
    AutomationCreated,
    AutomationCreatedData,
    AutomationDeleted,
    AutomationDeletedData,
    AutomationDisabled,
    AutomationDisabledData,
    AutomationEnabled,
    AutomationEnabledData,
    AutomationSnapshot,
    AutomationUpdated,
    AutomationUpdatedData,
)
from regista_events.transition import Change

_REVISED = ("name", "description", "scope", "events", "condition", "trigger", "actions", "limits")


@dataclass(frozen=True, slots=True)
class Wanted:
    """An automation as somebody wants it to be.

    ``scope`` as people write it, or found. ``events`` as typed, ``condition`` is CEL, ``trigger`` what `run_triggers`
    has, ``limits`` what `limits` has.
    """

    name: str
    description: str | None
    scope: str | ScopeRef
    events: Sequence[str]
    actions: Sequence[WantedAction]
    condition: str | None = None
    trigger: dict[str, Any] | None = None
    limits: dict[str, Any] | None = None


class Place(NamedTuple):
    """A scope: as it was written, and what that stands for."""

    scope: str
    scope_kind: str
    scope_id: int
    entity_id: int | None


async def create(transaction: Transaction, actor: Actor, wanted: Wanted, *, enabled: bool) -> asyncpg.Record:
    """Make an automation and return it with its first revision.

    Raises what `scope_of`, `parse_events`, `check_scope`, `check_trigger`, `check_condition`, `find_secrets`, `parse_limits` and
    `resolve` raise, InvalidError for a name that is none, and AutomationExistsError.
    """
    new = await _revision(transaction, actor, wanted)
    secrets = await find_secrets(transaction, new)
    made = await aggregate.create(transaction, actor.organization_id)
    version = await repository.bump_catalogue(transaction)
    automation = await repository.insert(transaction, made, new, enabled=enabled, version=version)
    if automation is None:
        raise _exists(new)
    await repository.insert_revision(transaction, made, automation, 1, new, actor)
    await use_in_payloads(transaction, actor.organization_id, automation, secrets)
    row = await _read(transaction, actor, automation)
    data = AutomationCreatedData(automation=snapshot(row), revision=Change[int | None](from_=None, to=1))
    await append(transaction, [Draft(AutomationCreated, made, _subject(actor, row), data)])
    return row


async def change(
    transaction: Transaction, actor: Actor, automation: int, changes: dict[str, Any], *, enabled: bool | None
) -> asyncpg.Record:
    """Save a new revision, switch on or off, or both; return the automation as it is then.

    ``changes`` are fields of `Wanted`. What is as it was makes no revision and no event; unless the author has lost access,
    and the automation, if it is not just switched off, is the actor's from now on.
    """
    locked = await _lock(transaction, actor, automation)
    before = await _authorized(transaction, actor, automation, Action.AUTOMATION_WRITE)
    drafts: list[tuple[Any, Any]] = []
    revision: int = before["revision"]
    # Whatever its parts have become since they were saved, it can be switched off.
    new = await _changed(transaction, actor, before, changes) if changes or enabled is not False else None
    differences = {} if new is None else _differences(before, new)
    if new is not None and not differences and await lost_access(transaction, [(automation, revision)]):
        differences["author"] = Change[Any](from_=before["author"], to=actor.name)
    switched = enabled is not None and enabled != before["enabled"]
    if not differences and not switched:
        return before
    if switched or "limits" in differences:
        await _reconsider(transaction, before, None if switched and not enabled else new)
    version = await repository.bump_catalogue(transaction)
    if new is not None and differences:
        if await repository.is_name_taken(transaction, actor.organization_id, automation, new):
            raise _exists(new)
        secrets = await find_secrets(transaction, new)
        revision += 1
        await repository.insert_revision(transaction, locked, automation, revision, new, actor)
        await repository.revise(transaction, locked, automation, revision, new, version=version)
        await use_in_payloads(transaction, actor.organization_id, automation, secrets)
    if switched:
        await repository.switch(transaction, locked, automation, enabled=bool(enabled), version=version)
        if not enabled:
            await replay_repository.stop(transaction, automation, "disabled")
    row = await _read(transaction, actor, automation)
    shown = snapshot(row)
    moved = Change[int | None](from_=before["revision"], to=revision)
    if differences:
        drafts.append((AutomationUpdated, AutomationUpdatedData(automation=shown, revision=moved, changes=differences)))
    if switched:
        same = Change[int | None](from_=revision, to=revision)
        drafts.append(
            (AutomationEnabled, AutomationEnabledData(automation=shown, revision=same))
            if enabled
            else (AutomationDisabled, AutomationDisabledData(automation=shown, revision=same))
        )
    await append(transaction, [Draft(event, locked, _subject(actor, row), data) for event, data in drafts])
    return row


async def delete(transaction: Transaction, actor: Actor, automation: int) -> None:
    """Take an automation out of force for ever; its revisions and decisions stay."""
    locked = await _lock(transaction, actor, automation)
    row = await _authorized(transaction, actor, automation, Action.AUTOMATION_WRITE)
    await _reconsider(transaction, row, None)
    version = await repository.bump_catalogue(transaction)
    await repository.delete(transaction, locked, automation, version=version)
    await use_in_payloads(transaction, actor.organization_id, automation, ())
    await replay_repository.stop(transaction, automation, "deleted")
    data = AutomationDeletedData(automation=snapshot(row), revision=Change[int | None](from_=row["revision"], to=None))
    await append(transaction, [Draft(AutomationDeleted, locked, _subject(actor, row), data)])


async def _reconsider(transaction: Transaction, before: asyncpg.Record, new: NewRevision | None) -> None:
    """Have what the automation's limits hold back decided when the new ones say, at once where there are none.

    ``new`` None: it acts no more.

    Before the catalogue moves, which everybody who saves would wait for: a planner may hold the limits for a batch.
    """
    if before["limits"] is not None and before["limits"].get("coalesce"):
        limits = None if new is None else parse_limits(new.limits)
        if new is None:
            await replay_repository.hold_waiting(transaction, before["id"])
        await limiting.reconsider(transaction, before["id"], before["organization_id"], limits)
        transaction.wake(due_repository.CHANNEL)


async def check(transaction: Transaction, actor: Actor, wanted: Wanted) -> NewRevision:
    """Return the revision that a save would make, and make none. Raises what `create` raises but for a taken name."""
    new = await _revision(transaction, actor, wanted)
    await find_secrets(transaction, new)
    return new


async def writable(transaction: Transaction, actor: Actor, automation: int) -> asyncpg.Record:
    """Return an automation that the actor may change, with its revision in force."""
    return await _authorized(transaction, actor, automation, Action.AUTOMATION_WRITE)


async def get(transaction: Transaction, actor: Actor, automation: int) -> asyncpg.Record:
    """Return an automation that the actor may see, with its revision in force."""
    return await _authorized(transaction, actor, automation, Action.AUTOMATION_READ)


async def get_ever(transaction: Transaction, actor: Actor, automation: int) -> asyncpg.Record:
    """Return an automation that the actor may see, with its last revision: deleted, if ``deleted_at`` is not None."""
    row = await listing_repository.ever(transaction, actor.organization_id, automation)
    if row is None:
        raise _missing(automation)
    return await _allowed(transaction, actor, row, Action.AUTOMATION_READ)


def snapshot(row: asyncpg.Record) -> AutomationSnapshot:
    """Return an automation as events show it."""
    return AutomationSnapshot(
        id=row["id"],
        name=row["name"],
        scope=row["scope"],
        entity=row["entity"],
        description=row["description"],
        events=row["events"],
        enabled=row["enabled"],
        revision=row["revision"],
    )


async def _revision(transaction: Transaction, actor: Actor, wanted: Wanted) -> NewRevision:
    given = wanted.scope
    # What was asked for by number is refused by number: its name is for those who may see it.
    asked = given if isinstance(given, str) else f"{given.kind} {given.id}"
    written = given if isinstance(given, str) else await scope_name(transaction, given)
    if written is None:
        raise missing_scope(asked)
    scope = await scope_of(transaction, actor.organization_id, written)
    resource = await resource_of(
        transaction, actor.organization_id, f"scope {asked}", scope.kind, scope.id, scope.entity_id
    )
    if not decide(actor, Action.AUTOMATION_WRITE, resource).visible:
        raise missing_scope(asked)
    authorize(actor, Action.AUTOMATION_WRITE, resource)
    integrations = await resolve(transaction, actor, scope.entity_id, wanted.actions)
    return _checked(wanted, Place(written, scope.kind, scope.id, scope.entity_id), integrations)


async def _changed(
    transaction: Transaction, actor: Actor, before: asyncpg.Record, changes: dict[str, Any]
) -> NewRevision:
    """Return the revision that ``changes`` would make."""
    kept = [WantedAction(kind, settings) for action in before["actions"] for kind, settings in action.items()]
    wanted = Wanted(
        changes.get("name", before["name"]),
        changes.get("description", before["description"]),
        # By number: what it is called may have changed since it was saved.
        changes.get("scope", ScopeRef(before["scope_kind"], before["scope_id"], before["organization_id"], None)),
        changes.get("events", before["events"]),
        changes.get("actions", kept),
        changes.get("condition", before["condition"]),
        changes.get("trigger", before["trigger"]),
        changes.get("limits", before["limits"]),
    )
    if not changes.keys().isdisjoint({"scope", "actions"}):
        return await _revision(transaction, actor, wanted)
    # What names stand for is found when they are written, not when something else is: it may be gone by now.
    place = Place(before["scope"], before["scope_kind"], before["scope_id"], before["entity_id"])
    return _checked(wanted, place, before["integration_ids"])


def _checked(wanted: Wanted, place: Place, integrations: list[int | None]) -> NewRevision:
    events = parse_events(wanted.events)
    check_scope(place.scope_kind, events)
    check_trigger(events, parse_trigger(wanted.trigger))
    limits = parse_limits(wanted.limits)
    return NewRevision(
        name=check_name(wanted.name),
        description=wanted.description,
        **place._asdict(),
        events=events,
        condition=check_condition(wanted.condition, events),
        trigger=wanted.trigger,
        actions=[action.written() for action in wanted.actions],
        integration_ids=integrations,
        limits=limits and limits.written(),
    )


def _differences(before: asyncpg.Record, new: NewRevision) -> dict[str, Change[Any]]:
    was = {name: before[name] for name in _REVISED}
    changed = {
        name: Change[Any](from_=was[name], to=getattr(new, name))
        for name in _REVISED
        if not _same(was[name], getattr(new, name))
    }
    if "actions" not in changed and before["integration_ids"] != new.integration_ids:
        # The same name stands for another integration now: another scope, or a nearer one of that name.
        changed["actions"] = Change[Any](from_=was["actions"], to=new.actions)
    if "scope" not in changed and (before["scope_kind"], before["scope_id"]) != (new.scope_kind, new.scope_id):
        # What it stood for was deleted, and something else has the name now.
        changed["scope"] = Change[Any](from_=was["scope"], to=new.scope)
    return changed


def _same(one: Any, other: Any) -> bool:
    # As JSON: to Python, true is 1.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


async def _lock(transaction: Transaction, actor: Actor, automation: int) -> aggregate.Aggregate:
    found = await repository.aggregate_id(transaction, actor.organization_id, automation)
    if found is None:
        raise _missing(automation)
    return await aggregate.lock_one(transaction, found)


async def _read(transaction: Transaction, actor: Actor, automation: int) -> asyncpg.Record:
    row = await repository.one(transaction, actor.organization_id, automation)
    if row is None:
        raise _missing(automation)
    return row


async def _authorized(transaction: Transaction, actor: Actor, automation: int, action: Action) -> asyncpg.Record:
    return await _allowed(transaction, actor, await _read(transaction, actor, automation), action)


async def _allowed(transaction: Transaction, actor: Actor, row: asyncpg.Record, action: Action) -> asyncpg.Record:
    resource = await resource_of(
        transaction,
        row["organization_id"],
        f"automation {row['id']}",
        row["scope_kind"],
        row["scope_id"],
        row["entity_id"],
    )
    authorize(actor, action, resource)
    return row


async def resource_of(
    transaction: Transaction, organization: int, name: str, kind: str, scope: int, entity: int | None
) -> Resource:
    """Return what has this scope (of an ``entity``, None for the organization's) as access control sees it."""
    place = await repository.scope_place(transaction, kind, scope)
    return Resource(
        name, organization, entity, Visibility(place["visibility"] or "entity"), project_id=place["project_id"]
    )


def _subject(actor: Actor, row: asyncpg.Record) -> str:
    return f"{row['entity'] or actor.organization}/automations/{row['name']}"


def _missing(automation: int) -> NotFoundError:
    return NotFoundError(f"automation {automation} does not exist, or you may not see it")


def _exists(new: NewRevision) -> AutomationExistsError:
    return AutomationExistsError(
        f"scope {new.scope} has an automation {new.name!r} already; choose another name, or change that one",
        field="name",
    )
