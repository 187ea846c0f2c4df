"""What several resolver modules hand on as the parents of GraphQL objects, beside the slices' own dataclasses.

``Project``, ``Run``: `regista.tracking.subjects`. ``ArtifactSequence`` and ``ArtifactPortfolio``: `Collection`,
``Artifact``: `Artifact`, both of `regista.registry.subjects`. ``User`` and ``Entity``: `Person` and `Place` of
`regista.access.directory`.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from regista.registry.subjects import Collection, Version
from regista.wandb import ids


@dataclass(frozen=True, slots=True)
class Membership:
    """``ArtifactCollectionMembership``: a version as a member of a collection."""

    collection: Collection
    version: Version


@dataclass(frozen=True, slots=True)
class DeletedCollection(Collection):
    """An ``ArtifactCollection`` that this request deleted, as it was."""

    @classmethod
    def of_living(cls, collection: Collection) -> "DeletedCollection":
        """Return the collection as one that is gone."""
        return cls(**{field.name: getattr(collection, field.name) for field in fields(collection)})


@dataclass(frozen=True, slots=True)
class ArtifactType:
    """``ArtifactType``: the artifacts of one type in one project; ``created_at`` of the first thing that has it."""

    project_id: int
    name: str
    created_at: datetime

    @classmethod
    def of(cls, collection: Collection) -> "ArtifactType":
        """Return the type of a collection's artifacts."""
        return cls(collection.project_id, collection.type, collection.created_at)

    @property
    def id(self) -> str:
        """The global id; nothing is asked for by it."""
        return ids.encode("ArtifactType", f"{self.project_id}:{self.name}")


@dataclass(frozen=True, slots=True)
class Alias:
    """``ArtifactAlias``: an alias in the collection where it is held."""

    artifact_collection: Collection
    alias: str

    @property
    def id(self) -> str:
        """The global id; nothing is asked for by it."""
        return ids.encode("ArtifactAlias", f"{self.artifact_collection.id}:{self.alias}")


@dataclass(frozen=True, slots=True)
class Tag:
    """``Tag``: of a collection or a version, where its value is not shown. The client's categories are none of ours."""

    name: str
    tag_category_name: None = None
    attributes: None = None

    @property
    def id(self) -> str:
        """The global id; nothing is asked for by it."""
        return ids.encode("Tag", self.name)


@dataclass(frozen=True, slots=True)
class File:
    """``File``, of a run or of an artifact. ``size_bytes`` in bytes, ``md5`` and ``digest`` base64, URLs absolute.

    ``upload_url`` None means that the content is stored already.
    """

    id: str
    name: str
    size_bytes: int
    direct_url: str
    md5: str | None = None
    digest: str | None = None
    mimetype: str | None = None
    updated_at: datetime | None = None
    storage_path: str | None = None
    upload_url: str | None = None
    upload_headers: tuple[str, ...] = ()
    upload_multipart_urls: Any = None
    artifact: Any = None

    @property
    def display_name(self) -> str:
        """The name, which the client takes for the place of the file below a directory of its own."""
        return self.name

    @property
    def url(self) -> str:
        """Where the client gets the content from."""
        return self.direct_url
