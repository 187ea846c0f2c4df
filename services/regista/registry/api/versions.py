"""Routes of versions: read, link, change, delete or unlink, files, use, lineage."""

from typing import Annotated

from fastapi import Query
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.kit.db import Transaction
from regista.kit.web import Body, Cursor, Limit, Page, page
from regista.kit.web.pages import decode
from regista.registry import service
from regista.registry.api.blobs import download_url
from regista.registry.api.routing import router
from regista.registry.api.shapes import COLLECTION, VERSION, FileShape, VersionShape
from regista.registry.names import CollectionName, Metadata
from regista.registry.subjects import CollectionPath, Entry
from regista.tracking.names import LongText, ProjectName

_TOP = 2**63 - 1


class NewLink(Body):
    """A version to link: `source` is `entity/project/name:v0`, or with an alias, which is resolved now."""

    source: Annotated[str, Field(max_length=600)]
    aliases: Annotated[list[str], Field(max_length=100)] = Field(default_factory=list[str])


class LinkShape(VersionShape):
    """The version in the portfolio; `created` is false where it was linked before."""

    created: bool


class VersionChange(Body):
    """What is to change of a version; what is left out stays. `metadata` is replaced as a whole."""

    description: LongText | None = None
    metadata: Metadata = Field(default_factory=dict)
    ttl_seconds: Annotated[int, Field(ge=1, lt=2**53)] | None = None


class NewUse(Body):
    """Who takes the version as its input: `run` is `entity/project/runs/name`, left out for no run."""

    run: Annotated[str, Field(max_length=600)] | None = None


class FileUrl(BaseModel):
    """Where a file's bytes are: a signed URL that needs no key, or the reference that was logged."""

    url: str
    size: int
    digest: str


class LineageShape(BaseModel):
    """Paths around a version: runs that logged and used it, what those used and made, where it is linked.

    At most 1000 of each, without those that the caller may not see.
    """

    logged_by: list[str]
    used_by: list[str]
    inputs: list[str]
    outputs: list[str]
    linked_as: list[str]


@router.read(COLLECTION + "/versions", action=Action.ARTIFACT_READ, response_model=Page[VersionShape])
async def list_versions(
    call: Call, entity: str, project: str, name: str, limit: Limit = 50, cursor: Cursor = None
) -> Page[VersionShape]:
    """List the versions of a collection, newest first."""
    path = CollectionPath(entity, project, name)
    key = decode(cursor, int)
    before: int = key[0] if key is not None else _TOP
    collection, rows = await call.read(lambda tx: service.list_versions(tx, call.actor, path, before, limit + 1))
    return page(rows, limit, lambda version: (version.index,), lambda version: VersionShape.of((collection, version)))


@router.create(COLLECTION + "/versions", action=Action.ARTIFACT_LINK, response_model=LinkShape, status_code=201)
async def link(call: Call, entity: str, project: ProjectName, name: CollectionName, body: NewLink) -> Response:
    """Link a version into a portfolio, made now if it is absent. Linked before, only its aliases move."""
    path = CollectionPath(entity, project, name)

    async def command(tx: Transaction) -> LinkShape:
        linked = await service.link(tx, call.actor, body.source, path, body.aliases)
        shape = VersionShape.of((linked.collection, linked.version))
        return LinkShape(**shape.model_dump(), created=linked.created)

    return await call.mutate(command, status=201)


@router.read(VERSION, action=Action.ARTIFACT_READ, response_model=VersionShape)
async def read_version(call: Call, entity: str, project: str, name: str, version: str) -> VersionShape:
    """Read a version, by `vN` or alias."""
    path = CollectionPath(entity, project, name)
    return VersionShape.of(await call.read(lambda tx: service.resolve_version(tx, call.actor, path, version)))


@router.change(VERSION, action=Action.ARTIFACT_UPDATE, response_model=VersionShape)
async def update_version(
    call: Call, entity: str, project: str, name: str, version: str, body: VersionChange
) -> Response:
    """Change description, metadata or time to live of a version, wherever it is a member."""
    path = CollectionPath(entity, project, name)
    fields = body.model_dump(exclude_unset=True)

    async def command(tx: Transaction) -> VersionShape:
        return VersionShape.of(await service.update_version(tx, call.actor, path, version, fields))

    return await call.mutate(command)


@router.remove(VERSION, action=Action.ARTIFACT_DELETE, status_code=204)
async def delete_version(
    call: Call,
    entity: str,
    project: str,
    name: str,
    version: str,
    delete_aliases: Annotated[bool, Query(description="delete although aliases exist")] = False,  # noqa: FBT002 - a query
) -> Response:
    """Delete a version of a sequence, everywhere. In a portfolio, unlink it: the version itself stays."""
    path = CollectionPath(entity, project, name)
    return await call.mutate(
        lambda tx: service.delete_version(tx, call.actor, path, version, delete_aliases=delete_aliases), status=204
    )


@router.read(VERSION + "/files", action=Action.ARTIFACT_READ, response_model=Page[FileShape])
async def list_files(
    call: Call, entity: str, project: str, name: str, version: str, limit: Limit = 50, cursor: Cursor = None
) -> Page[FileShape]:
    """List the files of a version, in the byte order of their paths."""
    path = CollectionPath(entity, project, name)
    key = decode(cursor, str)
    after: str = key[0] if key is not None else ""
    rows = await call.read(lambda tx: service.list_files(tx, call.actor, path, version, after, limit + 1))
    return page(rows, limit, lambda entry: (entry.path,), FileShape.of)


@router.read(VERSION + "/files/{file:path}", action=Action.ARTIFACT_DOWNLOAD, response_model=FileUrl)
async def download_file(
    call: Call,
    entity: str,
    project: str,
    name: str,
    version: str,
    file: str,
    redirect: Annotated[bool, Query(description="answer 307 instead of JSON")] = False,  # noqa: FBT002 - a query
) -> Response:
    """Return a signed URL of a file, good for an hour; handing it out is recorded as a download."""
    path = CollectionPath(entity, project, name)
    client = call.context.client_version or call.context.user_agent

    async def command(tx: Transaction) -> FileUrl:
        entry = await service.download_file(tx, call.actor, path, version, file, client)
        return FileUrl(url=_url(call, entry), size=entry.size, digest=entry.digest)

    answer = await call.change(command, status=307 if redirect else 200)
    if redirect:
        return RedirectResponse(answer.url, 307)
    return Response(answer.model_dump_json(), media_type="application/json")


@router.create(VERSION + "/use", action=Action.ARTIFACT_DOWNLOAD, response_model=VersionShape)
async def use_version(call: Call, entity: str, project: str, name: str, version: str, body: NewUse) -> Response:
    """Record that a run takes the version as its input."""
    path = CollectionPath(entity, project, name)
    client = call.context.client_version or call.context.user_agent

    async def command(tx: Transaction) -> VersionShape:
        return VersionShape.of(await service.use_version(tx, call.actor, path, version, body.run, client))

    return await call.mutate(command)


@router.read(VERSION + "/lineage", action=Action.ARTIFACT_READ, response_model=LineageShape)
async def read_lineage(call: Call, entity: str, project: str, name: str, version: str) -> LineageShape:
    """Read what surrounds a version."""
    path = CollectionPath(entity, project, name)
    found = await call.read(lambda tx: service.version_lineage(tx, call.actor, path, version))
    return LineageShape(**found)


def _url(call: Call, entry: Entry) -> str:
    return entry.reference if entry.reference is not None else download_url(call, entry)
