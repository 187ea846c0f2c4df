"""Registries over the client's GraphQL: what its mutations mean, what they refuse, and what its lists cost."""

import asyncio
from typing import Any

import asyncpg
import pytest

from regista.wandb import ids
from tests.support.api import Api
from tests.support.registry import V1, happened, link, log

REGISTRY = """
    name description access allowAllArtifactTypes: allowAllArtifactTypesInRegistry
    entity { name organization { name } } artifactTypes(includeAll: true) { edges { node { name } } }
"""
SAVE = f"mutation S($input: UpsertModelInput!) {{ done: upsertModel(input: $input) {{ inserted project {{ {REGISTRY} }} }} }}"
RENAME = "mutation R($input: RenameProjectInput!) { done: renameProject(input: $input) { project { name } } }"
ADD = "mutation A($input: CreateProjectMembersInput!) { done: createProjectMembers(input: $input) { success } }"
LISTS = {
    "registries": f"projects(first: 50) {{ edges {{ node {{ {REGISTRY} }} }} }}",
    "collections": """artifactCollections(first: 50) { totalCount edges { node {
        name tags { edges { node { name } } } project { name entity { name } } defaultArtifactType { name } } } }""",
    "versions": """artifactMemberships(first: 50) { edges { node { versionIndex aliases { alias }
        artifactCollection { name project { name entity { name } } }
        artifact { digest tags { name } artifactType { name } artifactSequence { name project { name } } } } } }""",
}


async def send(api: Api, query: str, **given: Any) -> dict[str, Any]:
    answer = await api.client.post("/graphql", json={"query": query, "variables": {"input": given}})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def done(api: Api, query: str, **given: Any) -> dict[str, Any]:
    body = await send(api, query, **given)
    assert "errors" not in body, body
    return body["data"]["done"]


async def refused(api: Api, query: str, **given: Any) -> str:
    body = await send(api, query, **given)
    assert body["data"]["done"] is None, body
    return body["errors"][0]["message"]


def types(project: dict[str, Any]) -> list[str]:
    return [edge["node"]["name"] for edge in project["artifactTypes"]["edges"]]


NAME = "wandb-registry-models"
MODELS = {"entityName": "home-org", "name": NAME}


async def test_what_the_client_saves_of_a_registry(api: Api) -> None:
    made = await done(api, SAVE, **MODELS, access="RESTRICTED", artifactTypes=[{"name": "model"}], description="d")
    assert made["inserted"] is True
    assert made["project"] == {
        "name": NAME,
        "description": "d",
        "access": "RESTRICTED",
        "allowAllArtifactTypes": False,
        "entity": {"name": "home-org", "organization": {"name": "home"}},
        "artifactTypes": {"edges": [{"node": {"name": "model"}}]},
    }
    # New types come alone; what is null of types and access stays, a description is what is sent.
    saved = await done(api, SAVE, **MODELS, artifactTypes=[{"name": "dataset"}], description=None, access=None)
    assert saved["inserted"] is False
    assert (types(saved["project"]), saved["project"]["access"]) == (["dataset", "model"], "RESTRICTED")
    assert saved["project"]["description"] is None
    opened = await done(api, SAVE, **MODELS, allowAllArtifactTypesInRegistry=True, access="PRIVATE")
    assert (opened["project"]["access"], opened["project"]["allowAllArtifactTypes"]) == ("PRIVATE", True)
    assert (await api.client.get(f"{V1}/registries/models")).json()["visibility"] == "organization"


async def test_types_that_are_held_are_kept_when_a_registry_takes_no_others(api: Api) -> None:
    await done(api, SAVE, **MODELS, allowAllArtifactTypesInRegistry=True)
    source = (await log(api, {"m": b"1"}))["source"]
    await link(api, source, to=f"{V1}/collections/home-org/{NAME}/C")
    closed = await done(api, SAVE, **MODELS, allowAllArtifactTypesInRegistry=False, artifactTypes=[{"name": "table"}])
    assert types(closed["project"]) == ["model", "table"]
    assert closed["project"]["allowAllArtifactTypes"] is False


async def test_what_is_refused_says_what_to_do(api: Api) -> None:
    assert "make it under home-org" in await refused(api, SAVE, entityName="team", name=NAME)
    assert "PUBLIC" in await refused(api, SAVE, **MODELS, access="PUBLIC")
    assert "artifactTypes 'a/b'" in await refused(api, SAVE, **MODELS, artifactTypes=[{"name": "a/b"}])
    assert "1 to 113" in await refused(api, SAVE, entityName="home-org", name="wandb-registry-" + "x" * 114)
    assert "needs a name" in await refused(api, SAVE, entityName="home-org")
    assert "not by id" in await refused(api, SAVE, **MODELS, id="UHJvamVjdDox")
    await done(api, SAVE, **MODELS)
    names = {"entityName": "home-org", "oldProjectName": NAME}
    assert "its prefix" in await refused(api, RENAME, **names, newProjectName="models")
    assert (await done(api, RENAME, **names, newProjectName=NAME + "-2"))["project"]["name"] == NAME + "-2"
    await api.client.post(f"{V1}/projects/team", json={"name": "plain"})
    async with api.runtime.database.transaction() as tx:
        rows = await tx.connection.fetch("SELECT id, name FROM project")
    projects = {row["name"]: ids.encode("Project", row["id"]) for row in rows}
    admin = ids.encode("User", 1)
    assert "only registries have members" in await refused(api, ADD, projectId=projects["plain"], userIds=[admin])
    registry = projects[NAME + "-2"]
    assert "no account or team with id 99" in await refused(
        api, ADD, projectId=registry, userIds=[ids.encode("User", 99)]
    )
    assert "is not the id of a Entity" in await refused(api, ADD, projectId=registry, teamIds=[admin])
    # The organization's own entity is no team.
    assert "no team" in await refused(api, ADD, projectId=registry, teamIds=[ids.encode("Entity", 2)])


async def test_projects_are_made_changed_and_renamed_by_the_same_mutations(api: Api) -> None:
    made = await done(api, SAVE, entityName="team", name="plain", description="d")
    assert (made["inserted"], made["project"]["access"]) == (True, "PRIVATE")
    changed = await done(api, SAVE, entityName="team", name="plain", description=None, access="USER_READ")
    assert (changed["inserted"], changed["project"]["description"], changed["project"]["access"]) == (
        False,
        "d",
        "USER_READ",
    )
    assert (await done(api, SAVE, name="mine"))["project"]["entity"]["name"] == "team"
    renamed = await done(api, RENAME, entityName="team", oldProjectName="plain", newProjectName="other")
    assert renamed["project"]["name"] == "other"
    taken = await refused(api, RENAME, entityName="team", oldProjectName="other", newProjectName="mine")
    assert "has a project 'mine' already" in taken
    assert "registries" in await refused(
        api, RENAME, entityName="team", oldProjectName="other", newProjectName="wandb-registry-x"
    )
    kinds = [event["type"].removeprefix("dev.regista.") for event in await happened(api, "project.")]
    assert kinds == ["project.created", "project.updated", "project.created", "project.updated"]


@pytest.mark.parametrize("name", LISTS)
async def test_a_page_costs_as_many_statements_however_long_it_is(
    api: Api, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    said: list[str] = []

    def counted(method: str) -> None:
        plain: Any = getattr(asyncpg.Connection, method)

        async def count(self: Any, statement: str, *arguments: Any, **options: Any) -> Any:
            said.append(statement)
            return await plain(self, statement, *arguments, **options)

        monkeypatch.setattr(asyncpg.Connection, method, count)

    async def cost() -> tuple[int, int]:
        await api.client.get(f"{V1}/me")
        said.clear()
        query = f'query {{ organization(name: "home") {{ orgEntity {{ page: {LISTS[name]} }} }} }}'
        answer = await api.client.post("/graphql", json={"query": query})
        assert "errors" not in answer.json(), answer.text
        return len(said), len(answer.json()["data"]["organization"]["orgEntity"]["page"]["edges"])

    sources = [(await log(api, {"m": b"%d" % number}, f"c{number}"))["source"] for number in range(4)]

    async def more(number: int) -> None:
        answer = await api.client.post(f"{V1}/registries", json={"name": f"r{number}"})
        assert answer.status_code == 201
        for source in sources[: number + 1]:
            await link(api, source, to=f"{V1}/collections/home-org/wandb-registry-r{number}/C{number}")

    await more(0)
    await asyncio.sleep(0.1)  # roles have changed, and all keys are read again
    for method in ("fetch", "fetchrow", "fetchval", "execute"):
        counted(method)
    short = await cost()
    for number in range(1, 4):
        await more(number)
    await asyncio.sleep(0.1)
    long = await cost()
    assert short[1] == 1
    assert long[1] >= 4
    assert long[0] == short[0]
