"""The errors of webhooks.

RegistaError
├── InvalidError
│   ├── HeaderRefusedError     422
│   └── UnsendableError        422  a payload that comes to nothing that could be sent
└── ConflictError
    ├── WebhookExistsError     409
    ├── WebhookInUseError      409  automations still send to it; ``details`` name them
    └── TooManyKeysError       409
"""

from regista.kit.errors import ConflictError, InvalidError


class HeaderRefusedError(InvalidError):
    """A header that may not be set, or whose value no HTTP client would send."""

    code = "header_refused"


class UnsendableError(InvalidError):
    """A payload is too large once it is filled in, or refers to what the webhook does not have."""

    code = "unsendable"


class WebhookExistsError(ConflictError):
    """The team has an integration of that name."""

    code = "webhook_exists"


class WebhookInUseError(ConflictError):
    """Automations use the webhook; ``details["automations"]`` are their names."""

    code = "webhook_in_use"


class TooManyKeysError(ConflictError):
    """So many old keys still sign that another would be one too many."""

    code = "too_many_keys"
