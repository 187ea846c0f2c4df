"""The catalogue: every type of event that can happen, and the union that tells them apart by `type`."""

from typing import Annotated

from pydantic import Field

from regista_events.aliases import AliasAdded, AliasRemoved, ProtectedAliasAdded, ProtectedAliasRemoved
from regista_events.artifacts import (
    ArtifactCreated,
    ArtifactDeleted,
    ArtifactDownloaded,
    ArtifactLinked,
    ArtifactUnlinked,
    ArtifactUpdated,
    ArtifactUsed,
)
from regista_events.collections import CollectionCreated, CollectionDeleted, CollectionUpdated

RegistryEvent = Annotated[
    AliasAdded
    | AliasRemoved
    | ArtifactCreated
    | ArtifactDeleted
    | ArtifactDownloaded
    | ArtifactLinked
    | ArtifactUnlinked
    | ArtifactUpdated
    | ArtifactUsed
    | CollectionCreated
    | CollectionDeleted
    | CollectionUpdated
    | ProtectedAliasAdded
    | ProtectedAliasRemoved,
    Field(discriminator="type"),
]
