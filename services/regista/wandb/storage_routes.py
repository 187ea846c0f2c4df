"""Routes of artifacts' bytes that the client takes beside GraphQL: manifests, and files by the MD5 of their content."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Path, Query, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError, NotFoundError
from regista.kit.runtime import Runtime
from regista.kit.web import ActionRouter
from regista.registry import service
from regista.registry.api.blobs import download_url
from regista.registry.digest import read_md5
from regista.registry.finding import missing_artifact
from regista.registry.subjects import CollectionPath, Entry
from regista.wandb import ids
from regista.wandb.manifest_format import write_entries, write_head, write_tail
from regista.wandb.manifest_links import MANIFESTS, check_manifest_url

router = ActionRouter(tags=["wandb"], include_in_schema=False)

_PAGE = 5000


@router.read(MANIFESTS + "/{organization}/{manifest}", action=None)
async def get_manifest(
    request: Request,
    organization: Annotated[int, Path(ge=1, lt=2**63)],
    manifest: str,
    expires: Annotated[int, Query(ge=0, lt=2**53)],
    signature: Annotated[str, Query(max_length=128)],
) -> Response:
    """Return the manifest of a version as the client reads it, page by page: it may name very many files."""
    runtime: Runtime = request.app.state.runtime
    artifact = check_manifest_url(runtime, organization, manifest, expires, signature)

    async def page(after: str) -> list[Entry]:
        async with runtime.database.transaction() as transaction:
            if not await service.is_committed(transaction, organization, artifact):
                raise missing_artifact(artifact)
            return await service.files_of(transaction, artifact, None, after, _PAGE)

    first = await page("")

    async def text() -> AsyncIterator[str]:
        yield write_head()
        entries, comma = first, ""
        while entries:
            yield comma + ",".join(write_entries(artifact, entries))
            comma = ","
            entries = await page(entries[-1].path) if len(entries) == _PAGE else []
        yield write_tail()

    return StreamingResponse(text(), media_type="application/json")


@router.read("/artifactsV2/{region}/{entity}/{birth}/{md5}", action=Action.ARTIFACT_DOWNLOAD)
async def get_file_of_birth(call: Call, entity: str, birth: str, md5: str) -> Response:
    """Redirect to the bytes of a file, by the artifact that brought them: what 0.21 asks of servers it takes for old."""
    return await _redirect(call, CollectionPath(entity, "", ""), [birth], md5)


@router.read("/artifactsV2/{region}/{entity}/{project}/{collection}/{rest:path}", action=Action.ARTIFACT_DOWNLOAD)
async def get_file(call: Call, entity: str, project: str, collection: str, rest: str) -> Response:
    """Redirect to the bytes of a file: ``[artifact]/birth/md5/name``, where the birth may be empty."""
    *numbers, md5, _name = rest.split("/")
    return await _redirect(call, CollectionPath(entity, project, collection), numbers, md5)


async def _redirect(call: Call, path: CollectionPath, numbers: list[str], hex_md5: str) -> Response:
    """Redirect to content that one of these artifacts has, or else any version of the collection."""
    try:
        md5 = read_md5(hex_md5)
    except ValueError as error:
        raise InvalidError(f"{hex_md5!r} is no MD5: {error}") from None
    artifacts: list[int | None] = [ids.decode(number, "Artifact") for number in numbers if number]
    client = call.context.client_version or call.context.user_agent

    async def command(tx: Transaction) -> Entry:
        refusal: NotFoundError | None = None
        for artifact in [*artifacts, *([None] if path.name else [])]:
            try:
                found = await service.file_with_content(tx, call.actor, path, artifact, md5)
            except NotFoundError as error:
                refusal = refusal or error
            else:
                collection, version, entry = found
                await service.record_download(tx, call.actor, collection, version, entry.path, client)
                return entry
        raise refusal or NotFoundError(f"there is no artifact to look for content with MD5 {hex_md5} in")

    return RedirectResponse(download_url(call, await call.change(command, status=307)), 307)
