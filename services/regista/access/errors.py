"""Access control's errors.

RegistaError
├── UnauthenticatedError   401
└── AccessDeniedError      403  the boundary commits an `access.denied` event for each
"""

from regista.kit.errors import RegistaError


class UnauthenticatedError(RegistaError):
    """No key, an unknown key, an expired or revoked one."""

    status = 401
    code = "unauthenticated"


class AccessDeniedError(RegistaError):
    """The caller sees the resource but lacks the role; ``details`` name action, resource and role needed."""

    status = 403
    code = "forbidden"
