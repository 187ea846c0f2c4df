"""Runs over REST."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi.responses import Response
from pydantic import BaseModel, Field

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.kit.db import Transaction
from regista.kit.web import Body, Cursor, Limit, Page, page
from regista.kit.web.pages import decode
from regista.tracking import projects, repository, runs
from regista.tracking.api.routing import PROJECT, RUN, router
from regista.tracking.names import LongText, ProjectName, RunName, ShortText
from regista.tracking.subjects import Project, Run
from regista_events.subjects import RunState

RunTags = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=256)]


class NewRun(Body):
    """A run; `name`, its id in paths, and `display_name` are invented where they are left out."""

    name: RunName | None = None
    display_name: ShortText | None = None
    state: Literal["pending", "running"] = "running"
    config: dict[str, Any] = Field(default_factory=dict[str, Any])
    summary: dict[str, Any] = Field(default_factory=dict[str, Any])
    tags: RunTags = Field(default_factory=list[str])
    notes: LongText | None = None
    group: ShortText | None = None
    job_type: ShortText | None = None
    program: ShortText | None = None
    host: ShortText | None = None
    repository: ShortText | None = None
    commit: ShortText | None = None
    sweep: ShortText | None = None


class RunChange(Body):
    """What is to change of a run; `config` and `summary` are merged by their top-level keys."""

    display_name: ShortText = ""
    state: RunState = "running"
    exit_code: Annotated[int, Field(ge=-(2**31), lt=2**31)] | None = None
    config: dict[str, Any] = Field(default_factory=dict[str, Any])
    summary: dict[str, Any] = Field(default_factory=dict[str, Any])
    tags: RunTags = Field(default_factory=list[str])
    notes: LongText | None = None
    group: ShortText | None = None
    job_type: ShortText | None = None


class RunShape(BaseModel):
    """A run."""

    id: int
    entity: str
    project: str
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


def _run_shape(found: tuple[Project, Run]) -> RunShape:
    project, run = found
    fields = {name: getattr(run, name) for name in RunShape.model_fields if name not in {"entity", "project"}}
    return RunShape(entity=project.entity, project=project.name, **fields)


def _after(cursor: str | None) -> int:
    key = decode(cursor, int)
    return key[0] if key is not None else 0


@router.read(PROJECT + "/runs", action=Action.RUN_READ, response_model=Page[RunShape])
async def list_runs(call: Call, entity: str, project: str, limit: Limit = 50, cursor: Cursor = None) -> Page[RunShape]:
    """List the runs of a project, oldest first."""
    after = _after(cursor)

    async def query(tx: Transaction) -> list[tuple[Project, Run]]:
        found = await projects.find_project(tx, call.actor, entity, project, Action.RUN_READ)
        return [(found, run) for run in await repository.runs(tx, found.id, after, limit + 1)]

    return page(await call.read(query), limit, lambda found: (found[1].id,), _run_shape)


@router.create(PROJECT + "/runs", action=Action.RUN_WRITE, response_model=RunShape, status_code=201)
async def create_run(call: Call, entity: str, project: ProjectName, body: NewRun) -> Response:
    """Make a run, and its project if that is absent."""

    async def command(tx: Transaction) -> RunShape:
        return _run_shape(await runs.create_run(tx, call.actor, entity, project, body.model_dump()))

    return await call.mutate(command, status=201)


@router.read(RUN, action=Action.RUN_READ, response_model=RunShape)
async def read_run(call: Call, entity: str, project: str, run: str) -> RunShape:
    """Read a run."""
    return _run_shape(await call.read(lambda tx: runs.find_run(tx, call.actor, entity, project, run)))


@router.change(RUN, action=Action.RUN_WRITE, response_model=RunShape)
async def update_run(call: Call, entity: str, project: str, run: str, body: RunChange) -> Response:
    """Change a run; a change of `state` is an event."""

    async def command(tx: Transaction) -> RunShape:
        fields = body.model_dump(exclude_unset=True)
        return _run_shape(await runs.update_run(tx, call.actor, entity, project, run, fields))

    return await call.mutate(command)


@router.remove(RUN, action=Action.RUN_WRITE, status_code=204)
async def delete_run(call: Call, entity: str, project: str, run: str) -> Response:
    """Delete a run; the versions that it logged stay."""
    return await call.mutate(lambda tx: runs.delete_run(tx, call.actor, entity, project, run), status=204)
