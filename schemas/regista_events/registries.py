"""Registries and who may do what in them."""

from typing import Literal

from regista_events.envelope import Event, Payload
from regista_events.subjects import MemberSnapshot, RegistrySnapshot
from regista_events.transition import Change, Changes


class RegistryCreatedData(Payload, frozen=True):
    """The registry as it was made."""

    registry: RegistrySnapshot


class RegistryCreated(Event[RegistryCreatedData], frozen=True):
    """A registry was made."""

    type: Literal["dev.regista.registry.created"] = "dev.regista.registry.created"


class RegistryUpdatedData(Payload, frozen=True):
    """`registry` after the change; `changes` by field: name, description, visibility, artifact_types."""

    registry: RegistrySnapshot
    changes: Changes


class RegistryUpdated(Event[RegistryUpdatedData], frozen=True):
    """A registry's name, visibility or accepted types changed."""

    type: Literal["dev.regista.registry.updated"] = "dev.regista.registry.updated"


class RegistryDeletedData(Payload, frozen=True):
    """The registry as it was."""

    registry: RegistrySnapshot


class RegistryDeleted(Event[RegistryDeletedData], frozen=True):
    """A registry was deleted with its collections."""

    type: Literal["dev.regista.registry.deleted"] = "dev.regista.registry.deleted"


class RegistryMemberChangedData(Payload, frozen=True):
    """`role` from and to; None on one side means no role of their own in this registry."""

    registry: RegistrySnapshot
    member: MemberSnapshot
    role: Change[str | None]


class RegistryMemberChanged(Event[RegistryMemberChangedData], frozen=True):
    """A person or team got, lost or changed a role in a registry."""

    type: Literal["dev.regista.registry.member_changed"] = "dev.regista.registry.member_changed"
