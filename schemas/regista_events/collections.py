"""Collections: where versions are logged and where they are linked."""

from typing import Literal

from regista_events.envelope import Event, Payload
from regista_events.subjects import CollectionSnapshot
from regista_events.transition import Changes


class CollectionCreatedData(Payload, frozen=True):
    """The collection as it was made."""

    collection: CollectionSnapshot


class CollectionCreated(Event[CollectionCreatedData], frozen=True):
    """A collection was made, by a command or by the first version in it."""

    type: Literal["dev.regista.collection.created"] = "dev.regista.collection.created"


class CollectionUpdatedData(Payload, frozen=True):
    """`collection` after the change; `changes` by field: name, description, type and the like."""

    collection: CollectionSnapshot
    changes: Changes


class CollectionUpdated(Event[CollectionUpdatedData], frozen=True):
    """A collection's name, description or settings changed."""

    type: Literal["dev.regista.collection.updated"] = "dev.regista.collection.updated"


class CollectionDeletedData(Payload, frozen=True):
    """The collection as it was."""

    collection: CollectionSnapshot


class CollectionDeleted(Event[CollectionDeletedData], frozen=True):
    """A collection was deleted with its memberships; the source versions of a portfolio stay."""

    type: Literal["dev.regista.collection.deleted"] = "dev.regista.collection.deleted"
