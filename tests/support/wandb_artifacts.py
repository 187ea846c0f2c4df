"""What the W&B client's core does to log an artifact, step by step, so that a test can leave out or repeat a step."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tests.support.api import Api
from tests.support.registry import V1, md5

CREATE = """
mutation CreateArtifact($input: CreateArtifactInput!) { createArtifact(input: $input) {
    artifact { id state artifactSequence { latestArtifact { id } } } } }
"""
MANIFEST = """
mutation CreateArtifactManifest($input: CreateArtifactManifestInput!, $includeUpload: Boolean!) {
    createArtifactManifest(input: $input) { artifactManifest { id file { id
        uploadUrl @include(if: $includeUpload) uploadHeaders @include(if: $includeUpload) } } } }
"""
UPDATE_MANIFEST = """
mutation UpdateArtifactManifest($input: UpdateArtifactManifestInput!) {
    updateArtifactManifest(input: $input) { artifactManifest { id file { id uploadUrl uploadHeaders } } } }
"""
FILES = """
mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) { createArtifactFiles(input: $input) {
    files { edges { node { storagePath uploadUrl uploadHeaders
        uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } } artifact { id } } } } } }
"""
COMPLETE = """
mutation CompleteMultipartUploadArtifact($input: CompleteMultipartUploadArtifactInput!) {
    completeMultipartUploadArtifact(input: $input) { digest } }
"""
COMMIT = "mutation CommitArtifact($id: ID!) { commitArtifact(input: {artifactID: $id}) { artifact { id digest } } }"
SHOW = """
query ArtifactByID($id: ID!) { artifact(id: $id) { id state versionIndex digest size fileCount description metadata
    ttlDurationSeconds ttlIsInherited tags { name } aliases { alias artifactCollection { __typename name } }
    currentManifest { file { directUrl } }
    artifactMemberships { edges { node { versionIndex artifactCollection { __typename name } } } } } }
"""


async def graphql(api: Api, query: str, key: str | None = None, /, **variables: Any) -> dict[str, Any]:
    """Return the answer to a GraphQL request, with its errors."""
    client = api.as_key(key) if key is not None else api.client
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def done(api: Api, query: str, key: str | None = None, /, **variables: Any) -> Any:
    """Return the one field of an answer that has no errors."""
    body = await graphql(api, query, key, **variables)
    assert "errors" not in body, body["errors"]
    return next(iter(body["data"].values()))


async def refusal(api: Api, query: str, key: str | None = None, /, **variables: Any) -> str:
    """Return the sentence of an answer that has an error."""
    body = await graphql(api, query, key, **variables)
    return body["errors"][0]["message"]


def entry(content: bytes) -> dict[str, Any]:
    return {"digest": md5(content), "size": len(content)}


def contents(files: Mapping[str, bytes]) -> dict[str, Any]:
    return {path: entry(content) for path, content in files.items()}


def manifest_bytes(named: Mapping[str, Any]) -> bytes:
    policy = {"version": 1, "storagePolicy": "wandb-storage-policy-v1", "storagePolicyConfig": {"storageLayout": "V2"}}
    return json.dumps({**policy, "contents": named}).encode()


def digest_of(named: Mapping[str, Any]) -> str:
    total = hashlib.md5(b"wandb-artifact-manifest-v1\n")
    for path in sorted(named):
        total.update(f"{path}:{named[path]['digest']}\n".encode())
    return total.hexdigest()


class Logging:
    """One artifact on its way in. ``named`` is what its manifest will name, ``id`` the server's once it is announced."""

    def __init__(self, api: Api, files: Mapping[str, bytes], name: str = "model", **more: Any) -> None:
        self.api = api
        self.files = files
        self.name = name
        self.named: dict[str, Any] = contents(files) | more
        self.id = ""
        self.state = ""

    async def create(self, **fields: Any) -> "Logging":
        given = {
            "entityName": "team",
            "projectName": "train",
            "artifactTypeName": "model",
            "artifactCollectionName": self.name,
            "digest": digest_of(self.named),
            "enableDigestDeduplication": True,
            **fields,
        }
        made = (await done(self.api, CREATE, input=given))["artifact"]
        self.id, self.state = made["id"], made["state"]
        return self

    async def manifest(self, content: bytes = b"", kind: str = "FULL", **fields: Any) -> dict[str, Any]:
        """Announce a manifest, without content only that there will be one."""
        given = {
            "artifactID": self.id,
            "name": "wandb_manifest.json",
            "digest": md5(content) if content else "",
            "entityName": "team",
            "projectName": "train",
            "runName": "r",
            "type": kind,
            **fields,
        }
        answer = await done(self.api, MANIFEST, input=given, includeUpload=bool(content))
        return answer["artifactManifest"]

    async def announce(self, files: Mapping[str, bytes] | None = None) -> list[dict[str, Any]]:
        files = self.files if files is None else files
        specs = [{"artifactID": self.id, "name": path, "md5": md5(content)} for path, content in files.items()]
        answer = await done(self.api, FILES, input={"artifactFiles": specs, "storageLayout": "V2"})
        return [edge["node"] for edge in answer["files"]["edges"]]

    async def upload(self, files: Mapping[str, bytes] | None = None) -> None:
        files = self.files if files is None else files
        nodes = await self.announce(files)
        for node, content in zip(nodes, files.values(), strict=True):
            if node["uploadUrl"] is not None:
                await put(self.api, node["uploadUrl"], content)

    async def upload_manifest(self) -> None:
        content = manifest_bytes(self.named)
        await put(self.api, (await self.manifest(content))["file"]["uploadUrl"], content)

    async def commit(self) -> dict[str, Any]:
        await done(self.api, COMMIT, id=self.id)
        return await done(self.api, SHOW, id=self.id)


async def log(api: Api, files: Mapping[str, bytes], name: str = "model", **fields: Any) -> dict[str, Any]:
    """Log an artifact as the client's core does and return it; its global id is ``id``."""
    one = await Logging(api, files, name).create(**fields)
    if one.state == "PENDING":
        await one.manifest()
        await one.upload()
        await one.upload_manifest()
        return await one.commit()
    return await done(api, SHOW, id=one.id)


async def put(api: Api, url: str, content: bytes, status: int = 200) -> Any:
    async with api.as_key(None) as client:
        answer = await client.put(url, content=content)
    assert answer.status_code == status, answer.text
    return answer


async def fetch(api: Api, url: str, status: int = 200) -> bytes:
    async with api.as_key(None) as client:
        answer = await client.get(url)
    assert answer.status_code == status, answer.text
    return answer.content


async def run(api: Api, name: str = "r") -> None:
    """Make the run team/train/name."""
    answer = await api.client.post(f"{V1}/projects/team/train/runs", json={"name": name})
    assert answer.status_code == 201, answer.text


def number(global_id: str) -> int:
    return int(base64.b64decode(global_id).decode().partition(":")[2])
