"""Tracking's errors.

RegistaError
├── NotFoundError
└── ConflictError
    ├── ProjectExistsError    409
    ├── ProjectHeldError      409  a project still has collections
    ├── RunExistsError        409
    └── TransitionError       409  a run cannot come to a state from the one it is in
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


class TransitionError(ConflictError):
    """The run cannot be set to that state from the one it is in."""

    code = "run_state"
