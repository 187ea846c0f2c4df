import asyncio
import hashlib
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest

from regista.kit import clock
from tests.support.api import Api
from tests.support.registry import V1, announce, happened, log, md5, rows, short, upload

FILES = {"model.bin": b"weights" * 1000, "code/train.py": b"print()", "empty": b""}


async def test_a_version_is_announced_filled_and_committed(api: Api) -> None:
    version = await log(api, FILES, aliases=["best", "latest"], tags=["fast"], metadata={"accuracy": 0.9})
    assert version["version"] == "v0"
    assert version["source"] == "team/train/model:v0"
    assert version["aliases"] == ["best", "latest"]
    assert (version["size"], version["file_count"], version["tags"]) == (7007, 3, ["fast"])
    read = await api.client.get(f"{V1}/collections/team/train/model/versions/latest")
    assert read.json() == version
    events = await happened(api)
    assert short(events) == [
        "project.created",
        "collection.created",
        "artifact.created v0",
        "alias.added best None→v0",
        "alias.added latest None→v0",
    ]
    created, best, latest = events[2:]
    assert {event["causationid"] for event in (best, latest)} == {created["id"]}
    assert [event["sequence"] for event in events[1:]] == [1, 2, 3, 4]
    assert [event["data"]["automatic"] for event in (best, latest)] == [False, True]
    collection = created["data"]["collection"]
    assert all(isinstance(collection[key], int) for key in ("id", "project_id", "entity_id"))
    assert collection["registry_id"] is None
    assert created["data"]["artifact"]["metadata"] == {"accuracy": 0.9}


async def test_the_digest_is_the_one_that_the_wandb_client_computes(api: Api) -> None:
    version = await log(api, FILES)
    lines = "".join(f"{path}:{md5(FILES[path])}\n" for path in ("code/train.py", "empty", "model.bin"))
    assert version["digest"] == hashlib.md5(b"wandb-artifact-manifest-v1\n" + lines.encode()).hexdigest()
    refused = await api.client.post(
        f"{V1}/artifacts",
        json={"entity": "team", "project": "train", "collection": "m", "type": "model", "manifest": [], "digest": "x"},
    )
    assert refused.status_code == 422


async def test_identical_content_makes_no_new_version_but_takes_the_aliases_and_tags(api: Api) -> None:
    first = await log(api, FILES)
    again = await announce(api, FILES, aliases=["best"], tags=["fast"])
    assert (again["state"], again["version"], again["id"]) == ("committed", "v0", first["artifact_id"])
    assert short(await happened(api))[-2:] == ["alias.added best None→v0", "tag.added fast v0"]
    before = len(await happened(api))
    await announce(api, FILES, aliases=["best"], tags=["fast"])
    assert len(await happened(api)) == before
    other = await log(api, {"model.bin": b"other"})
    assert other["version"] == "v1"


async def test_content_is_brought_once_to_a_collection_and_stored_once_for_an_organization(
    api: Api, tmp_path: Path
) -> None:
    await log(api, FILES)
    again = await announce(api, {**FILES, "new": b"new"})
    assert [one["path"] for one in again["uploads"] if one["upload_url"]] == ["new"]
    # To know the MD5 of what another collection holds is not to have it.
    other = await announce(api, FILES, "other")
    assert all(one["upload_url"] for one in other["uploads"])
    assert (await api.client.post(f"{V1}/artifacts/{other['id']}/commit")).status_code == 409
    await upload(api, other, FILES)
    assert (await api.client.post(f"{V1}/artifacts/{other['id']}/commit")).json()["version"] == "v0"
    assert await rows(api, "SELECT count(*) FROM blob") == 3
    assert len([path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]) == 3


async def test_racing_commits_of_the_same_content_give_one_version(api: Api) -> None:
    announced = [await announce(api, {"f": b"x"}, aliases=[f"a{n}"]) for n in range(6)]
    for one in announced:
        await upload(api, one, {"f": b"x"})
    answers = await asyncio.gather(*(api.client.post(f"{V1}/artifacts/{one['id']}/commit") for one in announced))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["version"] for answer in answers} == {"v0"}
    assert len(await happened(api, "artifact.created")) == 1
    version = (await api.client.get(f"{V1}/collections/team/train/model/versions/v0")).json()
    assert version["aliases"] == [*(f"a{n}" for n in range(6)), "latest"]


async def test_the_second_commit_of_the_same_content_brings_the_tags_that_were_announced_with_it(api: Api) -> None:
    files = {"model.bin": b"weights"}
    first, second = [await announce(api, files, tags=[tag], client_id=tag) for tag in ("a", "b")]
    await upload(api, first, files)
    for announced in (first, second):
        version = (await api.client.post(f"{V1}/artifacts/{announced['id']}/commit")).json()
    assert (version["version"], version["tags"]) == ("v0", ["a", "b"])


async def test_racing_announcements_of_a_new_collection_converge(api: Api) -> None:
    announced = await asyncio.gather(*(announce(api, {"f": b"%d" % n}) for n in range(8)))
    assert len({one["id"] for one in announced}) == 8
    assert len(await happened(api, "collection.created", "project.created")) == 2


async def test_a_commit_twice_is_one_version(api: Api) -> None:
    version = await log(api, FILES)
    again = await api.client.post(f"{V1}/artifacts/{version['artifact_id']}/commit")
    assert again.json() == version
    assert len(await happened(api, "artifact.created")) == 1


async def test_a_commit_without_all_content_is_refused_and_changes_nothing(api: Api) -> None:
    announced = await announce(api, FILES)
    answer = await api.client.post(f"{V1}/artifacts/{announced['id']}/commit")
    assert (answer.status_code, answer.json()["code"]) == (409, "incomplete_upload")
    assert answer.json()["missing"] == ["code/train.py", "empty", "model.bin"]
    assert await happened(api, "artifact.", "alias.") == []
    await upload(api, announced, FILES)
    fresh = (await api.client.get(f"{V1}/artifacts/{announced['id']}")).json()
    assert fresh["uploads"] == []
    assert (await api.client.post(f"{V1}/artifacts/{announced['id']}/commit")).json()["version"] == "v0"


async def test_a_client_id_makes_a_repeated_announcement_the_same_artifact(api: Api) -> None:
    first = await announce(api, FILES, client_id="abc")
    assert (await announce(api, FILES, client_id="abc"))["id"] == first["id"]
    body = {
        "entity": "team",
        "project": "train",
        "collection": "x",
        "type": "model",
        "manifest": [],
        "client_id": "abc",
    }
    assert (await api.client.post(f"{V1}/artifacts", json=body)).status_code == 409


@pytest.mark.parametrize("content", [b"weightz", b"weight", b"weights and more"])
async def test_content_other_than_announced_is_refused_and_not_kept(api: Api, content: bytes, tmp_path: Path) -> None:
    announced = await announce(api, {"f": b"weights"})
    url = announced["uploads"][0]["upload_url"]

    async def chunks() -> object:
        yield content[:3]
        yield content[3:]

    async with api.as_key(None) as client:
        for body in (content, chunks()):
            answer = await client.put(url, content=body)  # type: ignore[arg-type]
            assert (answer.status_code, answer.json()["code"]) == (422, "content_mismatch")
        assert await rows(api, "SELECT count(*) FROM blob") == 0
        assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []
        assert (await client.put(url, content=b"weights")).status_code == 200
        assert (await client.put(url, content=b"weights")).status_code == 200
    assert await rows(api, "SELECT count(*) FROM blob") == 1


async def test_a_url_works_unaltered_in_time_and_for_its_method_alone(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced = await announce(api, {"f": b"weights"})
    url = announced["uploads"][0]["upload_url"]
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))

    def altered(path: str = parts.path, **changes: str) -> str:
        return urlunsplit(parts._replace(path=path, query=urlencode({**query, **changes})))

    wrong = [
        altered(expires=str(int(query["expires"]) + 1)),
        altered(signature="0" * 64),
        altered(signature="\u00e9"),
        altered(path=parts.path.replace("/blobs/1/", "/blobs/2/")),
        altered(path=parts.path[:-1] + "8"),
    ]
    async with api.as_key(None) as client:
        for one in wrong:
            answer = await client.put(one, content=b"weights")
            assert (answer.status_code, answer.json()["code"]) == (403, "link_refused"), one
        assert (await client.get(url)).status_code == 403
        late = clock.now().timestamp() + 3601

        class Late:
            def timestamp(self) -> float:
                return late

        monkeypatch.setattr("regista.registry.api.blobs.clock.now", Late)
        answer = await client.put(url, content=b"weights")
        assert (answer.status_code, answer.json()["code"]) == (403, "link_refused")
    assert await rows(api, "SELECT count(*) FROM blob") == 0


async def test_a_file_is_downloaded_whole_in_part_and_not_again(api: Api) -> None:
    await log(api, FILES)
    at = f"{V1}/collections/team/train/model/versions/v0/files"
    listed = (await api.client.get(at, params={"limit": 2})).json()
    assert [one["path"] for one in listed["items"]] == ["code/train.py", "empty"]
    rest = (await api.client.get(at, params={"cursor": listed["next_cursor"]})).json()
    assert [one["path"] for one in rest["items"]] == ["model.bin"]
    content = FILES["model.bin"]
    answer = (await api.client.get(f"{at}/model.bin")).json()
    assert (answer["size"], answer["digest"]) == (len(content), md5(content))
    async with api.as_key(None) as client:
        whole = await client.get(answer["url"])
        assert whole.content == content
        assert whole.headers["content-disposition"].startswith("attachment")
        assert whole.headers["x-content-type-options"] == "nosniff"
        part = await client.get(answer["url"], headers={"range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, content[10:20])
        assert part.headers["content-range"] == f"bytes 10-19/{len(content)}"
        assert (await client.get(answer["url"], headers={"range": "bytes=-3"})).content == content[-3:]
        past = await client.get(answer["url"], headers={"range": f"bytes={len(content)}-"})
        assert (past.status_code, past.headers["content-range"]) == (416, f"bytes */{len(content)}")
        same = await client.get(answer["url"], headers={"if-none-match": whole.headers["etag"]})
        assert same.status_code == 304
        assert (await client.put(answer["url"], content=content)).status_code == 403
        empty = await client.get((await api.client.get(f"{at}/empty")).json()["url"])
        assert (empty.status_code, empty.content) == (200, b"")
    redirected = await api.client.get(f"{at}/code/train.py", params={"redirect": True})
    assert redirected.status_code == 307
    assert (await api.client.get(f"{at}/nope")).status_code == 404
    seen = await happened(api, "artifact.downloaded")
    assert [event["data"]["path"] for event in seen] == ["model.bin", "empty", "code/train.py"]
    assert {event["sequence"] for event in seen} == {1}


async def test_large_content_streams_through_in_parts(api: Api) -> None:
    content = bytes(range(256)) * 50_000
    await log(api, {"big": content})
    url = (await api.client.get(f"{V1}/collections/team/train/model/versions/v0/files/big")).json()["url"]
    async with api.as_key(None) as client:
        assert (await client.get(url)).content == content


@pytest.mark.parametrize(
    "manifest",
    [
        [{"path": "../x", "size": 1, "md5": "0" * 32}],
        [{"path": "/x", "size": 1, "md5": "0" * 32}],
        [{"path": "a\x00", "size": 1, "md5": "0" * 32}],
        [{"path": "a", "size": 1}],
        [{"path": "a", "size": 1, "md5": "zz"}],
        [{"path": "a", "size": 1, "md5": "0" * 32}] * 2,
        [{"path": "a", "size": 1, "md5": "0" * 32}, {"path": "a/b/c", "size": 1, "md5": "0" * 32}],
        [{"path": "a", "size": -1, "md5": "0" * 32}],
        [{"path": "a", "size": 1, "reference": "s3://b/a"}],
    ],
)
async def test_a_manifest_that_cannot_be_a_tree_of_files_is_refused(api: Api, manifest: list[object]) -> None:
    body = {"entity": "team", "project": "train", "collection": "m", "type": "model", "manifest": manifest}
    answer = await api.client.post(f"{V1}/artifacts", json=body)
    assert answer.status_code == 422, answer.text


async def test_metadata_has_at_most_100_keys_and_fits_into_a_message(api: Api) -> None:
    body = {"entity": "team", "project": "p", "collection": "m", "type": "model", "manifest": []}
    for metadata, status in (
        ({str(n): n for n in range(100)}, 201),
        ({str(n): n for n in range(101)}, 422),
        ({"a": "x" * (256 * 1024)}, 422),
    ):
        answer = await api.client.post(f"{V1}/artifacts", json={**body, "metadata": metadata})
        assert answer.status_code == status


async def test_references_are_kept_and_never_fetched(api: Api) -> None:
    entry = {"path": "data", "size": 5, "reference": "s3://bucket/data", "digest": "etag"}
    body = {"entity": "team", "project": "train", "collection": "m", "type": "model", "manifest": [entry]}
    made = (await api.client.post(f"{V1}/artifacts", json=body)).json()
    assert made["uploads"] == [{"path": "data", "upload_url": None}]
    assert (await api.client.post(f"{V1}/artifacts/{made['id']}/commit")).json()["version"] == "v0"
    answer = await api.client.get(f"{V1}/collections/team/train/m/versions/v0/files/data")
    assert answer.json()["url"] == "s3://bucket/data"
