"""The root of every error that a person may read, and the ones that no slice owns.

RegistaError
├── NotFoundError              404
├── ConflictError              409
│   └── InFlightError          409  a request with the same Idempotency-Key is being answered
├── InvalidError               422
├── TooLargeError              413
├── UnavailableError           503  a dependency is down; nothing was changed, or the outcome is unknown and said to be
└── ConfigurationError         500  raised at start, never in a request
"""

from typing import Any, ClassVar


class RegistaError(Exception):
    """An error with a sentence for people and a stable code for programs.

    ``message`` says what was wrong, with which value, and what to do. ``status`` is the HTTP status of the answer,
    ``code`` the ``code`` member of its problem document (RFC 9457); ``details`` become further members of it.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class NotFoundError(RegistaError):
    """The thing does not exist, or the caller may not know that it does."""

    status = 404
    code = "not_found"


class ConflictError(RegistaError):
    """The request is well formed but the state it expects is not the state there is."""

    status = 409
    code = "conflict"


class InFlightError(ConflictError):
    """Another request with the same Idempotency-Key has not been answered yet."""

    code = "idempotency_in_flight"


class InvalidError(RegistaError):
    """A value that cannot be accepted."""

    status = 422
    code = "invalid"


class TooLargeError(RegistaError):
    """More than the documented limit."""

    status = 413
    code = "too_large"


class UnavailableError(RegistaError):
    """A dependency does not answer; try again later."""

    status = 503
    code = "unavailable"


class ConfigurationError(RegistaError):
    """The settings do not fit together, or do not fit this machine."""

    code = "configuration"
