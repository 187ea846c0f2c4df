"""``File`` of runs: announced for upload, listed, deleted. Content goes to and comes from signed URLs."""

import base64
import posixpath
from collections.abc import Mapping
from typing import Any

from ariadne import ObjectType

from regista.access.actions import Action
from regista.kit.db import Transaction
from regista.tracking import files, runs
from regista.tracking.api.files import file_url, upload_url
from regista.tracking.subjects import Run, RunFile
from regista.wandb import ids
from regista.wandb.exchange import Exchange, Info, exchange_of
from regista.wandb.nodes import File
from regista.wandb.paging import connection, page_size, read_position
from regista.wandb.roots import Root

KIND = "RunFile"

mutation = Root("Mutation")
run = ObjectType("Run")
file = ObjectType("File")


@mutation.names("createRunFiles", action=Action.RUN_WRITE)
async def _create(_root: None, info: Info, input: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's word
    exchange = exchange_of(info)
    found = await _writable(exchange, input)
    # The client takes the answer apart by place: as many files, in the same order.
    names = [files.check_file_name(name) for name in input["files"]]
    return {
        "run_id": ids.encode("Run", found.id),
        "upload_headers": [],
        "files": [{"name": name, "upload_url": upload_url(exchange.call, found.id, name)} for name in names],
    }


@mutation.names("markRunFilesUploaded", action=Action.RUN_WRITE)
async def _mark(_root: None, info: Info, input: Mapping[str, Any]) -> dict[str, bool]:  # noqa: A002 - the schema's word
    # A file is there once its content is: there is nothing to note.
    await _writable(exchange_of(info), input)
    return {"success": True}


@mutation.names("deleteFiles", action=Action.RUN_WRITE)
async def _delete(_root: None, info: Info, input: Mapping[str, Any]) -> dict[str, bool]:  # noqa: A002 - the schema's word
    exchange = exchange_of(info)
    numbers = [ids.decode(each, KIND) for each in input["files"]]
    await exchange.change(lambda tx: files.delete_files(tx, exchange.actor, numbers))
    return {"success": True}


@run.field("fileCount")
async def _count(found: Run, info: Info, pattern: str | None = None) -> int:
    return await exchange_of(info).read(lambda tx: files.count_files(tx, found.id, pattern))


@run.field("files")
async def _files(
    found: Run,
    info: Info,
    names: list[str | None] | None = None,
    after: str | None = None,
    first: int | None = None,
    pattern: str | None = None,
) -> dict[str, Any]:
    exchange = exchange_of(info)
    size, position = page_size(first), read_position(after)
    # The client names no files where it means all, and asks for `./name` what it saved as `name`.
    wanted = [posixpath.normpath(name) for name in names if name is not None] if names else None

    async def query(tx: Transaction) -> list[RunFile]:
        return await files.list_files(tx, found.id, names=wanted, pattern=pattern, after=position, limit=size + 1)

    return connection(
        await exchange.read(query),
        size,
        lambda kept: (kept.id,),
        lambda kept: _node(exchange, kept),
        total=lambda: exchange.read(lambda tx: files.count_files(tx, found.id, pattern)),
    )


@file.field("url")
def _url(found: File, _info: Info, **_asked: Any) -> str:
    return found.direct_url


async def _writable(exchange: Exchange, given: Mapping[str, Any]) -> Run:
    entity, project, name = given["entity_name"], given["project_name"], given["run_name"]

    async def query(tx: Transaction) -> Run:
        return (await runs.find_run(tx, exchange.actor, entity, project, name, Action.RUN_WRITE))[1]

    return await exchange.read(query)


def _node(exchange: Exchange, kept: RunFile) -> File:
    return File(
        id=ids.encode(KIND, kept.id),
        name=kept.name,
        size_bytes=kept.size,
        direct_url=file_url(exchange.call, kept),
        md5=base64.b64encode(kept.md5).decode(),
        digest=base64.b64encode(kept.md5).decode(),
        mimetype=files.media_type(kept.name),
        updated_at=kept.updated_at,
    )


BINDINGS = (mutation, run, file)
