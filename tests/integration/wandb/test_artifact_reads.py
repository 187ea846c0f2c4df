"""How the client finds versions and gets at their files."""

import base64
import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.support import wandb_artifacts as wb
from tests.support.access import FOREIGN_KEY, other_organization
from tests.support.api import Api
from tests.support.registry import V1, happened, link, md5
from tests.support.wandb_artifacts import Logging, done, refusal

MEMBER = """
query ArtifactMembershipByName($entity: String!, $project: String!, $name: String!) {
    project(name: $project, entityName: $entity) { artifactCollectionMembership(name: $name) {
        versionIndex artifactCollection { name project { name entity { name } } } artifact { id } } } }
"""
BY_NAME = """
query ArtifactByName($name: String!, $enableTracking: Boolean) {
    project(name: "train", entityName: "team") { artifact(name: $name, enableTracking: $enableTracking) { id } } }
"""
PAGE = """
query GetArtifactMembershipFileUrls($collection: String!, $alias: String!, $names: [String!], $cursor: String, $perPage: Int) {
    project(name: "train", entityName: "team") { artifactCollection(name: $collection) { __typename
        artifactMembership(aliasName: $alias) { files(names: $names, after: $cursor, first: $perPage) {
            totalCount pageInfo { endCursor hasNextPage } edges { node { name: displayName directUrl url sizeBytes digest md5 } } } } } } }
"""
BY_ENTRIES = """
query ArtifactFileURLsByManifestEntries($id: ID!, $entries: [ArtifactManifestEntryInput!]) { artifact(id: $id) {
    filesByManifestEntries(storageLayout: "V2", manifestVersion: "1", entries: $entries) { edges { node { name directUrl } } } } }
"""
LIST = """
query ProjectArtifacts($first: Int, $cursor: String, $order: String, $filters: JSONString) {
    project(name: "train", entityName: "team") { artifactType(name: "model") { artifactCollection(name: "model") {
        __typename artifacts(first: $first, after: $cursor, order: $order, filters: $filters) {
            totalCount pageInfo { endCursor hasNextPage } edges { version node { id versionIndex
                artifactSequence { name project { id name entity { name } } } artifactType { name } tags { name }
                aliases { alias artifactCollection { __typename name project { name entity { name } } } } } } } } } } }
"""


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Generator[list[str]]:
    """Count the statements that run inside."""
    statements: list[str] = []
    with monkeypatch.context() as patch:
        for name in ("fetch", "fetchrow", "fetchval", "execute"):
            original = getattr(asyncpg.Connection, name)

            async def run(self: Any, query: str, *args: Any, original: Any = original, **options: Any) -> Any:
                statements.append(query)
                return await original(self, query, *args, **options)

            patch.setattr(asyncpg.Connection, name, run)
        yield statements


async def test_a_version_is_found_by_every_name_that_it_has(api: Api) -> None:
    made = await wb.log(api, {"f": b"x"}, aliases=[{"artifactCollectionName": "model", "alias": "best"}])
    await link(api, "team/train/model:v0", ["prod"])
    for name in ("model:best", "model:latest", "model:v0", "model"):
        found = await done(api, MEMBER, entity="team", project="train", name=name)
        assert found["artifactCollectionMembership"]["artifact"] == {"id": made["id"]}, name
        assert (await done(api, BY_NAME, name=name))["artifact"] == {"id": made["id"]}
    for name in ("model:nope", "model:v7", "None:latest", "", ":", "a:b:c", "MNIST:nope"):
        found = await done(api, MEMBER, entity="team", project="train", name=name)
        assert found["artifactCollectionMembership"] is None, name


async def test_a_model_that_the_project_does_not_have_is_looked_for_in_the_model_registry(api: Api) -> None:
    made = await wb.log(api, {"f": b"x"})
    await link(api, "team/train/model:v0", ["prod"])
    found = (await done(api, MEMBER, entity="team", project="train", name="MNIST:prod"))["artifactCollectionMembership"]
    assert found["artifactCollection"]["project"] == {"name": "model-registry", "entity": {"name": "team"}}
    assert (await done(api, BY_NAME, name="MNIST:v0", enableTracking=True))["artifact"] == {"id": made["id"]}
    # Who asks only whether the project has something of that name is told the truth.
    assert (await done(api, BY_NAME, name="MNIST:v0"))["artifact"] is None


async def test_files_are_paged_in_the_order_of_their_paths_with_urls_and_references(api: Api) -> None:
    files = {f"d/{number:03}": b"%d" % number for number in range(7)}
    one = await Logging(api, files, s3={"digest": "etag", "size": 5, "ref": "s3://bucket/key"}).create()
    await one.upload()
    await one.upload_manifest()
    await one.commit()
    nodes: list[dict[str, Any]] = []
    cursor, more = None, True
    while more:
        found = await done(api, PAGE, collection="model", alias="v0", cursor=cursor, perPage=3)
        page = found["artifactCollection"]["artifactMembership"]["files"]
        assert page["totalCount"] == 8
        nodes += [edge["node"] for edge in page["edges"]]
        cursor, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert [node["name"] for node in nodes] == [*files, "s3"]
    for node, content in zip(nodes, files.values(), strict=False):
        assert (await wb.fetch(api, node["directUrl"]), node["md5"], node["sizeBytes"]) == (
            content,
            md5(content),
            len(content),
        )
    assert (nodes[-1]["directUrl"], nodes[-1]["md5"], nodes[-1]["digest"]) == ("s3://bucket/key", None, "etag")
    assert [event["data"]["path"] for event in await happened(api, "artifact.downloaded")] == [None]
    chosen = await done(api, PAGE, collection="model", alias="latest", names=["d/004", "nope"], perPage=1)
    page = chosen["artifactCollection"]["artifactMembership"]["files"]
    assert ([edge["node"]["name"] for edge in page["edges"]], page["totalCount"]) == (["d/004"], 1)
    assert [event["data"]["path"] for event in await happened(api, "artifact.downloaded")] == [None, "d/004"]
    shown = await done(api, wb.SHOW, id=one.id)
    entries = [{"name": "d/001", "digest": md5(b"1")}, {"name": "nope", "digest": "x"}]
    by_entries = await done(api, BY_ENTRIES, id=shown["id"], entries=entries)
    (edge,) = by_entries["filesByManifestEntries"]["edges"]
    assert await wb.fetch(api, edge["node"]["directUrl"]) == b"1"
    assert "cursor" in await refusal(api, PAGE, collection="model", alias="v0", cursor="?")


async def test_a_manifest_of_many_files_is_handed_out_whole_page_by_page(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regista.wandb.storage_routes._PAGE", 4)
    files = {f'{number} "ü"': b"same" for number in range(10)}
    made = await wb.log(api, files)
    url = made["currentManifest"]["file"]["directUrl"]
    assert json.loads(await wb.fetch(api, url))["contents"].keys() == files.keys()
    empty = await wb.log(api, {}, "empty")
    assert json.loads(await wb.fetch(api, empty["currentManifest"]["file"]["directUrl"]))["contents"] == {}
    parts = urlsplit(url)
    for path in (parts.path.replace("/1/", "/2/"), parts.path[:-1] + "9", "/api/v1/blobs/1/manifest-1"):
        await wb.fetch(api, f"{path}?{parts.query}", 403)
    await wb.fetch(api, url.replace("expires=", "expires=9"), 403)


async def test_a_file_is_had_by_the_md5_of_its_content_from_whatever_the_client_knows(api: Api) -> None:
    first = await wb.log(api, {"f": b"content", "only-in-v0": b"old"})
    second = await wb.log(api, {"f": b"content", "g": b"new"})
    await link(api, "team/train/model:v1", to=f"{V1}/collections/team/model-registry/M")
    content, old = (base64.b64decode(md5(each)).hex() for each in (b"content", b"old"))
    at = "/artifactsV2/default/team"
    for path in (
        f"{at}/train/model/{second['id']}/{first['id']}/{content}/f",
        f"{at}/train/model/{first['id']}/{content}/f",
        f"{at}/train/model//{content}/f",
        f"{at}/{first['id']}/{content}",
        f"{at}/model-registry/M/{second['id']}/{first['id']}/{content}/f",
        f"{at}/model-registry/M//{content}/f",
    ):
        answer = await api.client.get(path)
        assert answer.status_code == 307, (path, answer.text)
        assert await wb.fetch(api, answer.headers["location"]) == b"content"
    await api.client.delete(f"{V1}/collections/team/train/model/versions/v0", params={"delete_aliases": True})
    # The content outlives the version that brought it where another one has it.
    assert (await api.client.get(f"{at}/train/model/{first['id']}/{content}/f")).status_code == 307
    for path, status in (
        (f"{at}/train/model/{first['id']}/{old}/only-in-v0", 404),
        (f"{at}/train/model//zz/f", 422),
        (f"{at}/train/model/%3F/{content}/f", 422),
        (f"{at}/train/nope//{content}/f", 404),
    ):
        assert (await api.client.get(path)).status_code == status, path
    events = await happened(api, "artifact.downloaded")
    assert {event["data"]["path"] for event in events} == {"f"}


async def test_versions_are_listed_filtered_and_ordered_with_few_statements(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        await wb.log(
            api,
            {"f": b"%d" % number},
            metadata=json.dumps({"acc": number}),
            tags=[{"tagName": "even" if number % 2 == 0 else "odd"}],
        )
        await link(api, f"team/train/model:v{number}")
    # As many statements for four versions as for one.
    with counted(monkeypatch) as few:
        await done(api, LIST, first=1)
    with counted(monkeypatch) as statements:
        found = (await done(api, LIST, first=4))["artifactType"]["artifactCollection"]["artifacts"]
    few, statements = ([each for each in ran if "NOTIFY" not in each] for ran in (few, statements))
    assert len(statements) == len(few) <= 14, "\n".join(statements)
    assert [edge["version"] for edge in found["edges"]] == ["v5", "v4", "v3", "v2"]
    assert found["totalCount"] == 6
    aliases = [[one["artifactCollection"]["name"] for one in edge["node"]["aliases"]] for edge in found["edges"]]
    assert aliases == [["model", "MNIST"], [], [], []]
    rest = (await done(api, LIST, first=4, cursor=found["pageInfo"]["endCursor"]))["artifactType"]
    assert [edge["version"] for edge in rest["artifactCollection"]["artifacts"]["edges"]] == ["v1", "v0"]
    chosen = json.dumps({"$and": [{"tag": "even"}, {"metadata.acc": {"$gt": 1}}]})
    filtered = (await done(api, LIST, filters=chosen, order="+version_index"))["artifactType"]
    shown = filtered["artifactCollection"]["artifacts"]
    assert ([edge["version"] for edge in shown["edges"]], shown["totalCount"]) == (["v2", "v4"], 2)
    assert "nonsense" in await refusal(api, LIST, order="nonsense")


async def test_another_organization_finds_nothing_by_any_id(api: Api) -> None:
    made = await wb.log(api, {"f": b"x"}, clientID="c" * 32)
    async with api.runtime.database.transaction() as tx:
        await other_organization(tx.connection)
    assert await done(api, wb.SHOW, FOREIGN_KEY, id=made["id"]) is None
    mapping = "query($id: ID!) { clientIDMapping(clientID: $id) { serverID } }"
    assert await done(api, mapping, FOREIGN_KEY, id="c" * 32) is None
    assert await done(api, MEMBER, FOREIGN_KEY, entity="team", project="train", name="model:v0") is None
    files = {"artifactFiles": [{"artifactID": made["id"], "name": "f", "md5": md5(b"x")}]}
    assert "may not see" in await refusal(api, wb.FILES, FOREIGN_KEY, input=files)
    assert "may not see" in await refusal(api, wb.COMMIT, FOREIGN_KEY, id=made["id"])


async def test_a_commit_that_fails_half_way_leaves_a_pending_artifact_and_no_event(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_arguments: object) -> None:
        raise RuntimeError("the log takes no event")

    one = await Logging(api, {"f": b"x"}).create()
    await one.upload()
    await one.upload_manifest()
    with monkeypatch.context() as patch:
        patch.setattr("regista.registry.commits.append", fail)
        assert "failed" in await refusal(api, wb.COMMIT, id=one.id)
    assert (await done(api, wb.SHOW, id=one.id))["state"] == "PENDING"
    assert await happened(api, "artifact.", "alias.") == []
    assert (await one.commit())["versionIndex"] == 0
