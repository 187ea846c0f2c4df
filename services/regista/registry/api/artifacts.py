"""Routes of uploads: a manifest in, signed URLs out, and the commit that makes a version of it."""

from typing import Annotated, Any, Self

from fastapi.responses import Response
from pydantic import BaseModel, Field, model_validator

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.kit.db import Transaction
from regista.kit.errors import TooLargeError
from regista.kit.web import Body, Part
from regista.registry import service
from regista.registry.api.blobs import upload_url
from regista.registry.api.routing import router
from regista.registry.api.shapes import VersionShape
from regista.registry.digest import read_md5, write_md5
from regista.registry.names import ArtifactType, CollectionName, ManifestPath, Metadata, Tag
from regista.registry.subjects import CollectionPath, Entry
from regista.registry.targets import ContentTarget
from regista.tracking.names import LongText, ProjectName

ClientId = Annotated[str, Field(min_length=1, max_length=128)]
Size = Annotated[int, Field(ge=0, lt=2**53)]
ArtifactId = Annotated[int, Field(ge=1, lt=2**63)]


class File(Part):
    """A file: its content with `md5` in hex or base64, or a `reference` elsewhere with whatever `digest` it has there."""

    path: ManifestPath
    size: Size
    md5: str | None = None
    reference: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    digest: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    extra: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.md5 is None) == (self.reference is None):
            raise ValueError("give md5 for content that you upload, or reference for content elsewhere")
        if self.md5 is not None:
            read_md5(self.md5)
        elif self.digest is None:
            raise ValueError("a reference needs the digest that its store gives it")
        return self

    def entry(self) -> Entry:
        """Return the file as the registry takes it."""
        if self.md5 is None:
            return Entry(self.path, self.digest or "", self.size, None, self.reference, self.extra)
        raw = read_md5(self.md5)
        return Entry(self.path, write_md5(raw), self.size, raw, None, self.extra)


class NewArtifactBody(Body):
    """A version to come. `digest`, if given, must be the manifest's; `client_id` makes a repeat the same artifact."""

    entity: str
    project: ProjectName
    collection: CollectionName
    type: ArtifactType
    manifest: Annotated[list[File], Field(max_length=100_000)]
    digest: str | None = None
    metadata: Metadata = Field(default_factory=dict)
    description: LongText | None = None
    ttl_seconds: Annotated[int, Field(ge=1, lt=2**53)] | None = None
    aliases: Annotated[list[str], Field(max_length=100)] = Field(default_factory=list[str])
    tags: Annotated[list[Tag], Field(max_length=100)] = Field(default_factory=list[str])
    run: str | None = None
    client_id: ClientId | None = None
    sequence_client_id: ClientId | None = None

    @model_validator(mode="after")
    def _a_tree(self) -> Self:
        paths = {file.path for file in self.manifest}
        if len(paths) != len(self.manifest):
            raise ValueError("two files of the manifest have the same path")
        for path in paths:
            parent = path.rpartition("/")[0]
            while parent:
                if parent in paths:
                    raise ValueError(f"{parent!r} cannot be both a file and the directory of {path!r}")
                parent = parent.rpartition("/")[0]
        return self


class Upload(BaseModel):
    """Where to PUT a file's bytes, without a key; null where the collection has them already."""

    path: str
    upload_url: str | None


class ArtifactShape(BaseModel):
    """An artifact: `pending` until it is committed, then with its `version`."""

    id: int
    state: str
    collection: str
    version: str | None
    uploads: list[Upload]


@router.create("/artifacts", action=Action.ARTIFACT_CREATE, response_model=ArtifactShape, status_code=201)
async def create_artifact(call: Call, body: NewArtifactBody) -> Response:
    """Announce a version. Content that is a version of the collection already is that version, at once."""
    limit = call.runtime.settings.artifact_max_bytes
    largest = max(body.manifest, key=lambda file: file.size if file.md5 else 0, default=None)
    if largest is not None and largest.md5 is not None and largest.size > limit:
        raise TooLargeError(f"{largest.path!r} has {largest.size} bytes; a file has at most {limit}")
    entries = [file.entry() for file in body.manifest]
    new = service.NewArtifact(
        path=CollectionPath(body.entity, body.project, body.collection),
        type=body.type,
        entries=entries,
        digest=body.digest,
        metadata=body.metadata,
        description=body.description,
        ttl_seconds=body.ttl_seconds,
        aliases=body.aliases,
        tags=dict.fromkeys(body.tags),
        run=body.run,
        client_id=body.client_id,
        sequence_client_id=body.sequence_client_id,
    )

    async def command(tx: Transaction) -> ArtifactShape:
        return _shape(call, await service.create_artifact(tx, call.actor, new), entries)

    return await call.mutate(command, status=201)


@router.read("/artifacts/{artifact}", action=Action.ARTIFACT_READ, response_model=ArtifactShape)
async def read_artifact(call: Call, artifact: ArtifactId) -> ArtifactShape:
    """Read an artifact; while it is pending, with new URLs for the files that are still missing."""
    found = await call.read(lambda tx: service.read_artifact(tx, call.actor, artifact))
    return _shape(call, found, found.missing)


@router.create("/artifacts/{artifact}/commit", action=Action.ARTIFACT_CREATE, response_model=VersionShape)
async def commit_artifact(call: Call, artifact: ArtifactId) -> Response:
    """Make an announced artifact a version, once all its files have arrived; again, it is the same version."""

    async def command(tx: Transaction) -> VersionShape:
        return VersionShape.of(await service.commit_artifact(tx, call.actor, artifact))

    return await call.mutate(command)


def _shape(call: Call, announced: service.Announced, entries: list[Entry]) -> ArtifactShape:
    missing = {entry.path for entry in announced.missing}
    return ArtifactShape(
        id=announced.artifact_id,
        state="pending" if announced.version is None else "committed",
        collection=announced.collection.path,
        version=announced.version.name if announced.version is not None else None,
        uploads=[
            Upload(path=entry.path, upload_url=_upload_url(call, announced, entry) if entry.path in missing else None)
            for entry in entries
        ],
    )


def _upload_url(call: Call, announced: service.Announced, entry: Entry) -> str:
    assert entry.md5 is not None  # noqa: S101 - references are never uploaded
    return upload_url(call, ContentTarget(entry.md5, entry.size, announced.artifact_id))
