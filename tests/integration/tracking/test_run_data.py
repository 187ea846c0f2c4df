import base64
import hashlib
import json
from typing import Any

import httpx
import pytest

from regista.tracking.history import Sample, samples
from tests.support.api import Api
from tests.support.graphql import ask
from tests.support.registry import V1, rows

RUN = f"{V1}/projects/team/train/runs/r"
CREATE = """
mutation CreateRunFiles($files: [String!]!) {
  createRunFiles(input: {entityName: "team", projectName: "train", runName: "r", files: $files}) {
    runID uploadHeaders files { name uploadUrl }
  }
}
"""
FILES = """
query RunFiles($pattern: String, $names: [String] = [], $after: String, $first: Int) {
  project(name: "train", entityName: "team") { run(name: "r") { fileCount(pattern: $pattern)
    files(names: $names, after: $after, first: $first, pattern: $pattern) {
      totalCount edges { node { id name url(upload: false) directUrl sizeBytes mimetype md5 } cursor }
      pageInfo { endCursor hasNextPage } } } }
}
"""


@pytest.fixture
async def run(api: Api) -> int:
    made = await api.client.post(f"{V1}/projects/team/train/runs", json={"name": "r"})
    return made.json()["id"]


async def log(api: Api, lines: list[dict[str, Any]], offset: int = 0) -> None:
    content = [json.dumps(line) for line in lines]
    body = {"files": {"wandb-history.jsonl": {"offset": offset, "content": content}}}
    answer = await api.client.post("/files/team/train/r/file_stream", json=body)
    assert answer.status_code == 200, answer.text


async def announce(api: Api, *names: str) -> list[str]:
    made = (await ask(api, CREATE, files=list(names)))["createRunFiles"]
    assert [file["name"] for file in made["files"]] == list(names)
    return [file["uploadUrl"] for file in made["files"]]


async def put(api: Api, url: str, content: bytes) -> httpx.Response:
    """PUT without a key, as the client does."""
    async with api.as_key(None) as client:
        return await client.put(url, content=content)


async def listed(api: Api, **variables: Any) -> dict[str, Any]:
    return (await ask(api, FILES, **variables))["project"]["run"]


@pytest.mark.usefixtures("run")
async def test_history_is_read_row_by_row_and_sampled(api: Api) -> None:
    lines = [
        {"_step": step, "loss": 1 / (step + 1)} | ({"eval": step} if step % 10 == 0 else {}) for step in range(1000)
    ]
    await log(api, lines[500:], 500)
    await log(api, lines[:500])
    assert await api.pages(f"{RUN}/history", limit=300) == lines
    for keys, count in ((["loss"], 1000), (["eval"], 100), (["loss", "eval"], 100), (["loss", "none"], 0)):
        query: dict[str, Any] = {"keys": keys, "samples": 50}
        drawn = (await api.client.get(f"{RUN}/history", params=query)).json()["items"]
        assert len(drawn) == min(50, count)
        assert all(set(row) == set(keys) for row in drawn)
    inside = {"keys": ["_step"], "samples": 5000, "min_step": 100, "max_step": 200}
    drawn = (await api.client.get(f"{RUN}/history", params=inside)).json()["items"]
    assert [row["_step"] for row in drawn] == list(range(100, 200))


async def test_a_sample_reads_as_many_lines_as_it_has_rows_however_long_the_history(api: Api, run: int) -> None:
    for first in range(0, 60_000, 20_000):
        await log(api, [{"_step": step, "a": step, "b": -step} for step in range(first, first + 20_000)], first)
    async with api.runtime.database.transaction() as tx:
        wanted = [Sample(("_step", "a"), 500), Sample(("b",), 500), Sample(("a",), 100, 20_000, 50_000)]
        drawn = await samples(tx, run, wanted)
        read: Any = await tx.connection.fetchval(
            """SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables
               WHERE relname IN ('run_line', 'run_place', 'run_shape')"""
        )
    assert [len(rows_of) for rows_of in drawn] == [500, 500, 100]
    assert drawn[0][0] == {"_step": 0, "a": 0}
    assert drawn[0][-1] == {"_step": 59_999, "a": 59_999}
    assert 20_000 <= drawn[2][0]["a"] < drawn[2][-1]["a"] < 50_000
    # Three times fifteen blocks of 4,096 lines, and the lines themselves, those in common once.
    assert 0 < read <= 3 * 15 + 600 + 20


async def test_a_history_with_as_many_shapes_as_lines_is_sampled_as_well(api: Api, run: int) -> None:
    await log(api, [{"_step": step, f"metric {step % 5000}": step} for step in range(10_000)])
    async with api.runtime.database.transaction() as tx:
        # With the plans that there are before anything was counted; compared with one another, they take minutes.
        await tx.connection.execute("SET LOCAL statement_timeout = '5s'")
        drawn = await samples(tx, run, [Sample(("_step",), 100), Sample(("metric 77",), 100), Sample((), 50)])
    assert [len(found) for found in drawn] == [100, 2, 50]
    assert drawn[1] == [{"metric 77": 77}, {"metric 77": 5077}]


@pytest.mark.usefixtures("run")
async def test_files_are_put_listed_replaced_and_deleted(api: Api) -> None:
    names = ["a.txt", "media/images/b c.png", "config.yaml"]
    for url, name in zip(await announce(api, *names), names, strict=True):
        answer = await put(api, url, name.encode() * 10)
        assert (answer.status_code, answer.json()["name"]) == (200, name)
    found = await listed(api)
    assert (found["fileCount"], found["files"]["totalCount"]) == (3, 3)
    nodes = [edge["node"] for edge in found["files"]["edges"]]
    assert [node["name"] for node in nodes] == names
    assert (nodes[1]["sizeBytes"], nodes[1]["mimetype"]) == (200, "image/png")
    assert nodes[0]["md5"] == base64.b64encode(hashlib.md5(b"a.txt" * 10).digest()).decode()
    async with api.as_key(None) as client:
        assert (await client.get(nodes[0]["directUrl"])).content == b"a.txt" * 10
    (url,) = await announce(api, "a.txt")
    await put(api, url, b"other")
    found = await listed(api, pattern="%.t_t")
    assert [(edge["node"]["name"], edge["node"]["sizeBytes"]) for edge in found["files"]["edges"]] == [("a.txt", 5)]
    assert found["fileCount"] == 1
    assert [edge["node"]["name"] for edge in (await listed(api, names=["config.yaml", "x"]))["files"]["edges"]] == [
        "config.yaml"
    ]
    first = (await listed(api, first=2))["files"]
    rest = (await listed(api, first=2, after=first["pageInfo"]["endCursor"]))["files"]
    assert [edge["node"]["name"] for edge in first["edges"] + rest["edges"]] == names
    shown = await api.pages(f"{RUN}/files", limit=2)
    assert [file["name"] for file in shown] == names
    delete = "mutation($files: [ID!]!) { deleteFiles(input: {files: $files}) { success } }"
    assert (await ask(api, delete, files=[nodes[0]["id"], nodes[2]["id"]]))["deleteFiles"]["success"]
    assert [file["name"] for file in await api.pages(f"{RUN}/files", limit=2)] == names[1:2]


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a//b", "a/./b", "", "x" * 1025])
async def test_a_file_that_could_leave_its_run_is_refused_by_name(api: Api, name: str) -> None:
    answer = await api.client.post("/graphql", json={"query": CREATE, "variables": {"files": ["fine", name]}})
    assert answer.status_code == 200
    assert "a file's name" in answer.json()["errors"][0]["message"]


async def test_an_upload_needs_the_url_as_it_was_given_and_in_time(api: Api, run: int) -> None:
    (url,) = await announce(api, "a.txt")
    altered = [
        url.replace("a.txt", "b.txt"),
        url.replace(f"run-{run}", f"run-{run + 1}"),
        url.replace("signature=", "signature=0"),
        url.replace("expires=", "expires=9"),
        url.replace("/run-files/1/", "/run-files/2/"),
        url.replace("/run-files/", "/blobs/"),
    ]
    for wrong in altered:
        assert wrong != url
        assert (await put(api, wrong, b"x")).status_code == 403
    assert await rows(api, "SELECT count(*) FROM run_file") == 0
    await api.client.delete(RUN)
    assert (await put(api, url, b"x")).status_code == 404


@pytest.mark.usefixtures("run")
async def test_a_file_larger_than_the_limit_is_refused_and_nothing_is_kept(api: Api) -> None:
    (url,) = await announce(api, "a.txt")
    vars(api.runtime.settings)["artifact_max_bytes"] = 10
    assert (await put(api, url, b"x" * 11)).status_code == 413
    assert (await put(api, url, b"x" * 10)).status_code == 200
    assert await rows(api, "SELECT size FROM run_file") == 10


@pytest.mark.usefixtures("run")
async def test_who_may_not_write_a_run_gets_no_url_to_upload_to(api: Api) -> None:
    key = await api.key_of("viewer", team="team", role="viewer")
    async with api.as_key(key) as viewer:
        answer = await viewer.post("/graphql", json={"query": CREATE, "variables": {"files": ["a"]}})
        assert "needs role member" in answer.json()["errors"][0]["message"]
        assert (await viewer.get(f"{RUN}/files")).json()["items"] == []
