"""What the registry's routes answer."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from regista.registry.subjects import Collection, Entry, Version

COLLECTIONS = "/collections/{entity}/{project}"
COLLECTION = COLLECTIONS + "/{name}"
VERSION = COLLECTION + "/versions/{version}"


class CollectionShape(BaseModel):
    """A collection: `sequence` where versions are logged, `portfolio` where they are linked."""

    id: int
    entity: str
    project: str
    name: str
    kind: str
    type: str
    registry: str | None
    description: str | None
    visibility: str
    tags: list[str]
    tag_values: dict[str, str]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, collection: Collection) -> "CollectionShape":
        """Return the shape of a collection."""
        return cls(
            id=collection.id,
            entity=collection.entity,
            project=collection.project,
            name=collection.name,
            kind=collection.kind,
            type=collection.type,
            registry=collection.registry,
            description=collection.description,
            visibility=collection.visibility,
            tags=list(collection.tags),
            tag_values={name: value for name, value in collection.tags.items() if value is not None},
            created_at=collection.created_at,
            updated_at=collection.updated_at,
        )


class VersionShape(BaseModel):
    """A version as a member of one collection; `source` is its own path, `size` in bytes."""

    collection: str
    version: str
    version_index: int
    artifact_id: int
    type: str
    digest: str
    size: int
    file_count: int
    aliases: list[str]
    tags: list[str]
    tag_values: dict[str, str]
    metadata: dict[str, Any]
    description: str | None
    ttl_seconds: int | None
    source: str
    run: str | None
    created_at: datetime
    linked_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, found: tuple[Collection, Version]) -> "VersionShape":
        """Return the shape of a version in its collection."""
        collection, version = found
        return cls(
            collection=collection.path,
            version=version.name,
            version_index=version.index,
            artifact_id=version.artifact_id,
            type=collection.type,
            digest=version.digest,
            size=version.size,
            file_count=version.file_count,
            aliases=version.aliases,
            tags=list(version.tags),
            tag_values={name: value for name, value in version.tags.items() if value is not None},
            metadata=version.metadata,
            description=version.description,
            ttl_seconds=version.ttl_seconds,
            source=version.source,
            run=version.run,
            created_at=version.created_at,
            linked_at=version.linked_at,
            updated_at=version.updated_at,
        )


class FileShape(BaseModel):
    """A file of a version; `digest` is the base64 MD5 of stored content, `reference` where it is kept elsewhere."""

    path: str
    size: int
    digest: str
    reference: str | None

    @classmethod
    def of(cls, entry: Entry) -> "FileShape":
        """Return the shape of a file."""
        return cls(path=entry.path, size=entry.size, digest=entry.digest, reference=entry.reference)
