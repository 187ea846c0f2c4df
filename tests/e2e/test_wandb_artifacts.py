"""Artifacts through the unmodified clients: logged, read back, changed, linked, used, deleted, shared, referred to."""

import hashlib
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.system import KEY, System, ok, running_system
from tests.support.wandb_clients import CLIENTS, run_script

V1 = "/api/v1"
PRELUDE = """
import os, pathlib, wandb
from datetime import timedelta

def write(path, content):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)

def fails(text, do):
    try:
        do()
    except Exception as error:
        assert text in str(error), str(error)
    else:
        raise AssertionError(f"nothing was raised, not {text!r}")

api = wandb.Api()
here = pathlib.Path(P)
here.mkdir()
os.chdir(here)
"""
LIFE = (
    PRELUDE
    + """
write("d/a.txt", b"alpha"), write("d/sub/b.bin", b"beta" * 1000), write("d/empty", b"")

def data(**more):
    artifact = wandb.Artifact("data", type="dataset", **more)
    artifact.add_dir("d")
    artifact.add_reference("file://" + os.path.abspath("d/a.txt"), name="ref.txt")
    artifact.add_reference(os.environ["WANDB_BASE_URL"] + "/livez", name="unchecked", checksum=False)
    artifact.add_reference("hdfs://elsewhere/x", name="tracked")
    return artifact

with wandb.init(project=P) as run:
    logged = data(description="first", metadata={"n": 1})
    logged.ttl = timedelta(days=3)
    logged = run.log_artifact(logged, aliases=["best"], tags=["t1"]).wait()
    assert (logged.name, logged.version, logged.state) == ("data:v0", "v0", "COMMITTED")
    assert (sorted(logged.aliases), logged.tags, logged.ttl) == (["best", "latest"], ["t1"], timedelta(days=3))
    assert (logged.size, logged.file_count) == (4010, 6)
    same = run.log_artifact(data()).wait()
    assert same.id == logged.id and same.version == "v0"
    fails("the server's", lambda: run.log_artifact(data(metadata={"other": 1}), aliases=["v7"]).wait())
    logger = run.id

read = api.artifact(f"{P}/data:latest")
assert (read.description, read.metadata, read.digest) == ("first", {"n": 1}, logged.digest)
assert read.qualified_name == f"team/{P}/data:latest" and read.type == "dataset"
files = {each.name: each.size for each in read.files()}
assert files == {"a.txt": 5, "empty": 0, "ref.txt": 5, "sub/b.bin": 4000, "tracked": 0, "unchecked": 0}, files
assert [each.name for each in read.files(names=["sub/b.bin"])] == ["sub/b.bin"]
place = read.download("whole", allow_missing_references=True, path_prefix="sub")
assert (pathlib.Path(place) / "sub/b.bin").read_bytes() == b"beta" * 1000
one = read.get_entry("a.txt").download("one")
assert pathlib.Path(one).read_bytes() == b"alpha"
assert read.get_entry("tracked").ref == "hdfs://elsewhere/x"
fails("", lambda: api.artifact(f"{P}/data:v9"))
fails("", lambda: api.artifact(f"{P}/nothing:latest"))

read.description = "changed"
read.metadata["k"] = 2
read.aliases.append("prod")
read.aliases.remove("best")
read.tags = ["t2"]
read.ttl = None
read.save()
read = api.artifact(f"{P}/data:prod")
assert (read.description, read.metadata, read.ttl) == ("changed", {"n": 1, "k": 2}, None)
assert (sorted(read.aliases), read.tags) == (["latest", "prod"], ["t2"])

with wandb.init(project=P) as run:
    used = run.use_artifact("data:prod")
    draft = used.new_draft()
    draft.remove("a.txt")
    draft.add_file(write("c.txt", b"gamma"))
    second = run.log_artifact(draft).wait()
    assert second.version == "v1"
    assert sorted(second.manifest.entries) == ["c.txt", "empty", "ref.txt", "sub/b.bin", "tracked", "unchecked"]
    user = run.id
plain = wandb.Artifact("plain", type="dataset")
plain.add_dir("d")
with wandb.init(project=P) as run:
    run.log_artifact(plain).wait()
plain = api.artifact(f"{P}/plain:v0")
plain.verify(plain.download("verified"))
write("verified/a.txt", b"altered")
fails("a.txt", lambda: plain.verify("verified"))
in_ranges = pathlib.Path(plain.download("in-ranges", multipart=True, skip_cache=True))
assert (in_ranges / "sub/b.bin").read_bytes() == b"beta" * 1000
write("in-ranges/extra", b"not of the version")
plain.checkout("in-ranges")
assert not os.path.exists("in-ranges/extra")
assert api.artifact_exists(f"{P}/plain:v0") and not api.artifact_exists(f"{P}/plain:v7")
with wandb.init(project=P) as run:
    drawn = wandb.Artifact("drawn", "dataset")
    drawn.add_file("c.txt")
    assert run.use_artifact(drawn).name == "drawn:v0"
assert [each.name for each in api.run(f"{P}/{run.id}").used_artifacts()] == ["drawn:v0"]

assert [each.id for each in read.used_by()] == [user] and read.logged_by().id == logger
assert [each.name for each in api.run(f"{P}/{logger}").logged_artifacts()] == ["data:v0"]
assert [each.name for each in api.run(f"{P}/{user}").used_artifacts()] == ["data:v0"]
assert [(each.version, sorted(each.aliases)) for each in api.artifacts("dataset", f"{P}/data")] == [
    ("v1", ["latest"]), ("v0", ["prod"])]

fails("aliases", lambda: second.delete())
second.delete(delete_aliases=True)
fails("", lambda: api.artifact(f"{P}/data:v1"))
assert api.artifact(f"{P}/data:latest").version == "v0"
outside = wandb.Artifact("outside", "dataset")
outside.add_file("c.txt")
outside.save(project=P)
assert outside.wait().name == "outside:v0"
"""
)
LINKS = (
    PRELUDE
    + """
MODEL, OTHER = f"M{P}", f"O{P}"
with wandb.init(project=P) as run:
    write("m.h5", P.encode())
    run.log_model("m.h5", name="mine", aliases=["x"])
    linked = run.link_model("m.h5", registered_model_name=MODEL, name="other", aliases=["staging"])
    assert open(run.use_model("mine:latest")).read() == P
    assert open(run.use_model(f"{MODEL}:v0")).read() == P
    assert open(run.use_model(f"{MODEL}:staging")).read() == P
    fresh = wandb.Artifact("fresh", "model")
    fresh.add_file("m.h5", name="fresh.h5")
    run.link_artifact(fresh, f"model-registry/{OTHER}", aliases=["prod"])
    fails("", lambda: run.link_artifact(fresh, f"{P}/mine"))
target = api.artifact(f"model-registry/{OTHER}:prod")
assert target.is_link and target.source_qualified_name == f"team/{P}/fresh:v0"
assert sorted(target.aliases) == ["latest", "prod"]
source = api.artifact(f"{P}/fresh:v0")
assert [each.qualified_name for each in source.linked_artifacts] == [f"team/model-registry/{OTHER}:v0"]
target.aliases.append("qa")
target.save()
assert sorted(api.artifact(f"model-registry/{OTHER}:qa").aliases) == ["latest", "prod", "qa"]
assert api.artifact(f"{P}/fresh:v0").aliases == ["latest"]
source.link(f"wandb-registry-models/{OTHER}", aliases=["gold"])
entry = api.artifact(f"wandb-registry-models/{OTHER}:gold")
assert entry.version == "v0" and open(entry.get_entry("fresh.h5").download("from-registry")).read() == P
assert open(entry.file("whole-from-registry")).read() == P
assert len(api.artifact(f"{P}/fresh:v0").linked_artifacts) == 2
refused = wandb.Artifact("refused", "dataset")
refused.add_file("m.h5")
with wandb.init(project=P) as run:
    run.log_artifact(refused).wait()
fails("dataset", lambda: refused.link("wandb-registry-models/datasets"))
fails("", lambda: refused.link("wandb-registry-there-is-none/x"))
target.unlink()
fails("", lambda: api.artifact(f"model-registry/{OTHER}:v0"))
assert api.artifact(f"{P}/fresh:v0").state == "COMMITTED"
"""
)
SHARED = (
    PRELUDE
    + """
for place in range(2):
    with wandb.init(project=P, group="g") as run:
        part = wandb.Artifact("dist", type="data")
        part.add_file(write(f"p{place}.txt", str(place).encode()))
        run.upsert_artifact(part, distributed_id="one", aliases=[f"x{place}"])
with wandb.init(project=P, group="g") as run:
    last = wandb.Artifact("dist", type="data")
    last.add_file(write("last.txt", b"last"))
    run.finish_artifact(last, distributed_id="one", aliases=["done"])
    last.wait()
    assert last.version == "v0" and sorted(last.manifest.entries) == ["last.txt", "p0.txt", "p1.txt"]
    assert sorted(last.aliases) == ["done", "latest", "x0", "x1"], last.aliases
whole = api.artifact(f"{P}/dist:done")
whole.verify(whole.download("whole"))
with wandb.init(project=P) as run:
    more = wandb.Artifact("dist", type="data", incremental=True)
    more.add_file(write("more.txt", b"more"))
    run.log_artifact(more).wait()
    assert more.version == "v1" and sorted(more.manifest.entries) == ["last.txt", "more.txt", "p0.txt", "p1.txt"]

with wandb.init(project=P) as run:
    first = wandb.Table(columns=["id", "a"], data=[[1, "x"], [2, "y"]])
    second = wandb.Table(columns=["id", "b"], data=[[1, 10], [2, 20]])
    tables = wandb.Artifact("tables", "dataset")
    tables.add(first, "first"), tables.add(second, "second")
    tables.add(wandb.JoinedTable(first, second, "id"), "joined")
    run.log_artifact(tables).wait()
    refers = wandb.Artifact("refers", "dataset")
    refers.add_reference(tables.get_entry("first.table.json").ref_url(), name="borrowed.table.json")
    refers.add_reference(tables.get_entry("second.table.json"), name="taken.table.json")
    run.log_artifact(refers).wait()
    # By what the client calls an artifact that has no id yet.
    unsaved = wandb.Table(columns=["q"], data=[[5]])
    early, late = wandb.Artifact("early", "dataset"), wandb.Artifact("late", "dataset")
    early.add(unsaved, "table")
    run.log_artifact(early)
    late.add(unsaved, "again")
    run.log_artifact(late).wait()
refers = api.artifact(f"{P}/refers:v0")
assert sorted(os.listdir(refers.download("refers"))) == ["borrowed.table.json", "taken.table.json"]
assert refers.get("borrowed").data == [[1, "x"], [2, "y"]] and refers.get("taken").data == [[1, 10], [2, 20]]
assert os.path.exists(refers.get_entry("borrowed.table.json").download("borrowed"))
joined = api.artifact(f"{P}/tables:v0").get("joined")
assert joined._table1.data == [[1, "x"], [2, "y"]] and joined._table2.data == [[1, 10], [2, 20]]
late = api.artifact(f"{P}/late:v0")
assert late.get("again").data == [[5]] and late.manifest.entries["again.table.json"].ref.startswith("wandb-artifact://")

# Content that changes between its digest and its upload is refused, and no version comes of it.
with wandb.init(project=P) as run:
    changed = wandb.Artifact("changed", "dataset")
    changed.add_file(write("changing.bin", b"as announced"), policy="immutable", skip_cache=True)
    write("changing.bin", b"as uploaded.")
    fails("", lambda: run.log_artifact(changed).wait())
fails("", lambda: api.artifact(f"{P}/changed:v0"))
"""
)


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[System]:
    async with running_system(tmp_path_factory.mktemp("system")) as running:
        registry = {"name": "models", "artifact_types": ["model"]}
        await ok(await running.client.post(f"{V1}/registries", json=registry))
        yield running


@pytest.mark.parametrize("client", CLIENTS)
async def test_an_artifact_is_logged_read_changed_used_and_deleted(system: System, client: str, tmp_path: Path) -> None:
    project = f"life-{client[2:4].strip('.')}"
    await run_script(system.url, KEY, f"P = {project!r}\n{LIFE}", client=client, directory=tmp_path)
    version = await ok(await system.client.get(f"{V1}/collections/team/{project}/data/versions/v0"))
    assert (version["aliases"], version["tags"], version["ttl_seconds"]) == (["latest", "prod"], ["t2"], None)
    at = f"{V1}/collections/team/{project}/data/versions/v0/files/sub/b.bin"
    content = (await system.client.get((await ok(await system.client.get(at)))["url"])).content
    assert hashlib.sha256(content).digest() == hashlib.sha256(b"beta" * 1000).digest()
    events = [
        each["type"].removeprefix("dev.regista.")
        for each in (await ok(await system.client.get(f"{V1}/events", params={"limit": 500})))["items"]
        if json.dumps(each).find(f"team/{project}/data") >= 0
    ]
    assert {"artifact.created", "artifact.updated", "artifact.used", "artifact.deleted", "artifact.downloaded"} <= set(
        events
    )


@pytest.mark.parametrize("client", CLIENTS)
async def test_versions_are_linked_used_from_where_they_are_linked_and_unlinked(
    system: System, client: str, tmp_path: Path
) -> None:
    await run_script(
        system.url, KEY, f"P = 'links-{client[2:4].strip('.')}'\n{LINKS}", client=client, directory=tmp_path
    )


@pytest.mark.parametrize("client", CLIENTS)
async def test_several_runs_fill_a_version_and_versions_refer_to_each_other(
    system: System, client: str, tmp_path: Path
) -> None:
    await run_script(
        system.url, KEY, f"P = 'shared-{client[2:4].strip('.')}'\n{SHARED}", client=client, directory=tmp_path
    )
