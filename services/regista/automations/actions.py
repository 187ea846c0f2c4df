"""The actions of an automation: what each names, found and locked when it is saved."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from regista.access.actions import Action
from regista.access.verdict import Actor, decide
from regista.automations import integrations
from regista.automations.errors import UnknownIntegrationError
from regista.kit.db import Transaction

SLACK = "slack"
"""The kind of the action that says something in a channel."""
NO_OP = "no_op"
"""The kind of the action that does nothing, and sends to nothing."""


class WantedAction(NamedTuple):
    """An action as it was written: its kind and settings.

    ``webhook {integration, payload?}``, ``slack {integration, title, text, severity}``, ``no_op {}``.
    """

    kind: str
    settings: dict[str, Any]

    def written(self) -> dict[str, Any]:
        """Return it as it is stored and shown."""
        return {self.kind: self.settings}


async def resolve(
    transaction: Transaction, actor: Actor, entity_id: int | None, actions: Sequence[WantedAction]
) -> list[int | None]:
    """Return the integration of each action, none of which can be deleted before this transaction ends.

    None for an action that sends to nothing.

    ``ci`` is looked for in the scope's entity, then the organization's, then the caller's own, then wherever there is
    just one; ``team/ci`` only in that team. Raises UnknownIntegrationError.
    """
    found: list[int | None] = []
    for number, action in enumerate(actions):
        try:
            found.append(await _resolve(transaction, actor, entity_id, action))
        except UnknownIntegrationError as error:
            error.details["place"] = f"actions[{number}].{action.kind}.integration"
            raise
    return found


async def _resolve(transaction: Transaction, actor: Actor, entity_id: int | None, action: WantedAction) -> int | None:
    if action.kind == NO_OP:
        return None
    written: str = action.settings["integration"]
    entity, _, name = written.rpartition("/")
    found = [
        each
        for each in await integrations.find(transaction, actor.organization_id, name)
        if each.kind == action.kind
        and (not entity or each.entity == entity)
        and decide(actor, Action.INTEGRATION_READ, integrations.resource_of(each)).allowed
    ]
    nearest = [
        [each for each in found if each.entity_id == entity_id],
        [each for each in found if each.entity_kind == "organization"],
        [each for each in found if each.entity_id == actor.default_entity_id],
        found,
    ]
    for group in nearest:
        if len(group) == 1:
            return group[0].id
    if found:
        choices = ", ".join(f"{each.entity}/{each.name}" for each in found)
        raise UnknownIntegrationError(
            f"several {action.kind}s are called {name!r}; write which: {choices}", field="actions"
        )
    raise UnknownIntegrationError(
        f"there is no {action.kind} {written!r}, or you may not see it; make it first, or write ENTITY/NAME",
        field="actions",
    )
