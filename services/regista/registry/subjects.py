"""Collections and versions as their rows hold them, and as events show them.

What the database holds was checked when it came in: snapshots are built without checking it again. The gate's
connections give ``json`` and ``jsonb`` as Python values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from regista.access.verdict import Resource, Visibility
from regista_events import ArtifactSnapshot, CollectionSnapshot

Tags = dict[str, str | None]
"""Tag → its value, None for a tag that has none."""


class CollectionPath(NamedTuple):
    """What a person types for a collection."""

    entity: str
    project: str
    name: str

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"{self.entity}/{self.project}/{self.name}"


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection with the names of what holds it; ``visibility`` is its own or, without one, its project's."""

    id: int
    aggregate_id: int
    organization_id: int
    entity_id: int
    entity: str
    project_id: int
    project: str
    registry_id: int | None
    registry: str | None
    name: str
    kind: str
    type: str
    description: str | None
    visibility: str
    next_index: int
    created_at: datetime
    updated_at: datetime
    tags: Tags

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Return the collection in the columns ``c_…`` of a row."""
        return cls(
            row["c_id"],
            row["c_aggregate_id"],
            row["c_organization_id"],
            row["c_entity_id"],
            row["c_entity"],
            row["c_project_id"],
            row["c_project"],
            row["c_registry_id"],
            row["c_registry"],
            row["c_name"],
            row["c_kind"],
            row["c_type"],
            row["c_description"],
            row["c_visibility"],
            row["c_next_index"],
            row["c_created_at"],
            row["c_updated_at"],
            _tags(row["c_tags"]),
        )

    @property
    def path(self) -> str:
        """What a person types."""
        return f"{self.entity}/{self.project}/{self.name}"

    def resource(self, *, protected: bool = False) -> Resource:
        """Return what access control asks about."""
        return Resource(
            self.path,
            self.organization_id,
            self.entity_id,
            Visibility(self.visibility),
            protected=protected,
            project_id=self.project_id,
        )

    def snapshot(self) -> CollectionSnapshot:
        """Return the collection as events show it."""
        return CollectionSnapshot.model_construct(
            id=self.id,
            entity=self.entity,
            project=self.project,
            name=self.name,
            type=self.type,
            kind=self.kind,
            registry=self.registry,
            description=self.description,
            tags=list(self.tags),
            tag_values=_values(self.tags),
            entity_id=self.entity_id,
            project_id=self.project_id,
            registry_id=self.registry_id,
        )


@dataclass(frozen=True, slots=True)
class Version:
    """A version as a member of one collection.

    ``source`` is its own path, ``run`` that of the run that logged it. ``tags`` are those of the membership over those
    of the artifact. ``size`` is in bytes.
    """

    membership_id: int
    collection_id: int
    index: int
    artifact_id: int
    source_collection_id: int
    digest: str
    size: int
    file_count: int
    metadata: dict[str, Any]
    description: str | None
    ttl_seconds: int | None
    created_at: datetime
    linked_at: datetime
    updated_at: datetime
    source: str
    run: str | None
    source_uri: str | None
    source_run: str | None
    aliases: list[str]
    tags: Tags
    own_tags: frozenset[str]
    """Names of the tags that are the membership's, not the artifact's."""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Return the version in the columns ``v_…`` of a row."""
        own = _tags(row["v_membership_tags"])
        return cls(
            row["v_membership_id"],
            row["v_collection_id"],
            row["v_index"],
            row["v_artifact_id"],
            row["v_source_collection_id"],
            row["v_digest"],
            row["v_size"],
            row["v_file_count"],
            row["v_metadata"],
            row["v_description"],
            row["v_ttl_seconds"],
            row["v_created_at"],
            row["v_linked_at"],
            row["v_updated_at"],
            row["v_source"],
            row["v_run"],
            row["v_source_uri"],
            row["v_source_run"],
            row["v_aliases"],
            {**_tags(row["v_artifact_tags"]), **own},
            frozenset(own),
        )

    @property
    def name(self) -> str:
        """``vN`` in this collection."""
        return f"v{self.index}"

    def snapshot(self, collection: Collection) -> ArtifactSnapshot:
        """Return the version as events of the collection show it."""
        return ArtifactSnapshot.model_construct(
            id=self.artifact_id,
            version=self.name,
            version_index=self.index,
            type=collection.type,
            digest=self.digest,
            size=self.size,
            file_count=self.file_count,
            metadata=self.metadata,
            description=self.description,
            source=self.source,
            run=self.run,
            aliases=self.aliases,
            tags=list(self.tags),
            tag_values=_values(self.tags),
            created_at=self.created_at,
            ttl_seconds=self.ttl_seconds,
        )


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact in whatever state, as the clients that know artifacts rather than versions see it.

    ``collection`` is its source, ``version`` its own membership there, None until it is committed and after it was
    deleted. ``run`` is the path of the run that logged it, ``size`` in bytes. A ``ttl_seconds`` of None is no time to
    live.
    """

    id: int
    collection: Collection
    state: str
    digest: str
    size: int
    file_count: int
    metadata: dict[str, Any]
    description: str | None
    ttl_seconds: int | None
    history_step: int | None
    run_id: int | None
    run: str | None
    account_id: int | None
    created_at: datetime
    updated_at: datetime
    tags: Tags
    version: Version | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Return the artifact in the columns ``a_…``, its collection in ``c_…`` and its membership in ``v_…``."""
        return cls(
            row["a_id"],
            Collection.of(row),
            row["a_state"],
            row["a_digest"],
            row["a_size"],
            row["a_file_count"],
            row["a_metadata"],
            row["a_description"],
            row["a_ttl_seconds"],
            row["a_history_step"],
            row["a_run_id"],
            row["a_run"],
            row["a_account_id"],
            row["a_created_at"],
            row["a_updated_at"],
            _tags(row["a_tags"]),
            Version.of(row) if row["v_membership_id"] is not None else None,
        )


class Entry(NamedTuple):
    """A file of a version: stored content (``md5`` raw, ``sha256`` once it has arrived) or a ``reference`` elsewhere.

    ``birth`` is the id of the artifact that the content was brought for, as far as it is known.
    """

    path: str
    digest: str
    size: int
    md5: bytes | None = None
    reference: str | None = None
    extra: dict[str, Any] | None = None
    sha256: bytes | None = None
    birth: int | None = None


def _tags(found: Tags | None) -> Tags:
    return found if found is not None else {}


def _values(tags: Tags) -> dict[str, str]:
    return {name: value for name, value in tags.items() if value is not None}
