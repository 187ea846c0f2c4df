"""Automations, their revisions, and what became of their executions."""

from typing import Literal
from uuid import UUID

from regista_events.envelope import Event, Id, Payload
from regista_events.subjects import AutomationSnapshot
from regista_events.transition import Change, Changes


class AutomationData(Payload, frozen=True):
    """`automation` after the change; `revision` from and to, None before the first and after the last."""

    automation: AutomationSnapshot
    revision: Change[Id | None]


class AutomationCreatedData(AutomationData, frozen=True):
    """Revision from None to the first."""


class AutomationCreated(Event[AutomationCreatedData], frozen=True):
    """An automation was made."""

    type: Literal["dev.regista.automation.created"] = "dev.regista.automation.created"


class AutomationUpdatedData(AutomationData, frozen=True):
    """`changes` by field of the definition: scope, events, condition, trigger, actions, limits, name, description."""

    changes: Changes


class AutomationUpdated(Event[AutomationUpdatedData], frozen=True):
    """An automation was saved as a new revision."""

    type: Literal["dev.regista.automation.updated"] = "dev.regista.automation.updated"


class AutomationEnabledData(AutomationData, frozen=True):
    """The automation as it is in force from now on."""


class AutomationEnabled(Event[AutomationEnabledData], frozen=True):
    """An automation was switched on."""

    type: Literal["dev.regista.automation.enabled"] = "dev.regista.automation.enabled"


class AutomationDisabledData(AutomationData, frozen=True):
    """`reason` says why where nobody asked."""

    reason: str | None = None


class AutomationDisabled(Event[AutomationDisabledData], frozen=True):
    """An automation was switched off."""

    type: Literal["dev.regista.automation.disabled"] = "dev.regista.automation.disabled"


class AutomationDeletedData(AutomationData, frozen=True):
    """Revision from the last to None."""


class AutomationDeleted(Event[AutomationDeletedData], frozen=True):
    """An automation was deleted; its revisions stay readable."""

    type: Literal["dev.regista.automation.deleted"] = "dev.regista.automation.deleted"


class ExecutionData(Payload, frozen=True):
    """What one automation did about one event.

    `revision` is the one that ran, `cause` the id of the event that it met and `cause_type` its short type.
    `action_index` counts from 0 and is None where the whole decision is meant; `action` is that action's kind.
    `replay_id` is set where a replay asked for it, `delivery` where a row of the ledger stands behind it.
    """

    automation: AutomationSnapshot
    revision: Id
    cause: UUID
    cause_type: str
    action_index: Id | None = None
    action: str | None = None
    delivery: UUID | None = None
    replay_id: Id | None = None


class ExecutionSkippedData(ExecutionData, frozen=True):
    """`reason`: cooldown, rate, disabled, loop, approval and the like."""

    reason: str


class ExecutionSkipped(Event[ExecutionSkippedData], frozen=True):
    """An automation matched and was held back."""

    type: Literal["dev.regista.execution.skipped"] = "dev.regista.execution.skipped"


class ExecutionFailedData(ExecutionData, frozen=True):
    """`reason` is what went wrong, for a person."""

    reason: str


class ExecutionFailed(Event[ExecutionFailedData], frozen=True):
    """An action could not be carried out."""

    type: Literal["dev.regista.execution.failed"] = "dev.regista.execution.failed"


class ExecutionFinishedData(ExecutionData, frozen=True):
    """`reason` is None unless there is something to say."""

    reason: str | None = None


class ExecutionFinished(Event[ExecutionFinishedData], frozen=True):
    """An action was carried out."""

    type: Literal["dev.regista.execution.finished"] = "dev.regista.execution.finished"
