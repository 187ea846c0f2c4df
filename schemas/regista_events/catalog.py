"""The catalogue: every type of event that can happen, and the union that tells them apart by `type`."""

from typing import Annotated, Any, get_args

from pydantic import Field

from regista_events.aliases import AliasAdded, AliasRemoved, ProtectedAliasAdded, ProtectedAliasRemoved
from regista_events.approvals import ApprovalDenied, ApprovalExpired, ApprovalGranted, ApprovalRequested
from regista_events.artifacts import (
    ArtifactCreated,
    ArtifactDeleted,
    ArtifactDownloaded,
    ArtifactLinked,
    ArtifactUnlinked,
    ArtifactUpdated,
    ArtifactUsed,
)
from regista_events.automations import (
    AutomationCreated,
    AutomationDeleted,
    AutomationDisabled,
    AutomationEnabled,
    AutomationUpdated,
    ExecutionFailed,
    ExecutionFinished,
    ExecutionSkipped,
)
from regista_events.collections import CollectionCreated, CollectionDeleted, CollectionUpdated
from regista_events.deliveries import (
    DeliveryExhausted,
    EndpointDisabled,
    EndpointEnabled,
    EndpointFailing,
    EndpointRecovered,
)
from regista_events.envelope import Event, full_name, short_name
from regista_events.integrations import (
    IntegrationCreated,
    IntegrationDeleted,
    IntegrationUpdated,
    SecretCreated,
    SecretDeleted,
    SecretRotated,
)
from regista_events.jobs import JobFailed, JobFinished, JobQueued, JobStarted, JobStopped
from regista_events.people import (
    AccessDenied,
    ApiKeyCreated,
    ApiKeyRevoked,
    MemberInvited,
    MemberRemoved,
    MemberRoleChanged,
    OrganizationUpdated,
    SessionDenied,
    SessionLogin,
    SessionLogout,
)
from regista_events.projects import ProjectCreated, ProjectDeleted, ProjectUpdated
from regista_events.registries import RegistryCreated, RegistryDeleted, RegistryMemberChanged, RegistryUpdated
from regista_events.runs import RunAlerted, RunCreated, RunDeleted, RunMetricTriggered, RunStateChanged
from regista_events.tags import CollectionTagAdded, CollectionTagRemoved, TagAdded, TagRemoved

RegistryEvent = Annotated[
    AliasAdded
    | AliasRemoved
    | ProtectedAliasAdded
    | ProtectedAliasRemoved
    | ApprovalRequested
    | ApprovalGranted
    | ApprovalDenied
    | ApprovalExpired
    | ArtifactCreated
    | ArtifactLinked
    | ArtifactUnlinked
    | ArtifactUpdated
    | ArtifactDeleted
    | ArtifactDownloaded
    | ArtifactUsed
    | AutomationCreated
    | AutomationUpdated
    | AutomationEnabled
    | AutomationDisabled
    | AutomationDeleted
    | ExecutionSkipped
    | ExecutionFailed
    | ExecutionFinished
    | CollectionCreated
    | CollectionUpdated
    | CollectionDeleted
    | DeliveryExhausted
    | EndpointFailing
    | EndpointRecovered
    | EndpointDisabled
    | EndpointEnabled
    | IntegrationCreated
    | IntegrationUpdated
    | IntegrationDeleted
    | SecretCreated
    | SecretRotated
    | SecretDeleted
    | JobQueued
    | JobStarted
    | JobFinished
    | JobFailed
    | JobStopped
    | MemberInvited
    | MemberRemoved
    | MemberRoleChanged
    | OrganizationUpdated
    | ApiKeyCreated
    | ApiKeyRevoked
    | SessionLogin
    | SessionLogout
    | SessionDenied
    | AccessDenied
    | ProjectCreated
    | ProjectUpdated
    | ProjectDeleted
    | RegistryCreated
    | RegistryUpdated
    | RegistryDeleted
    | RegistryMemberChanged
    | RunCreated
    | RunStateChanged
    | RunDeleted
    | RunAlerted
    | RunMetricTriggered
    | TagAdded
    | TagRemoved
    | CollectionTagAdded
    | CollectionTagRemoved,
    Field(discriminator="type"),
]
"""Any event of the catalogue."""

_CLASSES: tuple[type[Event[Any]], ...] = get_args(get_args(RegistryEvent)[0])

EVENT_TYPES: dict[str, type[Event[Any]]] = {
    event_class.model_fields["type"].default: event_class
    for event_class in sorted(_CLASSES, key=lambda each: str(each.model_fields["type"].default))
}
"""The class of each type, by its full name, in alphabetical order."""


def short_names() -> tuple[str, ...]:
    """Return every type as people write it (`alias.added`), in alphabetical order."""
    return tuple(short_name(each) for each in EVENT_TYPES)


def event_class(name: str) -> type[Event[Any]]:
    """Return the class of a type by its full or short name.

    Raises:
        KeyError: the catalogue has no such type.

    """
    return EVENT_TYPES[full_name(name)]
