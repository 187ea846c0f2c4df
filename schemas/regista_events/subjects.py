"""Snapshots of the subjects: how a project, collection or version stood when the event happened.

Snapshots are what conditions and templates read, so an event can be judged without asking the database what the world
looks like by now.
"""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, Field

from regista_events.envelope import Id, Payload, Timestamp

Version = Annotated[str, Field(pattern=r"^v(0|[1-9][0-9]*)$")]
"""A version as people write it: `v` and its index in the collection."""

Metadata = dict[str, Any]
"""A JSON object as the user logged it; NaN and the infinities are strings."""

CollectionKind = Literal["sequence", "portfolio"]
RunState = Literal["pending", "running", "finished", "failed", "crashed", "killed", "preempting", "preempted"]
IntegrationKind = Literal["webhook", "slack"]


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


PublicUrl = Annotated[str, AfterValidator(_without_credentials)]
"""A URL of which only scheme, host, port and path are kept: user information, query and fragment carry secrets."""


class ProjectSnapshot(Payload, frozen=True):
    """A project of an entity; `title` is the name as given where it could not be a project's name."""

    id: Id
    entity: str
    name: str
    title: str | None = None
    description: str | None = None
    entity_id: Id | None = None


class RegistrySnapshot(Payload, frozen=True):
    """A registry; `entity` is the organization's own entity, `project` the project that holds its collections.

    `visibility`: organization or restricted. It takes versions of any type if `accepts_all`, else of `artifact_types`.
    """

    id: Id
    entity: str
    name: str
    project: str | None = None
    description: str | None = None
    visibility: str | None = None
    artifact_types: list[str] = Field(default_factory=list[str])
    accepts_all: bool | None = None
    entity_id: Id | None = None
    project_id: Id | None = None


class CollectionSnapshot(Payload, frozen=True):
    """A collection: `sequence` where versions are logged, `portfolio` where they are linked.

    `registry` is the registry's name, None outside of registries. The ids of what holds it outlive renames.
    """

    id: Id
    entity: str
    project: str
    name: str
    type: str
    kind: CollectionKind
    registry: str | None = None
    description: str | None = None
    tags: list[str] = Field(default_factory=list[str])
    tag_values: dict[str, str] = Field(default_factory=dict[str, str])
    entity_id: Id | None = None
    project_id: Id | None = None
    registry_id: Id | None = None


class ArtifactSnapshot(Payload, frozen=True):
    """A version as it stands in the event's collection after the change.

    `version`, `version_index`, `aliases` and `tags` are those of the membership in that collection; `source` is the
    version's own path, `run` the path of the run that logged it (`entity/project/runs/abc123`). `size` is in bytes.
    `tag_values` holds the tags that have a value.
    """

    id: Id
    version: Version
    version_index: Id
    type: str
    digest: str
    size: Id
    file_count: Id
    metadata: Metadata = Field(default_factory=dict[str, Any])
    description: str | None = None
    source: str
    run: str | None = None
    aliases: list[str] = Field(default_factory=list[str])
    tags: list[str] = Field(default_factory=list[str])
    tag_values: dict[str, str] = Field(default_factory=dict[str, str])
    created_at: Timestamp
    ttl_seconds: int | None = None


class RunSnapshot(Payload, frozen=True):
    """A run; `name` is its id in paths (`abc123`), `display_name` what people call it."""

    id: Id
    entity: str
    project: str
    name: str
    display_name: str | None = None
    state: RunState
    group: str | None = None
    job_type: str | None = None
    tags: list[str] = Field(default_factory=list[str])
    created_at: Timestamp
    entity_id: Id | None = None
    project_id: Id | None = None


class AutomationSnapshot(Payload, frozen=True):
    """An automation at one revision; `scope` as people write it (`collection/team/model-registry/MNIST`)."""

    id: Id
    name: str
    scope: str
    entity: str | None = None
    description: str | None = None
    events: list[str] = Field(default_factory=list[str])
    enabled: bool
    revision: Id


class IntegrationSnapshot(Payload, frozen=True):
    """Where an entity's automations may send to; `url` is None where its path is a secret, as with Slack's webhooks."""

    id: Id
    entity: str
    name: str
    kind: IntegrationKind
    url: PublicUrl | None = None
    channel: str | None = None


class SecretSnapshot(Payload, frozen=True):
    """A secret's name; its value is never in an event."""

    id: Id
    entity: str
    name: str


class EndpointSnapshot(Payload, frozen=True):
    """What deliveries go to: the URL of a webhook, or a Slack channel."""

    id: Id
    entity: str | None = None
    name: str
    kind: IntegrationKind = "webhook"
    url: PublicUrl | None = None
    channel: str | None = None


class JobSnapshot(Payload, frozen=True):
    """An item of a launch queue; `name` is the job's artifact (`team/jobs/eval:latest`), `run` the path of its run.

    `priority`: 0 critical, 1 high, 2 medium, 3 low.
    """

    id: Id
    entity: str
    project: str
    queue: str
    queue_id: Id | None = None
    name: str
    run: str | None = None
    priority: int = 2
    automation_id: Id | None = None


class MemberSnapshot(Payload, frozen=True):
    """A person, service account or team that roles are given to."""

    id: Id
    name: str
    kind: Literal["user", "service", "team"] = "user"
    email: str | None = None


class OrganizationSnapshot(Payload, frozen=True):
    """The organization that everything belongs to."""

    id: Id
    name: str


class ApiKeySnapshot(Payload, frozen=True):
    """An API key by its visible prefix; `restricted_to` is the one team or registry it works in."""

    id: Id
    prefix: str
    owner: MemberSnapshot
    name: str | None = None
    scopes: list[str] = Field(default_factory=list[str])
    restricted_to: str | None = None
    expires_at: Timestamp | None = None
