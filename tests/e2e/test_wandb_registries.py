"""Registries, collections, search and people, through the unmodified clients."""

import base64
import hashlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from tests.support.system import KEY, System, ok, running_system
from tests.support.wandb_clients import CLIENTS, NEWEST, OLDEST, run_script

V1 = "/api/v1"
PRELUDE = """
import warnings
import wandb

def fails(error, text, do):
    try:
        do()
    except error as raised:
        said = " <- ".join(str(each) for each in (raised, raised.__cause__, raised.__context__) if each is not None)
        assert text in said, said
    else:
        raise AssertionError(f"nothing was raised, not {text!r}")

api = wandb.Api()
"""
REGISTRIES = (
    PRELUDE
    + """
registry = api.create_registry(NAME, "organization", description="what runs", artifact_types=["model"])
assert (registry.name, registry.full_name) == (NAME, f"wandb-registry-{NAME}")
assert (registry.organization, registry.entity) == ("home", "home-org")
assert registry.visibility == "organization" and registry.description == "what runs"
assert not registry.allow_all_artifact_types and list(registry.artifact_types) == ["model"]
fails(ValueError, "already", lambda: api.create_registry(NAME, "organization"))
fails(ValueError, "", lambda: api.create_registry("no/slash", "organization"))
fails(ValueError, "", lambda: api.registry("there-is-none"))

registry.artifact_types.append("dataset")
registry.description = "changed"
registry.save()
registry = api.registry(NAME)
assert list(registry.artifact_types) == ["dataset", "model"] and registry.description == "changed"
fails(ValueError, "", lambda: registry.artifact_types.remove("model"))
registry.allow_all_artifact_types = True
registry.visibility = "restricted"
registry.save()
registry = api.registry(NAME, organization="home")
assert registry.allow_all_artifact_types and registry.visibility == "restricted"
registry.name = NAME + "-renamed"
registry.save()
assert registry.full_name == f"wandb-registry-{NAME}-renamed"
assert [each.name for each in api.registries(filter={"name": {"$regex": f"{NAME}-re"}})] == [NAME + "-renamed"]
fails(ValueError, "", lambda: api.registry(NAME))
registry.delete()
fails(ValueError, "", lambda: api.registry(NAME + "-renamed"))
api.create_registry(NAME, "restricted").delete()
print("DONE")
"""
)
SEARCH = (
    PRELUDE
    + """
def names(found):
    return [each.name for each in found]

assert set(names(api.registries())) >= {"vision", "speech", "vault"}
assert names(api.registries(filter={"name": "vision"})) == ["vision"]
assert sorted(names(api.registries(filter={"name": {"$in": ["vision", "vault"]}}))) == ["vault", "vision"]
assert names(api.registries(filter={"description": {"$contains": "see"}})) == ["vision"]
assert names(api.registries(filter={"$or": [{"name": "speech"}, {"name": "vault"}]})) == ["speech", "vault"]
assert names(api.registries(filter={"created_at": {"$gt": "2999-01-01"}})) == []

vision = api.registry("vision")
collections = vision.collections()
assert sorted(names(collections)) == ["A", "B", "C"]
assert names(vision.collections(filter={"name": "B"})) == ["B"]
assert names(vision.collections(filter={"tag": "checked"})) == ["A"]
assert names(vision.collections(filter={"$not": {"tag": "checked"}, "name": {"$ne": "B"}})) == ["C"]
one = next(iter(vision.collections(filter={"name": "A"})))
assert (one.type, one.tags, one.description, one.entity, one.project) == (
    "model", ["checked"], "the first", "home-org", "wandb-registry-vision")
assert sorted(one.aliases) == ["best", "latest"]

found = sorted(each.name for each in vision.versions())
assert found == ["A:v0", "A:v1", "B:v0", "C:v0"], found

def versions(**filter):
    return sorted(each.name for each in vision.versions(filter=filter))
assert versions(alias="best") == ["A:v0"]
assert versions(tag="fast") == ["B:v0"]
assert versions(**{"metadata.acc": {"$gte": 0.9}}) == ["A:v1", "B:v0"]
assert versions(**{"metadata.name": "x"}) == ["A:v0"]
assert versions(**{"$or": [{"alias": "best"}, {"tag": "fast"}]}) == ["A:v0", "B:v0"]
assert versions(version="v1") == ["A:v1"]
assert versions(created_at={"$lt": "2000-01-01"}) == []
assert sorted(each.name for each in api.registries().collections(filter={"name": "A"}).versions(filter={"alias": "latest"})) == ["A:v1"]
best = next(iter(vision.versions(filter={"alias": "best"})))
assert best.type == "model" and "best" in best.aliases and best.metadata["name"] == "x"
assert (best.source_name, best.source_project, best.source_entity) == ("a:v0", "demo", "team"), best.source_name
assert best.is_link
print("DONE")
"""
)
COLLECTIONS = (
    PRELUDE
    + """
project = PROJECT
types = {each.name for each in api.artifact_types(project)}
assert types >= {"model", "dataset"}, types
assert api.artifact_type("model", project).name == "model"
fails((ValueError, wandb.CommError), "", lambda: api.artifact_type("nothing", project))
assert {each.name for each in api.artifact_type("model", project).collections()} == {"a", "b"}
assert {each.name for each in api.artifact_collections(project, "dataset")} == {"data"}
a = api.artifact_collection("model", f"{project}/a")
assert a.is_sequence() and a.type == "model" and a.entity == "team"
assert [each.version for each in a.artifacts()] == ["v1", "v0"]
assert a.aliases == ["latest"]
a.description = "described"
a.tags = ["one", "two"]
a.save()
a = api.artifact_collection("model", f"{project}/a")
assert a.description == "described" and sorted(a.tags) == ["one", "two"]
a.tags = ["two", "three"]
a.save()
assert sorted(api.artifact_collection("model", f"{project}/a").tags) == ["three", "two"]
a.name = "renamed"
a.save()
assert api.artifact_collection_exists(f"{project}/renamed", "model")
assert not api.artifact_collection_exists(f"{project}/a", "model")
assert not api.artifact_collection_exists(f"{project}/renamed", "dataset")
fails(Exception, "", lambda: (setattr(a, "tags", ["a:b"]), a.save()))
a = api.artifact_collection("model", f"{project}/renamed")
a.name = "b"
fails(Exception, "exists already", a.save)
data = api.artifact_collection("dataset", f"{project}/data")
data.type = "table"
data.save()
assert api.artifact_collection("table", f"{project}/data").type == "table"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    data.change_type("dataset")
assert api.artifact_collection("dataset", f"{project}/data").type == "dataset"
assert api.artifact_exists(f"{project}/renamed:v1") and api.artifact_exists(f"{project}/renamed:latest", "model")
assert not api.artifact_exists(f"{project}/renamed:v9") and not api.artifact_exists(f"{project}/none:v0")
data.delete()
assert not api.artifact_collection_exists(f"{project}/data", "dataset")

linked = api.artifact_collection("model", "wandb-registry-vision/A")
assert not linked.is_sequence() and linked.entity == "home-org"
assert api.artifact_type("model", "wandb-registry-vision").name == "model"
assert api.artifact_collection_exists("wandb-registry-vision/A", "model")
assert api.artifact_exists("wandb-registry-vision/A:best")
print("DONE")
"""
)
PEOPLE = (
    PRELUDE
    + """
viewer = api.viewer
assert (viewer.username, viewer.entity) == ("admin", "team") and "team" in viewer.teams
assert api.default_entity == "team"
assert len(viewer.api_keys) >= 1
if OLD:
    # It takes the first key's name for the key itself, which Regista does not keep.
    fails(wandb.errors.AuthenticationError, "", viewer.generate_api_key)
else:
    key = viewer.generate_api_key()
    assert key and len(key) >= 40
    assert wandb.Api(api_key=key).viewer.username == "admin"
    fresh = wandb.Api().viewer
    assert len(fresh.api_keys) == len(viewer.api_keys)
    newest = fresh.api_keys[-1]
    assert key.startswith(newest)
    assert fresh.delete_api_key(newest)
    assert newest not in wandb.Api().viewer.api_keys

user = api.create_user(f"Ann.Lee-{SUFFIX}@example.com")
assert user.email == f"Ann.Lee-{SUFFIX}@example.com"
found = api.user(f"ann.lee-{SUFFIX}")
assert found.email == user.email and found.username == f"ann.lee-{SUFFIX}", found
assert api.user("nobody-of-that-name") is None
assert [each.username for each in api.users(f"ann.lee-{SUFFIX}@example.com")] == [f"ann.lee-{SUFFIX}"]
team = api.create_team(f"vision-{SUFFIX}")
assert [member.name for member in team.members] == ["admin"]
assert team.invite(f"ann.lee-{SUFFIX}")
if not OLD:
    assert not team.invite("nobody-at-all")
if not OLD:
    assert not team.invite(f"ann.lee-{SUFFIX}")
team = api.team(f"vision-{SUFFIX}")
assert [member.name for member in team.members] == ["admin", f"ann.lee-{SUFFIX}"]
robot = team.create_service_account(f"CI robot {SUFFIX}")
assert robot.name == f"ci-robot-{SUFFIX}" and robot.account_type == "SERVICE", robot
assert team.members[1].delete()
assert [member.name for member in api.team(f"vision-{SUFFIX}").members] == ["admin", f"ci-robot-{SUFFIX}"]

api.create_project(f"made-{SUFFIX}", "team")
assert f"made-{SUFFIX}" in [each.name for each in api.projects("team")]
print("DONE")
"""
)
LINKS = (
    PRELUDE
    + """
registry = api.create_registry(NAME, "organization", artifact_types=["model"])
api.create_registry(NAME + "-data", "organization", artifact_types=["dataset"])
target = f"wandb-registry-{NAME}/M"
source = api.artifact("team/demo/a:v0")
with wandb.init(project="links", settings=wandb.Settings(console="off")) as run:
    run.link_artifact(source, target, aliases=["prod"])
    fails(Exception, "accepts artifacts of type 'dataset', not 'model'",
          lambda: run.link_artifact(source, f"wandb-registry-{NAME}-data/M"))
    fails(Exception, "does not exist, or you may not see it", lambda: run.link_artifact(source, "wandb-registry-none/M"))
    assert run.use_artifact(f"{target}:prod").digest == source.digest
for path in (f"{target}:prod", f"home/{target}:latest", f"home-org/{target}:v0"):
    linked = api.artifact(path)
    assert linked.qualified_name.startswith(f"home-org/{target}:"), linked.qualified_name
    assert linked.source_qualified_name == "team/demo/a:v0" and sorted(linked.aliases) == ["latest", "prod"]
api.artifact("team/demo/a:v1").link(target, aliases=["prod"])
assert sorted(each.name for each in registry.versions(filter={"alias": "prod"})) == ["M:v1"]
assert f"home-org/{target}:v0" in [each.qualified_name for each in api.artifact("team/demo/a:v0").linked_artifacts]
api.artifact(f"{target}:prod").unlink()
assert [each.name for each in registry.versions()] == ["M:v0"]
registry.delete()
api.registry(NAME + "-data").delete()
assert api.artifact("team/demo/a:v0").digest == source.digest
print("DONE")
"""
)
NEWEST_ONLY = (
    PRELUDE
    + """
from itertools import islice

organization = api.organization()
assert (organization.name, organization.org_entity.name) == ("home", "home-org")
fails(wandb.CommError, "not found", lambda: api.organization("nowhere"))

registry = api.registry("vault")
assert [(each.user.username, each.role) for each in registry.user_members()] == [("admin", "admin")]
assert registry.team_members() == []
ann, team = api.create_user("member@example.com"), api.team("team")
registry.add_members(ann, team)
assert [(each.user.username, each.role) for each in registry.user_members()] == [("admin", "admin"), ("member", "viewer")]
assert [(each.team.name, each.role) for each in registry.team_members()] == [("team", "viewer")]
for role in ("restricted_viewer", "member", "admin"):
    registry.update_member(ann, role).update_member(team, role)
    assert [each.role for each in registry.members()] == ["admin", role, role]
registry.add_members(ann)
assert [each.role for each in registry.user_members()] == ["admin", "admin"]
fails(Exception, "owner", lambda: registry.update_member(ann, "owner"))
registry.remove_members(ann, team)
assert [each.role for each in registry.members()] == ["admin"]
registry.remove_members(ann)

def names(found):
    return [each.name for each in found]

assert names(api.registries(order="-name"))[:3] == sorted(names(api.registries()), reverse=True)[:3]
assert names(api.registries(filter={"$or": [{"name": "speech"}, {"name": "vault"}]}, per_page=1)) == ["speech", "vault"]
vision = api.registry("vision")
assert len(vision.collections()) == 3 and len(list(vision.versions(per_page=1))) == 4
assert names(vision.collections(order="name")) == ["A", "B", "C"]
assert names(vision.collections(order="-created_at", per_page=2)) == ["C", "B", "A"]
assert names(vision.versions(order="created_at")) == ["A:v0", "A:v1", "B:v0", "C:v0"]
assert names(vision.versions(order="-linked_at", per_page=1)) == ["C:v0", "B:v0", "A:v1", "A:v0"]
assert names(vision.versions(order="-artifact_size"))[0] == "C:v0"
assert names(vision.versions(filter={"artifact_size": {"$gt": 100}})) == ["C:v0"]
pages = vision.collections(order="name", per_page=2)
assert names(islice(pages, 2)) == ["A", "B"]
assert names(vision.collections(order="name", start=pages.cursor)) == ["C"]
ordered = api.registries(filter={"name": {"$in": ["vision", "speech"]}}, order="-name")
assert names(ordered.collections(order="name")) == ["A", "B", "C", "S"]
assert names(api.registries(order="name").versions(filter={"alias": "latest"})) == ["S:v0", "C:v0", "B:v0", "A:v1"]
assert names(api.project("demo", "team").collections(order="name")) == ["a", "b", "c"]
fails(Exception, "", lambda: list(vision.versions(filter={"colour": "red"})))
print("DONE")
"""
)


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[System]:
    """A system with three registries, and what is linked in them."""
    async with running_system(tmp_path_factory.mktemp("registries") / "data") as system:
        await furnish(system)
        yield system


async def furnish(system: System) -> None:
    client = system.client
    for name, visibility, description in (
        ("vision", "organization", "what we see"),
        ("speech", "organization", None),
        ("vault", "restricted", None),
    ):
        body = {"name": name, "visibility": visibility, "description": description}
        await ok(await client.post(f"{V1}/registries", json=body))
    await log(system, "demo", "a", b"a0", metadata={"acc": 0.5, "name": "x"})
    await log(system, "demo", "a", b"a1", metadata={"acc": 0.9})
    await log(system, "demo", "b", b"b0", metadata={"acc": 1})
    await log(system, "demo", "c", b"c" * 200)
    for source, path in (
        ("a:v0", "vision/A"),
        ("a:v1", "vision/A"),
        ("b:v0", "vision/B"),
        ("c:v0", "vision/C"),
        ("c:v0", "speech/S"),
    ):
        target = f"{V1}/collections/home-org/wandb-registry-{path}"
        await ok(await client.post(f"{target}/versions", json={"source": f"team/demo/{source}"}))
    vision = f"{V1}/collections/home-org/wandb-registry-vision"
    await ok(await client.put(f"{vision}/A/aliases/best", json={"version": "v0"}))
    await ok(await client.put(f"{vision}/A/tags/checked", json={}))
    await ok(await client.patch(f"{vision}/A", json={"description": "the first"}))
    await ok(await client.put(f"{vision}/B/versions/v0/tags/fast", json={}))


async def log(system: System, project: str, name: str, content: bytes, type_: str = "model", **fields: Any) -> None:
    digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    manifest = [{"path": "file", "size": len(content), "md5": digest}]
    body = {"entity": "team", "project": project, "collection": name, "type": type_, "manifest": manifest, **fields}
    made = await ok(await system.client.post(f"{V1}/artifacts", json=body))
    for upload in made["uploads"]:
        if upload["upload_url"] is not None:
            await ok(await system.client.put(upload["upload_url"], content=content))
    await ok(await system.client.post(f"{V1}/artifacts/{made['id']}/commit"))


@pytest.mark.parametrize("client", CLIENTS)
async def test_registries_are_made_changed_renamed_and_deleted(system: System, client: str, tmp_path: Path) -> None:
    source = f"NAME = {'own-' + client.replace('.', '-')!r}\n" + REGISTRIES
    assert "DONE" in await run_script(system.url, KEY, source, client=client, directory=tmp_path)


@pytest.mark.parametrize("client", CLIENTS)
async def test_registries_collections_and_versions_are_found(system: System, client: str, tmp_path: Path) -> None:
    assert "DONE" in await run_script(system.url, KEY, SEARCH, client=client, directory=tmp_path)


@pytest.mark.parametrize("client", CLIENTS)
async def test_collections_are_read_and_changed(system: System, client: str, tmp_path: Path) -> None:
    project = "own-" + client.replace(".", "-")
    await log(system, project, "a", b"1")
    await log(system, project, "a", b"2")
    await log(system, project, "b", b"3")
    await log(system, project, "data", b"4", "dataset")
    source = COLLECTIONS.replace("PROJECT", repr(f"team/{project}"))
    assert "DONE" in await run_script(system.url, KEY, source, client=client, directory=tmp_path)


@pytest.mark.parametrize("client", CLIENTS)
async def test_versions_are_linked_into_registries_that_accept_them(
    system: System, client: str, tmp_path: Path
) -> None:
    source = f"NAME = {'links-' + client.replace('.', '-')!r}\n" + LINKS
    assert "DONE" in await run_script(system.url, KEY, source, client=client, directory=tmp_path)


@pytest.mark.parametrize("client", CLIENTS)
async def test_people_teams_keys_and_projects(system: System, client: str, tmp_path: Path) -> None:
    suffix = client.replace(".", "-")
    source = f"SUFFIX = {suffix!r}\nOLD = {client == OLDEST}\n" + PEOPLE
    assert "DONE" in await run_script(system.url, KEY, source, client=client, directory=tmp_path)


async def test_members_orders_and_pages_of_the_newest_client(system: System, tmp_path: Path) -> None:
    assert "DONE" in await run_script(system.url, KEY, NEWEST_ONLY, client=NEWEST, directory=tmp_path)


async def test_who_is_in_no_registry_finds_what_the_organization_may_see(system: System, tmp_path: Path) -> None:
    await ok(await system.client.post(f"{V1}/users", json={"name": "eve"}))
    key = (await ok(await system.client.post(f"{V1}/api-keys", json={"user": "eve"})))["key"]
    source = (
        PRELUDE
        + """
assert sorted(each.name for each in api.registries()) == ["speech", "vision"]
assert sorted(each.name for each in api.registries().collections()) == ["A", "B", "C", "S"]
assert sorted(each.name for each in api.registries().versions(filter={"alias": "best"})) == ["A:v0"]
fails(ValueError, "", lambda: api.registry("vault"))
fails(Exception, "", lambda: api.create_registry("mine", "organization"))
vision = api.registry("vision")
vision.description = "mine"
fails(ValueError, "needs role admin", vision.save)
fails(ValueError, "needs role admin", vision.delete)
fails(Exception, "", lambda: api.artifact_collection("model", "team/demo/a"))
print("DONE")
"""
    )
    assert "DONE" in await run_script(system.url, key, source, client=NEWEST, directory=tmp_path)


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_team_with_a_role_links_what_it_logged_and_admins_alone_move_protected_aliases(
    system: System, client: str, tmp_path: Path
) -> None:
    name = "roles-" + client.replace(".", "-")
    admin = system.client
    await ok(await admin.post(f"{V1}/teams", json={"name": f"team-{name}"}))
    await ok(await admin.post(f"{V1}/users", json={"name": name, "team": f"team-{name}"}))
    await ok(await admin.post(f"{V1}/registries", json={"name": name, "visibility": "restricted"}))
    await ok(await admin.put(f"{V1}/registries/{name}/members/team-{name}", json={"role": "member"}))
    await ok(await admin.put(f"{V1}/registries/{name}/protected-aliases/production"))
    key = (await ok(await admin.post(f"{V1}/api-keys", json={"user": name})))["key"]
    source = (
        f"NAME = {name!r}\n"
        + PRELUDE
        + """
assert NAME in [each.name for each in api.registries()]
with wandb.init(project="own", settings=wandb.Settings(console="off")) as run:
    with open("model.txt", "w") as file:
        file.write(NAME)
    logged = run.log_artifact("model.txt", name="m", type="model")
    logged.wait()
    run.link_artifact(logged, f"wandb-registry-{NAME}/M", aliases=["staging"])
    fails(Exception, "the alias is protected", lambda: run.link_artifact(
        logged, f"wandb-registry-{NAME}/M", aliases=["production"]))
assert run.entity == f"team-{NAME}", run.entity
linked = api.artifact(f"wandb-registry-{NAME}/M:staging")
linked.aliases.append("checked")
linked.save()
linked = api.artifact(f"wandb-registry-{NAME}/M:checked")
linked.aliases.append("production")
fails(Exception, "the alias is protected", linked.save)
registry = api.registry(NAME)
registry.description = "mine"
fails(ValueError, "needs role admin", registry.save) if not OLD else fails(Exception, "", registry.save)
print("DONE")
"""
    )
    source = f"OLD = {client == OLDEST}\n{source}"
    assert "DONE" in await run_script(system.url, key, source, client=client, directory=tmp_path)
    version = await ok(await admin.get(f"{V1}/collections/home-org/wandb-registry-{name}/M/versions/v0"))
    assert version["aliases"] == ["checked", "latest", "staging"]
    await ok(await admin.delete(f"{V1}/registries/{name}"))
