"""Commands on automations. None commits: the boundary does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from regista.access.actions import Action
from regista.access.verdict import Actor, Resource, Visibility, authorize, decide
from regista.automations import repository
from regista.automations.actions import WantedAction, resolve
from regista.automations.errors import AutomationExistsError
from regista.automations.names import check_name
from regista.automations.repository import NewRevision
from regista.automations.run_triggers import check_trigger, parse_trigger
from regista.automations.triggers import parse_events
from regista.kit import aggregate
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError, NotFoundError
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

_REVISED = ("name", "description", "scope", "events", "condition", "trigger", "actions")


@dataclass(frozen=True, slots=True)
class Wanted:
    """An automation as somebody wants it to be.

    ``scope`` as people write it, or found. ``events`` as typed, ``condition`` is CEL, ``trigger`` what `run_triggers`
    has.
    """

    name: str
    description: str | None
    scope: str | ScopeRef
    events: Sequence[str]
    actions: Sequence[WantedAction]
    condition: str | None = None
    trigger: dict[str, Any] | None = None


async def create(transaction: Transaction, actor: Actor, wanted: Wanted, *, enabled: bool) -> asyncpg.Record:
    """Make an automation and return it with its first revision.

    Raises what `scope_of`, `parse_events`, `check_trigger` and `resolve` raise, InvalidError for a name that is none,
    and AutomationExistsError.
    """
    new = await _revision(transaction, actor, wanted)
    made = await aggregate.create(transaction, actor.organization_id)
    version = await repository.bump_catalogue(transaction)
    automation = await repository.insert(transaction, made, new, enabled=enabled, version=version)
    if automation is None:
        raise _exists(new)
    await repository.insert_revision(transaction, made, automation, 1, new, actor.name)
    row = await _read(transaction, actor, automation)
    data = AutomationCreatedData(automation=snapshot(row), revision=Change[int | None](from_=None, to=1))
    await append(transaction, [Draft(AutomationCreated, made, _subject(actor, row), data)])
    return row


async def change(
    transaction: Transaction, actor: Actor, automation: int, changes: dict[str, Any], *, enabled: bool | None
) -> asyncpg.Record:
    """Save a new revision, switch on or off, or both; return the automation as it is then.

    ``changes`` are fields of `Wanted`. What is as it was makes no revision and no event.
    """
    locked = await _lock(transaction, actor, automation)
    before = await _authorized(transaction, actor, automation, Action.AUTOMATION_WRITE)
    new = await _changed(transaction, actor, before, changes)
    drafts: list[tuple[Any, Any]] = []
    revision: int = before["revision"]
    differences = _differences(before, new)
    switched = enabled is not None and enabled != before["enabled"]
    if not differences and not switched:
        return before
    version = await repository.bump_catalogue(transaction)
    if differences:
        if await repository.is_name_taken(transaction, actor.organization_id, automation, new):
            raise _exists(new)
        revision += 1
        await repository.insert_revision(transaction, locked, automation, revision, new, actor.name)
        await repository.revise(transaction, locked, automation, revision, new, version=version)
    if switched:
        await repository.switch(transaction, locked, automation, enabled=bool(enabled), version=version)
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
    version = await repository.bump_catalogue(transaction)
    await repository.delete(transaction, locked, automation, version=version)
    data = AutomationDeletedData(automation=snapshot(row), revision=Change[int | None](from_=row["revision"], to=None))
    await append(transaction, [Draft(AutomationDeleted, locked, _subject(actor, row), data)])


async def get(transaction: Transaction, actor: Actor, automation: int) -> asyncpg.Record:
    """Return an automation that the actor may see, with its revision in force."""
    return await _authorized(transaction, actor, automation, Action.AUTOMATION_READ)


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
    resource = await _resource(
        transaction, actor.organization_id, f"scope {asked}", scope.kind, scope.id, scope.entity_id
    )
    if not decide(actor, Action.AUTOMATION_WRITE, resource).visible:
        raise missing_scope(asked)
    authorize(actor, Action.AUTOMATION_WRITE, resource)
    return NewRevision(
        name=check_name(wanted.name),
        description=wanted.description,
        scope=written,
        scope_kind=scope.kind,
        scope_id=scope.id,
        entity_id=scope.entity_id,
        events=_events(wanted.events, wanted.trigger),
        condition=wanted.condition,
        trigger=wanted.trigger,
        actions=[action.written() for action in wanted.actions],
        integration_ids=await resolve(transaction, actor, scope.entity_id, wanted.actions),
    )


async def _changed(
    transaction: Transaction, actor: Actor, before: asyncpg.Record, changes: dict[str, Any]
) -> NewRevision:
    """Return the revision that ``changes`` would make; what they leave alone is not looked up again."""
    actions = before["actions"]
    if before["condition"] is not None and "events" in changes and "condition" not in changes:
        raise InvalidError(
            f"automation {before['id']} has a condition on {', '.join(before['events'])}; change both, or leave the "
            "events as they are",
            field="on",
        )
    trigger = changes.get("trigger", before["trigger"])
    same = NewRevision(
        name=check_name(changes.get("name", before["name"])),
        description=changes.get("description", before["description"]),
        scope=before["scope"],
        scope_kind=before["scope_kind"],
        scope_id=before["scope_id"],
        entity_id=before["entity_id"],
        events=_events(changes.get("events", before["events"]), trigger),
        condition=changes.get("condition", before["condition"]),
        trigger=trigger,
        actions=actions,
        integration_ids=before["integration_ids"],
    )
    if changes.keys().isdisjoint({"scope", "actions"}):
        return same
    kept = [WantedAction(kind, settings) for action in actions for kind, settings in action.items()]
    return await _revision(
        transaction,
        actor,
        Wanted(
            same.name,
            same.description,
            # By number: what it is called may have changed since it was saved.
            changes.get("scope", ScopeRef(before["scope_kind"], before["scope_id"], before["organization_id"], None)),
            same.events,
            changes.get("actions", kept),
            same.condition,
            same.trigger,
        ),
    )


def _events(written: Sequence[str], trigger: dict[str, Any] | None) -> list[str]:
    events = parse_events(written)
    check_trigger(events, parse_trigger(trigger))
    return events


def _differences(before: asyncpg.Record, new: NewRevision) -> dict[str, Change[Any]]:
    was = {name: before[name] for name in _REVISED}
    changed = {
        name: Change[Any](from_=was[name], to=getattr(new, name))
        for name in _REVISED
        if was[name] != getattr(new, name)
    }
    if "actions" not in changed and before["integration_ids"] != new.integration_ids:
        # The same name stands for another integration now: another scope, or a nearer one of that name.
        changed["actions"] = Change[Any](from_=was["actions"], to=new.actions)
    return changed


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
    row = await _read(transaction, actor, automation)
    resource = await _resource(
        transaction,
        row["organization_id"],
        f"automation {automation}",
        row["scope_kind"],
        row["scope_id"],
        row["entity_id"],
    )
    authorize(actor, action, resource)
    return row


async def _resource(
    transaction: Transaction, organization: int, name: str, kind: str, scope: int, entity: int | None
) -> Resource:
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
