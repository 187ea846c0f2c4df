"""Everything that can happen in Regista, as typed events.

The event classes are the one vocabulary that the API, conditions, templates, console and consumers speak. The package
needs pydantic and the standard library, so that a consumer can install it alone.
"""

from regista_events import codec, topics
from regista_events.aliases import (
    AliasAdded,
    AliasAddedData,
    AliasRemoved,
    AliasRemovedData,
    ApprovalEvidence,
)
from regista_events.artifacts import ArtifactCreated, ArtifactCreatedData
from regista_events.catalog import RegistryEvent
from regista_events.codec import MalformedEvent, UnencodableEvent
from regista_events.envelope import Event, UnknownEvent, full_name, short_name
from regista_events.subjects import ArtifactSnapshot, CollectionSnapshot

__all__ = [
    "AliasAdded",
    "AliasAddedData",
    "AliasRemoved",
    "AliasRemovedData",
    "ApprovalEvidence",
    "ArtifactCreated",
    "ArtifactCreatedData",
    "ArtifactSnapshot",
    "CollectionSnapshot",
    "Event",
    "MalformedEvent",
    "RegistryEvent",
    "UnencodableEvent",
    "UnknownEvent",
    "codec",
    "full_name",
    "short_name",
    "topics",
]
