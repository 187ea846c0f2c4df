"""Which automations an event concerns: a pure function of the event and the definitions in force.

An index by (organization, type, scope) makes the cost of an event independent of the automations elsewhere: those of
other organizations, on other types and in other scopes are never looked at.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, Literal, NamedTuple

from pydantic import BaseModel

from regista.automations.deciding.limits import Limits
from regista.automations.language.conditions import Condition
from regista.automations.payloads.templates import Template
from regista.automations.run_triggers import METRIC_EVENT, MetricTrigger, RunTrigger, StateTrigger
from regista_events import (
    AliasAddedData,
    AutomationSnapshot,
    CollectionSnapshot,
    EndpointSnapshot,
    Event,
    IntegrationSnapshot,
    JobSnapshot,
    ProjectSnapshot,
    RegistrySnapshot,
    RunMetricTriggeredData,
    RunSnapshot,
    RunStateChangedData,
    SecretSnapshot,
    full_name,
)

ScopeKind = Literal["org", "entity", "project", "registry", "collection"]
Key = tuple[str, int | str]
"""A scope as an event meets it: its kind and id. An entity whose id the event does not carry goes by its name."""

ORGANIZATION: Final[Key] = ("org", 0)
"""The scope of everything; which organization is meant stands in front of every key of the index."""

_METRIC_TRIGGERED: Final = full_name(METRIC_EVENT)

LOOKBACK: Final = timedelta(seconds=60)
"""An event this much older than the automation is passed over. A mutation commits within 30 s of its event's time, so
whatever commits after the automation was saved is younger."""


class Action(NamedTuple):
    """One action of a revision: its kind, its settings as written, and the integration and lane that it goes to.

    ``template`` is what its settings have of templates: `template_of`.
    """

    kind: str
    settings: Mapping[str, Any]
    integration_id: int | None
    lane_id: int | None
    template: Template | None = None


class Deed(NamedTuple):
    """What a revision calls its automation, and what it does."""

    name: str
    actions: tuple[Action, ...]


class Definition(NamedTuple):
    """The revision of an automation that is in force. ``events`` are full type names."""

    id: int
    organization_id: int
    organization: str
    revision: int
    enabled: bool
    created_at: datetime
    scope_kind: ScopeKind
    scope_id: int
    scope_entity: str | None
    """The entity's name where the scope is an entity."""
    events: frozenset[str]
    condition: Condition | None
    actions: tuple[Action, ...]
    kinds: frozenset[str]
    """The kinds of its actions."""
    trigger: RunTrigger | None = None
    trigger_since: int = 1
    """The first of the revisions up to this one that all have its trigger."""
    limits: Limits | None = None
    author_id: int | None = None
    """Who saved the revision; None where that account is not known any more."""
    name: str = ""
    unreadable: str | None = None
    """Why it cannot act: what this version, unlike the one that saved it, cannot read of its trigger or limits."""

    def met_by(self) -> tuple[Key, ...]:
        """Return the keys of its scope that an event may meet it by."""
        if self.scope_kind == "org":
            return (ORGANIZATION,)
        if self.scope_kind == "entity" and self.scope_entity is not None:
            return (("entity", self.scope_id), ("entity", self.scope_entity))
        return ((self.scope_kind, self.scope_id),)

    @property
    def source(self) -> str:
        """The CloudEvents source of its organization's events."""
        return f"/orgs/{self.organization}"


def scope_keys(event: Event[Any]) -> tuple[Key, ...]:
    """Return every scope that the event lies in, by the ids in its snapshots; the organization's is always there."""
    keys: dict[Key, None] = {ORGANIZATION: None}
    data = event.data
    for name in _subjects(type(data)):
        value = getattr(data, name)
        find = _KEYS.get(type(value))
        if find is not None:
            keys.update(dict.fromkeys(find(value)))
    return tuple(keys)


def _is_met(definition: Definition, event: Event[Any]) -> bool:
    if event.time < definition.created_at - LOOKBACK:
        return False
    match definition.trigger, event.data:
        case StateTrigger(states=states), RunStateChangedData(state=state):
            return state.to in states
        case MetricTrigger(), RunMetricTriggeredData(automation=automation, revision=revision):
            # What passed the test of an earlier revision may not pass this one's.
            return automation.id == definition.id and revision >= definition.trigger_since
        case None, AliasAddedData(automatic=True):
            # `latest`, moved by the server, would fire every automation on aliases: a condition has to name the alias.
            return definition.condition is not None and definition.condition.names("alias")
        case _:
            return True


class Index:
    """The definitions in force, by what an event carries. Deleted automations are not in it; disabled ones are."""

    def __init__(self) -> None:
        self._definitions: dict[int, Definition] = {}
        self._slots: defaultdict[tuple[str, str], dict[Key, dict[int, Definition]]] = defaultdict(dict)

    def __len__(self) -> int:
        return len(self._definitions)

    def get(self, automation_id: int) -> Definition | None:
        """Return the definition in force."""
        return self._definitions.get(automation_id)

    def put(self, definition: Definition) -> None:
        """Add a definition, or replace the automation's earlier one."""
        self.drop(definition.id)
        self._definitions[definition.id] = definition
        for event_type in definition.events:
            slot = self._slots[definition.source, event_type]
            for key in definition.met_by():
                slot.setdefault(key, {})[definition.id] = definition

    def drop(self, automation_id: int) -> None:
        """Remove an automation; one that is not there is no error."""
        definition = self._definitions.pop(automation_id, None)
        if definition is None:
            return
        for event_type in definition.events:
            slot = self._slots[definition.source, event_type]
            for key in definition.met_by():
                del slot[key][automation_id]
                if not slot[key]:
                    del slot[key]
            if not slot:
                del self._slots[definition.source, event_type]

    def candidates(self, event: Event[Any]) -> list[Definition]:
        """Return the automations whose trigger and scope fit, in id order."""
        slot = self._slots.get((event.source, event.type))
        if slot is None:
            return []
        found: dict[int, Definition] = {}
        for key in scope_keys(event):
            if (here := slot.get(key)) is not None:
                found.update(here)
        return [found[each] for each in sorted(found) if _is_met(found[each], event)]

    def watching(self, source: str, run: RunSnapshot) -> list[Definition]:
        """Return the automations that watch a metric of such a run in an organization, in id order."""
        slot = self._slots.get((source, _METRIC_TRIGGERED))
        if slot is None:
            return []
        found: dict[int, Definition] = {}
        for key in (ORGANIZATION, *_of_run(run)):
            if (here := slot.get(key)) is not None:
                found.update(here)
        return [found[each] for each in sorted(found) if isinstance(found[each].trigger, MetricTrigger)]


def _entity(entity_id: int | None, name: str | None) -> Iterator[Key]:
    if entity_id is not None:
        yield "entity", entity_id
    elif name is not None:
        yield "entity", name


def _of_collection(collection: CollectionSnapshot) -> Iterator[Key]:
    yield "collection", collection.id
    if collection.project_id is not None:
        yield "project", collection.project_id
    if collection.registry_id is not None:
        yield "registry", collection.registry_id
    yield from _entity(collection.entity_id, collection.entity)


def _of_project(project: ProjectSnapshot) -> Iterator[Key]:
    yield "project", project.id
    yield from _entity(project.entity_id, project.entity)


def _of_run(run: RunSnapshot) -> Iterator[Key]:
    if run.project_id is not None:
        yield "project", run.project_id
    yield from _entity(run.entity_id, run.entity)


def _of_registry(registry: RegistrySnapshot) -> Iterator[Key]:
    yield "registry", registry.id
    if registry.project_id is not None:
        yield "project", registry.project_id
    yield from _entity(registry.entity_id, registry.entity)


def _of_named(
    subject: AutomationSnapshot | IntegrationSnapshot | SecretSnapshot | EndpointSnapshot | JobSnapshot,
) -> Iterator[Key]:
    yield from _entity(None, subject.entity)


def _of_team(team: str) -> Iterator[Key]:
    yield from _entity(None, team)


_KEYS: dict[type, Callable[[Any], Iterator[Key]]] = {
    CollectionSnapshot: _of_collection,
    ProjectSnapshot: _of_project,
    RunSnapshot: _of_run,
    RegistrySnapshot: _of_registry,
    AutomationSnapshot: _of_named,
    IntegrationSnapshot: _of_named,
    SecretSnapshot: _of_named,
    EndpointSnapshot: _of_named,
    JobSnapshot: _of_named,
    str: _of_team,
}
_SUBJECTS = ("collection", "project", "registry", "integration", "secret", "endpoint", "job", "team")


@cache
def _subjects(data: type) -> tuple[str, ...]:
    """Return the fields of an event's data that say where it happened."""
    fields = data.model_fields if issubclass(data, BaseModel) else {}
    names = [name for name in _SUBJECTS if name in fields]
    # `run` is a path in the events of artifacts. Where an event has a run and an automation, the run is what it is about.
    if "run" in fields and "collection" not in fields:
        return (*names, "run")
    return (*names, "automation") if "automation" in fields else tuple(names)
