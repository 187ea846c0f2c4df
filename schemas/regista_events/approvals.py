"""Approvals that the move of a protected alias waits for."""

from typing import Literal

from pydantic import Field

from regista_events.artifacts import VersionData
from regista_events.envelope import Event, Id, Payload, Timestamp
from regista_events.subjects import Version


class ApprovalSnapshot(Payload, frozen=True):
    """A request and the voices so far, by actor ids; `quorum` is how many must grant."""

    id: Id
    requested_by: str
    quorum: int
    granted_by: list[str] = Field(default_factory=list[str])
    denied_by: list[str] = Field(default_factory=list[str])
    expires_at: Timestamp


class ApprovalData(VersionData, frozen=True):
    """The move that was asked for: `alias` to `version`, from `previous`."""

    approval: ApprovalSnapshot
    alias: str
    previous: Version | None


class ApprovalRequestedData(ApprovalData, frozen=True):
    """`reason` as the requester gave it."""

    reason: str | None = None


class ApprovalRequested(Event[ApprovalRequestedData], frozen=True):
    """A move waits for approval."""

    type: Literal["dev.regista.approval.requested"] = "dev.regista.approval.requested"


class ApprovalGrantedData(ApprovalData, frozen=True):
    """`by` granted; `complete` says that the quorum is reached and the move happens."""

    by: str
    complete: bool


class ApprovalGranted(Event[ApprovalGrantedData], frozen=True):
    """Somebody granted a move."""

    type: Literal["dev.regista.approval.granted"] = "dev.regista.approval.granted"


class ApprovalDeniedData(ApprovalData, frozen=True):
    """`by` denied, and said why."""

    by: str
    reason: str | None = None


class ApprovalDenied(Event[ApprovalDeniedData], frozen=True):
    """Somebody denied a move; it will not happen."""

    type: Literal["dev.regista.approval.denied"] = "dev.regista.approval.denied"


class ApprovalExpiredData(ApprovalData, frozen=True):
    """The voices that there were."""


class ApprovalExpired(Event[ApprovalExpiredData], frozen=True):
    """Too few granted a move in time; it will not happen."""

    type: Literal["dev.regista.approval.expired"] = "dev.regista.approval.expired"
