"""Tracking's errors.

RegistaError
├── NotFoundError
└── ConflictError
    ├── ProjectExistsError    409
    ├── ProjectHeldError      409  a project still has collections
    └── RunExistsError        409
"""

from regista.kit.errors import ConflictError


class ProjectExistsError(ConflictError):
    """The entity has a project of the name already."""

    code = "project_exists"


class ProjectHeldError(ConflictError):
    """A project cannot be deleted while something is kept in it."""

    code = "project_held"


class RunExistsError(ConflictError):
    """The project has a run of the id already."""

    code = "run_exists"
