"""Tags of versions and of collections, with an optional value."""

from typing import Literal

from regista_events.artifacts import VersionData
from regista_events.envelope import Event, Payload
from regista_events.subjects import CollectionSnapshot


class TagAddedData(VersionData, frozen=True):
    """`previous` is the value that the tag had, None also where it had none."""

    tag: str
    value: str | None = None
    previous: str | None = None


class TagAdded(Event[TagAddedData], frozen=True):
    """A version was tagged, or its tag was given another value."""

    type: Literal["dev.regista.tag.added"] = "dev.regista.tag.added"


class TagRemovedData(VersionData, frozen=True):
    """`previous` is the value that went with the tag."""

    tag: str
    value: str | None = None
    previous: str | None = None


class TagRemoved(Event[TagRemovedData], frozen=True):
    """A tag was taken from a version."""

    type: Literal["dev.regista.tag.removed"] = "dev.regista.tag.removed"


class CollectionTagAddedData(Payload, frozen=True):
    """`previous` is the value that the tag had, None also where it had none."""

    collection: CollectionSnapshot
    tag: str
    value: str | None = None
    previous: str | None = None


class CollectionTagAdded(Event[CollectionTagAddedData], frozen=True):
    """A collection was tagged, or its tag was given another value."""

    type: Literal["dev.regista.collection_tag.added"] = "dev.regista.collection_tag.added"


class CollectionTagRemovedData(Payload, frozen=True):
    """`previous` is the value that went with the tag."""

    collection: CollectionSnapshot
    tag: str
    value: str | None = None
    previous: str | None = None


class CollectionTagRemoved(Event[CollectionTagRemovedData], frozen=True):
    """A tag was taken from a collection."""

    type: Literal["dev.regista.collection_tag.removed"] = "dev.regista.collection_tag.removed"
