"""What the client saves, as the automations that the slice takes."""

import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from regista.access.directory import Place
from regista.access.verdict import Actor
from regista.automations import integrations
from regista.automations.actions import NO_OP, WantedAction
from regista.automations.errors import UnknownIntegrationError
from regista.automations.service import Wanted
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError
from regista.registry.scopes import ScopeRef
from regista.registry.subjects import Collection
from regista.wandb import ids
from regista.wandb.automation_filters import is_shown, watched
from regista.wandb.automations_shown import Act, Scope, Trigger
from regista.wandb.integrations import KIND as INTEGRATION

Input = Mapping[str, Any]
_SCOPES: dict[str, tuple[Literal["collection", "project", "entity"], tuple[str, ...]]] = {
    "ARTIFACT_COLLECTION": ("collection", ("ArtifactSequence", "ArtifactPortfolio", "ArtifactCollection")),
    "PROJECT": ("project", ("Project",)),
    "ENTITY": ("entity", ("Entity",)),
}
_CONFIGS = {"GENERIC_WEBHOOK": "generic_webhook_action_input", "NOTIFICATION": "notification_action_input"}
_MOST_PAYLOAD = 65_536
_LONGEST_TEXT = 4096


class _Acted(NamedTuple):
    """An action as it was asked for, and the integration that it names."""

    action: WantedAction
    integration: int | None

    def is_shown(self, act: Act) -> bool:
        """Tell whether it says what is shown already, by whichever name the integration was written."""
        number = None if act.integration is None else act.integration.number
        settings = {**act.settings, "integration": self.action.settings.get("integration")}
        return (self.action.kind, self.integration) == (act.kind, number) and (
            self.integration is None or self.action.settings == settings
        )


async def wanted_of(transaction: Transaction, actor: Actor, given: Input) -> Wanted:
    """Return the automation that a client wants made.

    Raises `InvalidError` for what is no filter, action or id, and UnknownIntegrationError.
    """
    event = watched(given["triggering_event_type"], given["event_filter"])
    acted = await _action(transaction, actor, given["triggered_action_type"], given["triggered_action_config"])
    return Wanted(
        given["name"],
        _text(given, "description"),
        _scope(actor, given["scope_type"], given["scope_id"]),
        event.events,
        [acted.action],
        event.condition,
        event.trigger,
    )


async def changes_of(transaction: Transaction, actor: Actor, shown: Trigger | None, given: Input) -> dict[str, Any]:
    """Return what a client wants changed of an automation that it is shown as ``shown``, None where it is not.

    It sends back all that it was shown. Where that is less than there is (several events, a registry), what it sends
    back unchanged stays as it is. Raises as `wanted_of` does.
    """
    changes: dict[str, Any] = {}
    if given.get("name") is not None:
        changes["name"] = given["name"]
    if given.get("description") is not None:
        changes["description"] = _text(given, "description")
    if given.get("scope_id") is not None:
        wanted = _scope(actor, _together(given, "scope_type", "scopeType", "scopeID"), given["scope_id"])
        if shown is None or (wanted.kind, wanted.id) != _place(shown.scope):
            changes["scope"] = wanted
    if given.get("event_filter") is not None or given.get("triggering_event_type") is not None:
        event_type = _together(given, "triggering_event_type", "triggeringEventType", "eventFilter")
        if shown is None or not is_shown(shown.event, event_type, given.get("event_filter")):
            changes |= watched(event_type, given.get("event_filter"))._asdict()
    if given.get("triggered_action_config") is not None:
        action_type = _together(given, "triggered_action_type", "triggeredActionType", "triggeredActionConfig")
        acted = await _action(transaction, actor, action_type, given["triggered_action_config"])
        if shown is None or not acted.is_shown(shown.action):
            changes["actions"] = [acted.action]
    return changes


def _together(given: Input, key: str, name: str, other: str) -> str:
    if given.get(key) is None:
        raise InvalidError(f"{other} says nothing without {name}; send both", field=name)
    return given[key]


def _scope(actor: Actor, scope_type: str, scope_id: str) -> ScopeRef:
    kind, names = _SCOPES[scope_type]
    return ScopeRef(kind, ids.decode(scope_id, *names), actor.organization_id, None)


def _place(scope: Scope) -> tuple[str, int]:
    kind = "collection" if isinstance(scope, Collection) else "entity" if isinstance(scope, Place) else "project"
    return kind, scope.id


async def _action(transaction: Transaction, actor: Actor, action_type: str, config: Input) -> _Acted:
    if action_type == "NO_OP":
        return _Acted(WantedAction(NO_OP, {}), None)
    key = _CONFIGS.get(action_type)
    if key is None:
        known = ", ".join([*_CONFIGS, "NO_OP"])
        raise InvalidError(f"automations with the action {action_type} are not supported; there are {known}")
    given = config.get(key)
    if given is None:
        raise InvalidError(f"the action {action_type} needs its settings in triggeredActionConfig", field=action_type)
    kind = "webhook" if action_type == "GENERIC_WEBHOOK" else "slack"
    number = ids.decode(given["integration_id"], INTEGRATION)
    found = (await integrations.by_ids(transaction, actor, [number])).get(number)
    if found is None or found.kind != kind:
        raise UnknownIntegrationError(
            f"there is no {kind} with the id {given['integration_id']!r}, or you may not see it; "
            f"api.{kind}_integrations() lists those that there are",
            field="integrationID",
        )
    written = {"integration": f"{found.entity}/{found.name}"}
    settings = _payload(given) if kind == "webhook" else _message(given)
    return _Acted(WantedAction(kind, written | settings), number)


def _payload(given: Input) -> dict[str, Any]:
    payload = given.get("request_payload")
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        raise InvalidError(f"requestPayload is a JSON object, not {payload!r}", field="requestPayload")
    if len(json.dumps(payload)) > _MOST_PAYLOAD:
        raise InvalidError(f"requestPayload is longer than {_MOST_PAYLOAD} characters", field="requestPayload")
    return {"payload": payload}


def _message(given: Input) -> dict[str, Any]:
    texts = {"title": _text(given, "title"), "text": _text(given, "message")}
    severity = given.get("severity")
    return {name: text for name, text in texts.items() if text is not None} | (
        {"severity": severity.lower()} if severity is not None else {}
    )


def _text(given: Input, name: str) -> str | None:
    text = given.get(name)
    if text is not None and len(text) > _LONGEST_TEXT:
        raise InvalidError(f"{name} is longer than {_LONGEST_TEXT} characters", field=name)
    return text
