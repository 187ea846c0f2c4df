"""Delivery's errors.

RegistaError
├── NotFoundError
│   ├── NoSuchLaneError        404
│   └── NoSuchDeliveryError    404
└── ConflictError
    └── NotPendingError        409  what has been sent or given up cannot be canceled
"""

from regista.kit.errors import ConflictError, NotFoundError


class NoSuchLaneError(NotFoundError):
    """There is no lane of that id, or it was removed."""


class NoSuchDeliveryError(NotFoundError):
    """There is no delivery of that id, or the caller may not know that there is."""


class NotPendingError(ConflictError):
    """The delivery has ended, so it cannot be canceled."""

    code = "not_pending"
