"""Files of artifacts: where their bytes are to be had, and where they are to be sent."""

import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ariadne import ObjectType

from regista.access.actions import Action
from regista.access.verdict import authorize
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError
from regista.registry import service
from regista.registry.api.blobs import download_url, upload_url
from regista.registry.api.parts import complete_upload
from regista.registry.digest import read_md5, write_md5
from regista.registry.names import ManifestPath
from regista.registry.subjects import Artifact, Collection, Entry, Version
from regista.registry.targets import ContentTarget, PartTarget, upload_id
from regista.wandb import ids
from regista.wandb.checks import checked
from regista.wandb.exchange import Exchange, Info, exchange_of
from regista.wandb.nodes import File, Membership
from regista.wandb.paging import connection, page_size, read_cursor
from regista.wandb.roots import Root

mutation = Root("Mutation")
artifact_type = ObjectType("Artifact")
membership_type = ObjectType("ArtifactCollectionMembership")
file_type = ObjectType("File")
file_type.set_alias("md5", "md5")


@dataclass(frozen=True, slots=True)
class _Birth:
    """The ``Artifact`` that content was brought for, of which nothing but the id is known here."""

    id: int


_MD5, _HEX_MD5 = "md_5", "hex_m_d_5"
"""``md5`` and ``hexMD5`` as the names of input fields come out in Python's case."""
_MOST_PARTS = 10_000
"""Parts of an upload, as object stores have it."""


@membership_type.field("files")
async def _files_of_member(
    membership: Membership,
    info: Info,
    names: list[str] | None = None,
    first: int | None = None,
    after: str | None = None,
) -> dict[str, Any]:
    return await _page(exchange_of(info), membership.collection, membership.version, names, first, after)


@artifact_type.field("files")
async def _files(
    artifact: Artifact, info: Info, names: list[str] | None = None, first: int | None = None, after: str | None = None
) -> dict[str, Any]:
    exchange = exchange_of(info)
    if artifact.version is None:
        return connection([], 0, lambda _row: ())
    collection, version = await exchange.read(
        lambda tx: service.member_to(tx, exchange.actor, artifact.id, Action.ARTIFACT_DOWNLOAD)
    )
    return await _page(exchange, collection, version, names, first, after)


@artifact_type.field("filesByManifestEntries")
async def _files_by_entries(
    artifact: Artifact, info: Info, entries: list[dict[str, Any]] | None = None, **_layout: Any
) -> dict[str, Any]:
    names = [entry["name"] for entry in entries or ()]
    return await _files(artifact, info, names, len(names), None)


async def _page(
    exchange: Exchange,
    collection: Collection,
    version: Version,
    names: Sequence[str] | None,
    first: int | None,
    after: str | None,
) -> dict[str, Any]:
    """Return a page of files with their URLs; handing out the first page is recorded as a download."""
    size = page_size(first)
    key = read_cursor(after)
    behind = str(key[0]) if key else ""

    async def load(tx: Transaction) -> list[Entry]:
        authorize(exchange.actor, Action.ARTIFACT_DOWNLOAD, collection.resource())
        return await service.files_of(tx, version.artifact_id, names, behind, size + 1)

    found = await exchange.read(load)
    if found and not behind:
        client = exchange.call.context.client_version or exchange.call.context.user_agent
        path = found[0].path if names is not None and len(found) == 1 else None
        await exchange.change(lambda tx: service.record_download(tx, exchange.actor, collection, version, path, client))

    async def count() -> int:
        if names is None:
            return version.file_count
        chosen = list(names)
        return len(await exchange.read(lambda tx: service.files_of(tx, version.artifact_id, chosen, "", len(chosen))))

    return connection(
        found, size, lambda entry: (entry.path,), lambda entry: _file(exchange, version, entry), total=count
    )


def _file(exchange: Exchange, version: Version, entry: Entry) -> File:
    return File(
        id=ids.encode("File", f"{version.artifact_id}:{entry.path}"),
        name=entry.path,
        size_bytes=entry.size,
        direct_url=entry.reference if entry.reference is not None else download_url(exchange.call, entry),
        md5=entry.digest if entry.md5 is not None else None,
        digest=entry.digest,
        mimetype=mimetypes.guess_type(entry.path)[0],
        updated_at=version.created_at,
    )


@mutation.names("createArtifactFiles", action=Action.ARTIFACT_CREATE)
async def _create_files(_root: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - GraphQL's
    exchange = exchange_of(info)
    specs: list[dict[str, Any]] = input["artifact_files"]
    wanted = [(ids.decode(spec["artifact_id"], "Artifact"), _md5(spec)) for spec in specs]
    held: dict[int, tuple[Collection, Mapping[bytes, int]]] = {}
    for artifact in {number for number, _ in wanted}:
        md5s = [md5 for number, md5 in wanted if number == artifact]
        held[artifact] = await exchange.read(
            lambda tx, artifact=artifact, md5s=md5s: service.held_content(tx, exchange.actor, artifact, md5s)
        )
    edges = [
        {"node": _awaited(exchange, spec, artifact, md5, *held[artifact]), "cursor": str(place)}
        for place, (spec, (artifact, md5)) in enumerate(zip(specs, wanted, strict=True))
    ]
    page_info = {"end_cursor": None, "has_next_page": False}
    return {"files": {"edges": edges, "page_info": page_info, "total_count": len(edges)}}


def _md5(spec: Mapping[str, Any]) -> bytes:
    name = checked(ManifestPath, spec["name"], "file")
    try:
        return read_md5(spec[_MD5])
    except ValueError as error:
        raise InvalidError(f"file {name!r} is announced with md5 {spec[_MD5]!r}: {error}", field="md5") from None


def _awaited(
    exchange: Exchange,
    spec: Mapping[str, Any],
    artifact: int,
    md5: bytes,
    collection: Collection,
    held: Mapping[bytes, int],
) -> File:
    """Return a file with the URLs to send it to, without them where the collection holds its content."""
    birth = held.get(md5, artifact)
    common: dict[str, Any] = {
        "id": ids.encode("File", f"{artifact}:{spec['name']}"),
        "name": spec["name"],
        "size_bytes": 0,
        "direct_url": "",
        "md5": write_md5(md5),
        "digest": write_md5(md5),
        "storage_path": md5.hex(),
        "artifact": _Birth(birth),
    }
    if md5 in held:
        return File(**common)
    headers = [f"Content-MD5:{write_md5(md5)}", f"Content-Type:{spec.get('mimetype') or 'application/octet-stream'}"]
    parts = [read_md5(part) for part in _parts(spec.get("upload_parts_input"))]
    upload = upload_id(collection.id, md5, parts)
    in_parts = {
        "upload_id": upload,
        "upload_url_parts": [
            {"part_number": number, "upload_url": upload_url(exchange.call, PartTarget(upload, number, part))}
            for number, part in enumerate(parts, 1)
        ],
    }
    return File(
        **common,
        upload_url=upload_url(exchange.call, ContentTarget(md5, None, artifact)),
        upload_headers=tuple(headers),
        upload_multipart_urls=in_parts if parts else None,
    )


@mutation.names("completeMultipartUploadArtifact", action=Action.ARTIFACT_CREATE)
async def _complete(_root: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - GraphQL's
    exchange = exchange_of(info)
    try:
        md5 = read_md5(input["storage_path"])
        parts = [read_md5(part) for part in _parts(input["completed_parts"])]
    except ValueError as error:
        raise InvalidError(f"storagePath and the parts are not what this server gave out: {error}") from None
    artifact = ids.decode(input["artifact_id"], "Artifact")
    await complete_upload(exchange.call, artifact, md5, parts, input["upload_id"])
    return {"digest": write_md5(md5)}


def _parts(given: Sequence[Mapping[str, Any]] | None) -> list[str]:
    """Return the MD5s of parts in hex, in the order of their numbers. Raises `InvalidError`."""
    ordered = sorted(given or (), key=lambda part: part["part_number"])
    if [part["part_number"] for part in ordered] != list(range(1, len(ordered) + 1)) or len(ordered) > _MOST_PARTS:
        raise InvalidError(f"parts are numbered from 1 without a gap, {_MOST_PARTS} at most", field="partNumber")
    # An ETag is quoted; what a client sends is what the server answered to the part.
    return [part[_HEX_MD5].strip('"') for part in ordered]


BINDINGS: tuple[Any, ...] = (mutation, artifact_type, membership_type, file_type)
