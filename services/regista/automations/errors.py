"""The errors of automations.

RegistaError
├── InvalidError
│   ├── UnknownEventTypeError     422
│   └── UnknownIntegrationError   422  an action names no integration, or several
└── ConflictError
    └── AutomationExistsError     409
"""

from regista.kit.errors import ConflictError, InvalidError


class UnknownEventTypeError(InvalidError):
    """The catalogue of events has no such type; ``details["nearest"]`` is one that it has."""

    code = "unknown_event_type"


class UnknownIntegrationError(InvalidError):
    """An action names an integration that is not there, or not only one."""

    code = "unknown_integration"


class AutomationExistsError(ConflictError):
    """An automation of the same scope has the name."""

    code = "automation_exists"
