"""Projects and runs as their rows hold them, and as events show them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from regista.access.verdict import Resource, Visibility
from regista_events import ProjectSnapshot, RunSnapshot


@dataclass(frozen=True, slots=True)
class Project:
    """A project with the name of its entity."""

    id: int
    aggregate_id: int
    organization_id: int
    entity_id: int
    entity: str
    name: str
    title: str | None
    description: str | None
    visibility: str
    created_at: datetime
    updated_at: datetime

    @property
    def path(self) -> str:
        """What a person types."""
        return f"{self.entity}/{self.name}"

    def resource(self) -> Resource:
        """Return what access control asks about."""
        return Resource(
            self.path, self.organization_id, self.entity_id, Visibility(self.visibility), project_id=self.id
        )

    def snapshot(self) -> ProjectSnapshot:
        """Return the project as events show it."""
        return ProjectSnapshot.model_construct(
            id=self.id,
            entity=self.entity,
            name=self.name,
            title=self.title,
            description=self.description,
            entity_id=self.entity_id,
        )


@dataclass(frozen=True, slots=True)
class Run:
    """A run; ``config`` and ``summary`` are JSON objects as the client logged them."""

    id: int
    aggregate_id: int
    project_id: int
    name: str
    display_name: str
    state: str
    config: dict[str, Any]
    summary: dict[str, Any]
    tags: list[str]
    notes: str | None
    group: str | None
    job_type: str | None
    program: str | None
    host: str | None
    repository: str | None
    commit: str | None
    sweep: str | None
    exit_code: int | None
    account: str | None
    created_at: datetime
    updated_at: datetime
    heartbeat_at: datetime | None
    finished_at: datetime | None
    account_id: int | None = None
    stop_requested_at: datetime | None = None
    history_lines: int = 0
    """One more than the number of the last line of its history."""

    def snapshot(self, project: Project) -> RunSnapshot:
        """Return the run as events show it."""
        return RunSnapshot.model_construct(
            id=self.id,
            entity=project.entity,
            project=project.name,
            name=self.name,
            display_name=self.display_name,
            state=self.state,
            group=self.group,
            job_type=self.job_type,
            tags=self.tags,
            created_at=self.created_at,
            entity_id=project.entity_id,
            project_id=project.id,
        )

    def path(self, project: Project) -> str:
        """Return what a person types."""
        return f"{project.path}/runs/{self.name}"


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file of a run: ``name`` is its path in the run, the digests are raw, ``size`` is in bytes."""

    id: int
    run_id: int
    name: str
    sha256: bytes
    md5: bytes
    size: int
    created_at: datetime
    updated_at: datetime
