"""Files of runs over REST, and the route that takes their content by signed URLs."""

import base64
from datetime import datetime
from typing import Annotated

from fastapi import Path, Query, Request
from pydantic import BaseModel

from regista.access.actions import Action
from regista.access.boundary import Call, Caller
from regista.kit import clock
from regista.kit.blobs import Grant, LinkRefusedError, transfer
from regista.kit.db import Transaction
from regista.kit.runtime import Runtime
from regista.kit.web import Cursor, Limit, Page, page
from regista.kit.web.pages import decode
from regista.tracking import files, runs
from regista.tracking.api.routing import RUN, router
from regista.tracking.subjects import RunFile

RUN_FILES = "/api/v1/run-files"
"""Where content of runs' files is put; signed URLs of uploads begin here."""


class RunFileShape(BaseModel):
    """A file of a run: `md5` in base64, `size` in bytes, `url` to GET its content from, good for an hour."""

    id: int
    name: str
    size: int
    md5: str
    mimetype: str | None
    updated_at: datetime
    url: str


class KeptFile(BaseModel):
    """A file that arrived: `md5` in base64, `size` in bytes."""

    name: str
    md5: str
    size: int


def upload_url(call: Caller, run: int, name: str) -> str:
    """Return a URL to PUT the content of a run's file to; whoever holds it may."""
    grant = Grant("PUT", call.actor.organization_id, f"run-{run}", name, transfer.expiry())
    return transfer.signer(call.runtime.vault).url(call.base_url + RUN_FILES, grant)


def file_url(call: Caller, file: RunFile) -> str:
    """Return a URL to GET the content of a run's file from."""
    return transfer.download_url(call.runtime, call.base_url, call.actor.organization_id, file.sha256, file.name)


@router.read(RUN + "/files", action=Action.RUN_READ, response_model=Page[RunFileShape])
async def list_run_files(
    call: Call, entity: str, project: str, run: str, limit: Limit = 50, cursor: Cursor = None
) -> Page[RunFileShape]:
    """List the files of a run, oldest first."""
    position = decode(cursor, int)

    async def query(tx: Transaction) -> list[RunFile]:
        _, found = await runs.find_run(tx, call.actor, entity, project, run)
        return await files.list_files(tx, found.id, after=position[0] if position else 0, limit=limit + 1)

    def shape(file: RunFile) -> RunFileShape:
        return RunFileShape(
            id=file.id,
            name=file.name,
            size=file.size,
            md5=base64.b64encode(file.md5).decode(),
            mimetype=files.media_type(file.name),
            updated_at=file.updated_at,
            url=file_url(call, file),
        )

    return page(await call.read(query), limit, lambda file: (file.id,), shape)


@router.replace("/run-files/{organization}/{run}", action=None, response_model=KeptFile)
async def put_run_file(
    request: Request,
    organization: Annotated[int, Path(ge=1, lt=2**63)],
    run: str,
    expires: Annotated[int, Query(ge=0, lt=2**53)],
    signature: Annotated[str, Query(max_length=128)],
    filename: Annotated[str, Query(min_length=1, max_length=files.MAX_NAME)],
) -> KeptFile:
    """Take the content of a run's file, in place of the one of its name. Again is the same."""
    runtime: Runtime = request.app.state.runtime
    grant = Grant("PUT", organization, run, filename, expires)
    transfer.signer(runtime.vault).check(grant, signature, clock.now().timestamp())
    kind, _, number = run.partition("-")
    if kind != "run" or not number.isdecimal():
        raise LinkRefusedError("this URL is not for a file of a run")
    limit = runtime.settings.artifact_max_bytes
    content = await transfer.store(runtime).write(
        organization, transfer.body(request), md5=None, size=None, limit=limit
    )

    async def keep(tx: Transaction) -> RunFile:
        return await files.keep_file(tx, organization, int(number), filename, content)

    kept = await runtime.database.run(keep)
    return KeptFile(name=kept.name, md5=base64.b64encode(kept.md5).decode(), size=kept.size)
