"""Projects of an entity."""

from typing import Literal

from regista_events.envelope import Event, Payload
from regista_events.subjects import ProjectSnapshot
from regista_events.transition import Changes


class ProjectCreatedData(Payload, frozen=True):
    """The project as it was made."""

    project: ProjectSnapshot


class ProjectCreated(Event[ProjectCreatedData], frozen=True):
    """A project was made, by a command or by the first run in it."""

    type: Literal["dev.regista.project.created"] = "dev.regista.project.created"


class ProjectUpdatedData(Payload, frozen=True):
    """`project` after the change; `changes` by field."""

    project: ProjectSnapshot
    changes: Changes


class ProjectUpdated(Event[ProjectUpdatedData], frozen=True):
    """A project's name, title, description or tags changed."""

    type: Literal["dev.regista.project.updated"] = "dev.regista.project.updated"


class ProjectDeletedData(Payload, frozen=True):
    """The project as it was."""

    project: ProjectSnapshot


class ProjectDeleted(Event[ProjectDeletedData], frozen=True):
    """A project was deleted with its runs and collections."""

    type: Literal["dev.regista.project.deleted"] = "dev.regista.project.deleted"
