"""Versions: committed, linked, changed, used."""

from typing import Literal

from pydantic import Field

from regista_events.envelope import Event, Payload
from regista_events.subjects import ArtifactSnapshot, CollectionSnapshot, Version
from regista_events.transition import Changes


class VersionData(Payload, frozen=True):
    """A version in a collection: `version` is `v` and its index in `collection`."""

    collection: CollectionSnapshot
    artifact: ArtifactSnapshot
    version: Version


class ArtifactCreatedData(VersionData, frozen=True):
    """`aliases` and `tags` came with the commit; each alias has an event of its own besides."""

    aliases: list[str] = Field(default_factory=list[str])
    tags: list[str] = Field(default_factory=list[str])


class ArtifactCreated(Event[ArtifactCreatedData], frozen=True):
    """A version of a source collection was committed."""

    type: Literal["dev.regista.artifact.created"] = "dev.regista.artifact.created"


class ArtifactLinkedData(VersionData, frozen=True):
    """`source` is the source version's path; `source_uri` and `source_run` are what an MLflow client sent, verbatim."""

    source: str
    aliases: list[str] = Field(default_factory=list[str])
    tags: list[str] = Field(default_factory=list[str])
    source_uri: str | None = None
    source_run: str | None = None


class ArtifactLinked(Event[ArtifactLinkedData], frozen=True):
    """A version became a member of a portfolio."""

    type: Literal["dev.regista.artifact.linked"] = "dev.regista.artifact.linked"


class ArtifactUnlinkedData(VersionData, frozen=True):
    """`aliases` and `tags` are those that the membership had and that went with it."""

    source: str
    aliases: list[str] = Field(default_factory=list[str])
    tags: list[str] = Field(default_factory=list[str])


class ArtifactUnlinked(Event[ArtifactUnlinkedData], frozen=True):
    """A version is a member of a portfolio no longer."""

    type: Literal["dev.regista.artifact.unlinked"] = "dev.regista.artifact.unlinked"


class ArtifactUpdatedData(VersionData, frozen=True):
    """`changes` by field: description, metadata, ttl_seconds."""

    changes: Changes


class ArtifactUpdated(Event[ArtifactUpdatedData], frozen=True):
    """A version's description, metadata or time to live changed."""

    type: Literal["dev.regista.artifact.updated"] = "dev.regista.artifact.updated"


class ArtifactDeletedData(VersionData, frozen=True):
    """`aliases` went with the version; `reason` says why where nobody asked (`ttl`)."""

    aliases: list[str] = Field(default_factory=list[str])
    reason: str | None = None


class ArtifactDeleted(Event[ArtifactDeletedData], frozen=True):
    """A version was deleted."""

    type: Literal["dev.regista.artifact.deleted"] = "dev.regista.artifact.deleted"


class ArtifactDownloadedData(VersionData, frozen=True):
    """By which run or client; `path` is the one file, None for the manifest or all files."""

    run: str | None = None
    client: str | None = None
    path: str | None = None


class ArtifactDownloaded(Event[ArtifactDownloadedData], frozen=True):
    """A version's files were handed out."""

    type: Literal["dev.regista.artifact.downloaded"] = "dev.regista.artifact.downloaded"


class ArtifactUsedData(VersionData, frozen=True):
    """By which run or client; `used_as` is what the run calls it."""

    run: str | None = None
    client: str | None = None
    used_as: str | None = None


class ArtifactUsed(Event[ArtifactUsedData], frozen=True):
    """A run declared a version as its input."""

    type: Literal["dev.regista.artifact.used"] = "dev.regista.artifact.used"
