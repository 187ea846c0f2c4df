"""Projects over REST."""

from datetime import datetime
from typing import Literal

from fastapi.responses import Response
from pydantic import BaseModel

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.kit.db import Transaction
from regista.kit.web import Body, Cursor, Limit, Page, page
from regista.kit.web.pages import decode
from regista.tracking import projects
from regista.tracking.api.routing import PROJECT, router
from regista.tracking.names import LongText, ProjectName, ShortText
from regista.tracking.subjects import Project

# `private` waits for named members: without them it would lock everybody out.
Visible = Literal["entity", "organization"]


class NewProject(Body):
    """A project; `title` is what it is called where its name cannot say that."""

    name: ProjectName
    title: ShortText | None = None
    description: LongText | None = None
    visibility: Visible = "entity"


class ProjectChange(Body):
    """What is to change of a project; what is left out stays."""

    name: ProjectName = ""
    title: ShortText | None = None
    description: LongText | None = None
    visibility: Visible = "entity"


class ProjectShape(BaseModel):
    """A project."""

    id: int
    entity: str
    name: str
    title: str | None
    description: str | None
    visibility: str
    created_at: datetime
    updated_at: datetime


def _project_shape(project: Project) -> ProjectShape:
    return ProjectShape.model_validate(project, from_attributes=True)


def _after(cursor: str | None) -> int:
    key = decode(cursor, int)
    return key[0] if key is not None else 0


@router.read("/projects/{entity}", action=Action.PROJECT_READ, response_model=Page[ProjectShape])
async def list_projects(call: Call, entity: str, limit: Limit = 50, cursor: Cursor = None) -> Page[ProjectShape]:
    """List the projects of an entity, oldest first."""
    after = _after(cursor)
    rows = await call.read(lambda tx: projects.list_projects(tx, call.actor, entity, after, limit + 1))
    return page(rows, limit, lambda project: (project.id,), _project_shape)


@router.create("/projects/{entity}", action=Action.PROJECT_WRITE, response_model=ProjectShape, status_code=201)
async def create_project(call: Call, entity: str, body: NewProject) -> Response:
    """Make a project."""

    async def command(tx: Transaction) -> ProjectShape:
        fields = body.model_dump(exclude={"name"})
        return _project_shape(await projects.create_project(tx, call.actor, entity, body.name, fields))

    return await call.mutate(command, status=201)


@router.read(PROJECT, action=Action.PROJECT_READ, response_model=ProjectShape)
async def read_project(call: Call, entity: str, project: str) -> ProjectShape:
    """Read a project."""
    return _project_shape(
        await call.read(lambda tx: projects.find_project(tx, call.actor, entity, project, Action.PROJECT_READ))
    )


@router.change(PROJECT, action=Action.PROJECT_WRITE, response_model=ProjectShape)
async def update_project(call: Call, entity: str, project: str, body: ProjectChange) -> Response:
    """Change a project; renaming it changes the path of everything in it."""

    async def command(tx: Transaction) -> ProjectShape:
        fields = body.model_dump(exclude_unset=True)
        return _project_shape(await projects.update_project(tx, call.actor, entity, project, fields))

    return await call.mutate(command)


@router.remove(PROJECT, action=Action.PROJECT_WRITE, status_code=204)
async def delete_project(call: Call, entity: str, project: str) -> Response:
    """Delete a project and its runs; refused while it holds collections."""
    return await call.mutate(lambda tx: projects.delete_project(tx, call.actor, entity, project), status=204)
