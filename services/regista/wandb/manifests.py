"""Manifests: announced, uploaded as files, read by the commit; and handed out again with every version."""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Any

from ariadne import ObjectType

from regista.access.actions import Action
from regista.access.boundary import Caller
from regista.kit.blobs import BlobMissingError, transfer
from regista.kit.errors import InvalidError
from regista.registry import service
from regista.registry.api.blobs import upload_url
from regista.registry.digest import read_md5, write_md5
from regista.registry.errors import ManifestChangedError
from regista.registry.names import ManifestPath
from regista.registry.repository.manifests import ManifestRow
from regista.registry.service import Member, Uploaded
from regista.registry.subjects import Artifact
from regista.registry.targets import ManifestTarget, manifest_name
from regista.wandb import ids
from regista.wandb.artifacts import load_artifact
from regista.wandb.checks import checked
from regista.wandb.exchange import Exchange, Info, exchange_of
from regista.wandb.manifest_format import read_manifest
from regista.wandb.manifest_links import manifest_url
from regista.wandb.nodes import File
from regista.wandb.roots import Root

mutation = Root("Mutation")
artifact_type = ObjectType("Artifact")

_ATTEMPTS = 4
_THREAD_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """``ArtifactManifest``."""

    id: str
    type: str
    file: File


@artifact_type.field("currentManifest")
def _current(artifact: Artifact, info: Info) -> Manifest | None:
    if artifact.version is None:
        return None
    exchange = exchange_of(info)
    file = File(
        id=ids.encode("File", f"{artifact.id}:manifest"),
        name="wandb_manifest.json",
        size_bytes=0,
        direct_url=manifest_url(exchange.call, artifact.id),
        digest=artifact.digest,
        updated_at=artifact.created_at,
    )
    return Manifest(ids.encode("ArtifactManifest", f"{artifact.id}:current"), "FULL", file)


@mutation.names("createArtifactManifest", action=Action.ARTIFACT_CREATE)
async def _create(_root: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - GraphQL's
    exchange = exchange_of(info)
    artifact = ids.decode(input["artifact_id"], "Artifact")
    name: str = checked(ManifestPath, input["name"], "manifest")
    kind: Any = (input.get("type") or "FULL").lower()
    md5, base = _md5(input.get("digest")), _base(input)
    row = await exchange.change(
        lambda tx: service.announce_manifest(tx, exchange.actor, artifact, kind, name, md5, base)
    )
    return {"artifact_manifest": _node(exchange, row)}


@mutation.names("updateArtifactManifest", action=Action.ARTIFACT_CREATE)
async def _update(_root: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - GraphQL's
    exchange = exchange_of(info)
    number = ids.decode(input["artifact_manifest_id"], "ArtifactManifest")
    md5, base = _md5(input.get("digest")), _base(input)
    row = await exchange.change(lambda tx: service.change_manifest(tx, exchange.actor, number, md5, base))
    return {"artifact_manifest": _node(exchange, row)}


@mutation.names("commitArtifact", action=Action.ARTIFACT_CREATE)
async def _commit(_root: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - GraphQL's
    exchange = exchange_of(info)
    number = ids.decode(input["artifact_id"], "Artifact")
    await commit(exchange, number)
    return {"artifact": await load_artifact(exchange, number)}


async def commit(exchange: Exchange, artifact: int) -> Member:
    """Commit an artifact with its uploaded manifests, which are read outside of the transaction.

    Again, a few times, when one is announced in between. Raises what `commit_artifact` raises.
    """
    attempt = 1
    while True:
        uploaded = await _uploaded(exchange.call, artifact)
        try:
            member = await exchange.change(
                lambda tx: service.commit_artifact(tx, exchange.actor, artifact, uploaded)  # noqa: B023 - awaited here
            )
        except ManifestChangedError:
            attempt += 1
            if attempt > _ATTEMPTS:
                raise
        else:
            names = [manifest_name(each.id) for each in uploaded]
            await transfer.store(exchange.call.runtime).unstage(exchange.actor.organization_id, names)
            return member


async def _uploaded(call: Caller, artifact: int) -> list[Uploaded]:
    rows = await call.read(lambda tx: service.uploaded_manifests(tx, call.actor, artifact))
    store = transfer.store(call.runtime)
    found: list[Uploaded] = []
    for row in rows:
        assert row.md5 is not None  # noqa: S101 - those without are not returned
        chunks = store.read_staged(call.actor.organization_id, [manifest_name(row.id)])
        try:
            content = b"".join([chunk async for chunk in chunks])
        except BlobMissingError:
            content = b""
        if hashlib.md5(content, usedforsecurity=False).digest() != row.md5:
            raise ManifestChangedError(f"manifest {row.name!r} of artifact {artifact} was uploaded anew; commit again")
        large = len(content) > _THREAD_BYTES
        entries = await asyncio.to_thread(read_manifest, content) if large else read_manifest(content)
        found.append(Uploaded(row.id, row.md5, entries))
    return found


def _node(exchange: Exchange, row: ManifestRow) -> Manifest:
    url, headers = None, ()
    if row.md5 is not None:
        url = upload_url(exchange.call, ManifestTarget(row.id, row.md5))
        headers = (f"Content-MD5:{write_md5(row.md5)}", "Content-Type:application/json")
    file = File(
        id=ids.encode("File", f"{row.artifact_id}:manifest-{row.id}"),
        name=row.name,
        size_bytes=0,
        direct_url="",
        md5=write_md5(row.md5) if row.md5 is not None else None,
        upload_url=url,
        upload_headers=headers,
    )
    return Manifest(ids.encode("ArtifactManifest", row.id), row.kind.upper(), file)


def _md5(digest: str | None) -> bytes | None:
    if not digest:
        return None
    try:
        return read_md5(digest)
    except ValueError as error:
        raise InvalidError(f"digest {digest!r} of the manifest: {error}", field="digest") from None


def _base(given: dict[str, Any]) -> int | None:
    base = given.get("base_artifact_id")
    return ids.decode(base, "Artifact") if base else None


BINDINGS: tuple[Any, ...] = (mutation, artifact_type)
