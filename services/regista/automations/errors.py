"""The errors of automations.

RegistaError
├── InvalidError
│   ├── UnknownEventTypeError     422
│   ├── ConditionError            422  a condition that is none, or that does not fit an event type
│   ├── TemplateError             422  a payload with a name that nothing stands for
│   ├── UnknownIntegrationError   422  an action names no integration, or several
│   └── UnknownSecretError        422
└── ConflictError
    ├── AutomationExistsError     409
    ├── NotRunningError           409  a replay has ended already
    ├── SecretExistsError         409
    └── SecretInUseError          409  integrations or automations still refer to it; ``details`` name them
"""

from regista.kit.errors import ConflictError, InvalidError


class UnknownEventTypeError(InvalidError):
    """There is no such type of events, or nothing publishes it; ``details["nearest"]`` is one that there is, if any."""

    code = "unknown_event_type"


class ConditionError(InvalidError):
    """A condition is none, or does not fit an event type; ``details`` have ``line``, ``column``, ``event``, ``nearest``."""

    code = "invalid_condition"


class TemplateError(InvalidError):
    """A payload has an expression that is none; ``details`` have its ``place``, ``expression`` and ``nearest``."""

    code = "invalid_template"


class UnknownIntegrationError(InvalidError):
    """An action names an integration that is not there, or not only one."""

    code = "unknown_integration"


class AutomationExistsError(ConflictError):
    """An automation of the same scope has the name."""

    code = "automation_exists"


class NotRunningError(ConflictError):
    """A replay that has ended cannot be canceled."""

    code = "not_running"


class UnknownSecretError(InvalidError):
    """A reference names a secret that the team does not have; ``details["missing"]`` are all of those names."""

    code = "unknown_secret"


class SecretExistsError(ConflictError):
    """The team has a secret of that name."""

    code = "secret_exists"


class SecretInUseError(ConflictError):
    """Something refers to the secret; ``details`` ``integrations`` and ``automations`` are the names of what does."""

    code = "secret_in_use"
