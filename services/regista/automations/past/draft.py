"""Definitions to be asked about: the one in force, or one that nobody has saved."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from regista.access import repository as access
from regista.access.verdict import Actor, Resource
from regista.automations import repository, service
from regista.automations.deciding.limits import parse_limits
from regista.automations.language.conditions import Condition
from regista.automations.matching import Action, Definition
from regista.automations.payloads.templates import template_of
from regista.automations.run_triggers import parse_trigger
from regista.automations.service import Wanted
from regista.kit.db import Transaction
from regista_events import full_name

NUMBER: Final = 0
"""Its id: that of no automation, so that no event was brought about by it."""


class Subject(NamedTuple):
    """A definition to be asked about, and its scope as access control sees it."""

    definition: Definition
    scope: Resource


async def saved(transaction: Transaction, actor: Actor, automation: int) -> Subject:
    """Return an automation that the actor may see, by its revision in force. Raises what `service.get` raises."""
    row = await service.get(transaction, actor, automation)
    found = await repository.definition(transaction, actor.organization_id, automation)
    assert found is not None  # noqa: S101 - it was read by this transaction
    scope = row["scope_kind"], row["scope_id"], row["entity_id"]
    return Subject(
        found, await service.resource_of(transaction, actor.organization_id, f"scope {row['scope']}", *scope)
    )


async def draft(transaction: Transaction, actor: Actor, wanted: Wanted) -> Subject:
    """Return what a save of it would put in force, as if it had always been there; raises what a save does."""
    new = await service.check(transaction, actor, wanted)
    entity = await access.entity_by_id(transaction, actor.organization_id, new.scope_id)
    actions = [
        Action(kind, settings, integration, None, template_of(settings))
        for action, integration in zip(new.actions, new.integration_ids, strict=True)
        for kind, settings in action.items()
    ]
    definition = Definition(
        id=NUMBER,
        organization_id=actor.organization_id,
        organization=actor.organization,
        revision=1,
        enabled=True,
        created_at=datetime(1970, 1, 1, tzinfo=UTC),
        scope_kind=new.scope_kind,  # pyright: ignore[reportArgumentType] - `scope_of` knows these kinds alone
        scope_id=new.scope_id,
        scope_entity=entity["name"] if new.scope_kind == "entity" and entity is not None else None,
        events=frozenset(full_name(each) for each in new.events),
        condition=None if new.condition is None else Condition(new.condition),
        trigger=parse_trigger(new.trigger),
        limits=parse_limits(new.limits),
        author_id=actor.id,
        actions=tuple(actions),
        kinds=frozenset(action.kind for action in actions),
    )
    scope = new.scope_kind, new.scope_id, new.entity_id
    return Subject(
        definition, await service.resource_of(transaction, actor.organization_id, f"scope {new.scope}", *scope)
    )
