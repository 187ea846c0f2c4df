"""Aliases that move from version to version, and the ones that are protected."""

from typing import Literal

from pydantic import Field

from regista_events.artifacts import VersionData
from regista_events.envelope import Event, Id, Payload
from regista_events.subjects import CollectionSnapshot, RegistrySnapshot, Version


class ApprovalEvidence(Payload, frozen=True):
    """Who asked for a move that needed approval and who granted it, by actor ids."""

    id: Id
    requested_by: str
    granted_by: list[str]
    quorum: int


class AliasAddedData(VersionData, frozen=True):
    """`previous` is the version that held the alias before: with it a promotion can be told from a rollback.

    `automatic` marks `latest`, which the server moves.
    """

    alias: str
    previous: Version | None
    protected: bool
    automatic: bool = False
    approval: ApprovalEvidence | None = None


class AliasAdded(Event[AliasAddedData], frozen=True):
    """An alias was set on a version, or moved to it from `previous`."""

    type: Literal["dev.regista.alias.added"] = "dev.regista.alias.added"


class AliasRemovedData(VersionData, frozen=True):
    """`version` and `artifact` are those that held the alias."""

    alias: str
    protected: bool = False
    approval: ApprovalEvidence | None = None


class AliasRemoved(Event[AliasRemovedData], frozen=True):
    """An alias was taken from the version that held it and set on no other."""

    type: Literal["dev.regista.alias.removed"] = "dev.regista.alias.removed"


class ProtectedAliasData(Payload, frozen=True):
    """Which alias only admins may move, and where; `collection` where the rule is one collection's."""

    alias: str
    registry: RegistrySnapshot
    collection: CollectionSnapshot | None = None
    approvals: int = Field(default=0, description="approvers that a move needs, 0 for none")


class ProtectedAliasAddedData(ProtectedAliasData, frozen=True):
    """The rule as it was made."""


class ProtectedAliasAdded(Event[ProtectedAliasAddedData], frozen=True):
    """An alias became protected."""

    type: Literal["dev.regista.protected_alias.added"] = "dev.regista.protected_alias.added"


class ProtectedAliasRemovedData(ProtectedAliasData, frozen=True):
    """The rule as it was."""


class ProtectedAliasRemoved(Event[ProtectedAliasRemovedData], frozen=True):
    """An alias is protected no longer."""

    type: Literal["dev.regista.protected_alias.removed"] = "dev.regista.protected_alias.removed"
