"""Artifacts as the W&B client logs and reads them, over GraphQL in the test's process."""

import asyncio
import json
from typing import Any

import pytest

from tests.support import wandb_artifacts as wb
from tests.support.api import Api
from tests.support.registry import V1, happened, md5, rows, short
from tests.support.wandb_artifacts import Logging, done, refusal

FILES = {"model.bin": b"weights" * 1000, "code/train.py": b"print()", "empty": b""}


async def test_an_artifact_is_announced_filled_and_committed_as_the_clients_core_does_it(api: Api) -> None:
    await wb.run(api)
    made = await wb.log(
        api,
        FILES,
        runName="r",
        aliases=[{"artifactCollectionName": "model", "alias": alias} for alias in ("best", "latest")],
        tags=[{"tagName": "fast"}],
        metadata='{"accuracy": 0.9}',
        description="the first",
        ttlDurationSeconds=3600,
    )
    assert (made["state"], made["versionIndex"], made["size"], made["fileCount"]) == ("COMMITTED", 0, 7007, 3)
    assert {alias["alias"] for alias in made["aliases"]} == {"best", "latest"}
    assert (made["tags"], made["description"]) == ([{"name": "fast"}], "the first")
    assert json.loads(made["metadata"]) == {"accuracy": 0.9}
    assert (made["ttlDurationSeconds"], made["ttlIsInherited"]) == (3600, False)
    assert short(await happened(api, "artifact.", "alias.")) == [
        "artifact.created v0",
        "alias.added best None→v0",
        "alias.added latest None→v0",
    ]
    version = (await api.client.get(f"{V1}/collections/team/train/model/versions/latest")).json()
    assert (version["run"], version["digest"]) == ("team/train/runs/r", made["digest"])
    manifest = json.loads(await wb.fetch(api, made["currentManifest"]["file"]["directUrl"]))
    assert {path: entry["digest"] for path, entry in manifest["contents"].items()} == {
        path: md5(content) for path, content in FILES.items()
    }
    assert {entry["birthArtifactID"] for entry in manifest["contents"].values()} == {made["id"]}


async def test_the_same_content_is_committed_already_and_takes_the_aliases(api: Api) -> None:
    made = await wb.log(api, FILES)
    again = await Logging(api, FILES).create(aliases=[{"artifactCollectionName": "model", "alias": "best"}])
    assert (again.id, again.state) == (made["id"], "COMMITTED")
    assert short(await happened(api, "alias."))[-1] == "alias.added best None→v0"


async def test_only_what_the_collection_does_not_hold_is_uploaded(api: Api) -> None:
    first = await wb.log(api, FILES)
    one = await Logging(api, {**FILES, "new": b"new"}).create()
    nodes = await one.announce()
    assert [node["uploadUrl"] is None for node in nodes] == [True, True, True, False]
    assert [node["artifact"]["id"] for node in nodes] == [first["id"]] * 3 + [one.id]
    other = await Logging(api, FILES, "other").create()
    assert all(node["uploadUrl"] for node in await other.announce())


@pytest.mark.parametrize("step", ["nothing", "manifest", "files"])
async def test_a_commit_before_everything_has_arrived_says_what_is_missing_and_changes_nothing(
    api: Api, step: str
) -> None:
    one = await Logging(api, FILES).create()
    content = wb.manifest_bytes(one.named)
    if step != "nothing":
        url = (await one.manifest(content))["file"]["uploadUrl"]
        if step == "files":
            await wb.put(api, url, content)
            await one.upload({"model.bin": FILES["model.bin"]})
    sentence = await refusal(api, wb.COMMIT, id=one.id)
    assert {"nothing": "digest", "manifest": "wandb_manifest.json", "files": "code/train.py"}[step] in sentence
    assert await happened(api, "artifact.") == []
    await one.upload()
    await one.upload_manifest()
    assert (await one.commit())["versionIndex"] == 0
    assert (await one.commit())["versionIndex"] == 0
    assert len(await happened(api, "artifact.created")) == 1


async def test_files_that_do_not_amount_to_the_announced_digest_are_refused(api: Api) -> None:
    one = await Logging(api, FILES).create(digest="0" * 32)
    await one.upload()
    await one.upload_manifest()
    assert "amount to" in await refusal(api, wb.COMMIT, id=one.id)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no json", "JSON"),
        (b"{}", "contents"),
        (wb.manifest_bytes({"../x": wb.entry(b"")}), "../x"),
        (wb.manifest_bytes({"x": {"size": 1}}), "digest"),
        (wb.manifest_bytes({"x": {"digest": "zz", "size": 1}}), "MD5"),
        (wb.manifest_bytes({"x": {"digest": md5(b""), "size": -1}}), "size"),
        (wb.manifest_bytes({"x": {"digest": md5(b""), "size": 0, "extra": {"alg": "XXH128"}}}), "XXH128"),
        (wb.manifest_bytes({"x": {"digest": md5(b""), "size": 0, "birthArtifactID": "?"}}), "Artifact"),
    ],
)
async def test_a_manifest_that_cannot_be_read_is_refused_with_the_reason(api: Api, content: bytes, said: str) -> None:
    one = await Logging(api, {}).create()
    await wb.put(api, (await one.manifest(content))["file"]["uploadUrl"], content)
    assert said in await refusal(api, wb.COMMIT, id=one.id)


async def test_a_manifest_announced_again_is_the_same_and_its_last_file_counts(api: Api) -> None:
    one = await Logging(api, FILES).create()
    empty, old = await one.manifest(), await one.manifest(b"old")
    content = wb.manifest_bytes(one.named)
    new = await one.manifest(content)
    assert empty["id"] == old["id"] == new["id"]
    assert "expects" in (await wb.put(api, old["file"]["uploadUrl"], b"old", 409)).text
    await wb.put(api, new["file"]["uploadUrl"], b"other", 422)
    await one.upload()
    await wb.put(api, new["file"]["uploadUrl"], content)
    assert (await one.commit())["versionIndex"] == 0
    assert await rows(api, "SELECT count(*) FROM artifact_manifest") == 0


async def test_several_runs_fill_one_version_under_a_distributed_id(api: Api) -> None:
    parts: list[Logging] = []
    for place in range(3):
        await wb.run(api, f"r{place}")
        part = Logging(api, {f"{place}.bin": b"%d" % place})
        await part.create(
            runName=f"r{place}",
            distributedID="d",
            clientID=f"client-{place}",
            aliases=[{"artifactCollectionName": "model", "alias": f"a{place}"}],
        )
        parts.append(part)
    assert len({part.id for part in parts}) == 1

    async def fill(part: Logging) -> None:
        made = await part.manifest(kind="PATCH")
        content = wb.manifest_bytes(part.named)
        await part.upload()
        answer = await done(api, wb.UPDATE_MANIFEST, input={"artifactManifestID": made["id"], "digest": md5(content)})
        await wb.put(api, answer["artifactManifest"]["file"]["uploadUrl"], content)

    await asyncio.gather(*map(fill, parts))
    await parts[0].manifest(kind="PATCH")  # of a run that died before it had a file
    made = await parts[0].commit()
    whole = wb.contents({f"{place}.bin": b"%d" % place for place in range(3)})
    assert (made["fileCount"], made["digest"]) == (3, wb.digest_of(whole))
    assert {alias["alias"] for alias in made["aliases"]} == {"a0", "a1", "a2", "latest"}
    lineage = (await api.client.get(f"{V1}/collections/team/train/model/versions/v0/lineage")).json()
    assert sorted(lineage["logged_by"]) == [f"team/train/runs/r{place}" for place in range(3)]
    mapped = [
        await done(api, "query($id: ID!) { clientIDMapping(clientID: $id) { serverID } }", id=f"client-{place}")
        for place in range(3)
    ]
    assert {one["serverID"] for one in mapped} == {made["id"]}
    later = await Logging(api, {"x": b"x"}).create(distributedID="d")
    assert later.id != made["id"]


async def test_an_incremental_version_is_laid_over_its_base(api: Api) -> None:
    base = await wb.log(api, {"kept": b"kept", "changed": b"old"})
    one = await Logging(api, {"changed": b"new", "added": b"added"}).create()
    made = await one.manifest(kind="INCREMENTAL", baseArtifactID=base["id"])
    await one.upload()
    content = wb.manifest_bytes(one.named)
    answer = await done(api, wb.UPDATE_MANIFEST, input={"artifactManifestID": made["id"], "digest": md5(content)})
    await wb.put(api, answer["artifactManifest"]["file"]["uploadUrl"], content)
    shown = await one.commit()
    whole = wb.contents({"kept": b"kept", "changed": b"new", "added": b"added"})
    assert (shown["versionIndex"], shown["fileCount"], shown["digest"]) == (1, 3, wb.digest_of(whole))


async def test_racing_clients_log_versions_without_gap_or_double_and_find_their_twin(api: Api) -> None:
    made = await asyncio.gather(*(wb.log(api, {"f": b"%d" % (place // 2)}) for place in range(8)))
    assert sorted({one["versionIndex"] for one in made}) == [0, 1, 2, 3]
    assert {one["state"] for one in made} == {"COMMITTED"}
    created = await happened(api, "artifact.created")
    assert sorted(event["data"]["version"] for event in created) == ["v0", "v1", "v2", "v3"]


async def test_a_draft_takes_content_from_the_version_it_was_made_of_into_another_collection(api: Api) -> None:
    base = await wb.log(api, {"f": b"content"})
    named = {"f": {**wb.entry(b"content"), "birthArtifactID": base["id"]}}
    one = await Logging(api, {}, "other", **named).create()
    await one.upload_manifest()
    assert (await one.commit())["fileCount"] == 1
    stranger = await api.key_of("stranger")
    assert await done(api, wb.SHOW, stranger, id=base["id"]) is None


async def test_who_knows_the_md5_of_what_others_hold_does_not_have_it(api: Api) -> None:
    await api.client.post(f"{V1}/teams", json={"name": "rivals"})
    secret = await wb.log(api, {"f": b"secret"})
    key = await api.key_of("rival", team="rivals")
    named = {"f": {**wb.entry(b"secret"), "birthArtifactID": secret["id"]}}
    given = {
        "entityName": "rivals",
        "projectName": "train",
        "artifactTypeName": "model",
        "artifactCollectionName": "mine",
        "digest": wb.digest_of(named),
    }
    made = (await done(api, wb.CREATE, key, input=given))["artifact"]
    content = wb.manifest_bytes(named)
    manifest = {
        "artifactID": made["id"],
        "name": "m",
        "digest": md5(content),
        "entityName": "rivals",
        "projectName": "train",
        "runName": "r",
        "type": "FULL",
    }
    answer = await done(api, wb.MANIFEST, key, input=manifest, includeUpload=True)
    await wb.put(api, answer["artifactManifest"]["file"]["uploadUrl"], content)
    assert "lacks files, 'f' first" in await refusal(api, wb.COMMIT, key, id=made["id"])


async def test_references_are_kept_with_their_digest_size_and_extra(api: Api) -> None:
    named: dict[str, Any] = {"s3": {"digest": "etag", "size": 5, "ref": "s3://bucket/key", "extra": {"versionID": "1"}}}
    one = await Logging(api, {"f": b"x"}, **named).create()
    await one.upload()
    await one.upload_manifest()
    made = await one.commit()
    assert (made["size"], made["fileCount"]) == (6, 2)
    manifest = json.loads(await wb.fetch(api, made["currentManifest"]["file"]["directUrl"]))
    assert manifest["contents"]["s3"] == named["s3"]
