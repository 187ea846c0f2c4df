"""Integrations and secrets: where automations may send to, never a value."""

from typing import Literal

from regista_events.envelope import Event, Payload
from regista_events.subjects import IntegrationSnapshot, SecretSnapshot
from regista_events.transition import Changes


class IntegrationCreatedData(Payload, frozen=True):
    """The integration as it was made."""

    integration: IntegrationSnapshot


class IntegrationCreated(Event[IntegrationCreatedData], frozen=True):
    """An integration was made."""

    type: Literal["dev.regista.integration.created"] = "dev.regista.integration.created"


class IntegrationUpdatedData(Payload, frozen=True):
    """`integration` after the change; `changes` by field, with a changed secret named and both its values None."""

    integration: IntegrationSnapshot
    changes: Changes


class IntegrationUpdated(Event[IntegrationUpdatedData], frozen=True):
    """An integration changed."""

    type: Literal["dev.regista.integration.updated"] = "dev.regista.integration.updated"


class IntegrationDeletedData(Payload, frozen=True):
    """The integration as it was."""

    integration: IntegrationSnapshot


class IntegrationDeleted(Event[IntegrationDeletedData], frozen=True):
    """An integration was deleted."""

    type: Literal["dev.regista.integration.deleted"] = "dev.regista.integration.deleted"


class SecretCreatedData(Payload, frozen=True):
    """The secret's name."""

    secret: SecretSnapshot


class SecretCreated(Event[SecretCreatedData], frozen=True):
    """A secret was stored."""

    type: Literal["dev.regista.secret.created"] = "dev.regista.secret.created"


class SecretRotatedData(Payload, frozen=True):
    """The secret's name."""

    secret: SecretSnapshot


class SecretRotated(Event[SecretRotatedData], frozen=True):
    """A secret was given a new value."""

    type: Literal["dev.regista.secret.rotated"] = "dev.regista.secret.rotated"


class SecretDeletedData(Payload, frozen=True):
    """The secret's name."""

    secret: SecretSnapshot


class SecretDeleted(Event[SecretDeletedData], frozen=True):
    """A secret was deleted."""

    type: Literal["dev.regista.secret.deleted"] = "dev.regista.secret.deleted"
