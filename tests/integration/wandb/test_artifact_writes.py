"""What the client changes of versions: description, tags, aliases, links, use, deletion; and what it is refused."""

from typing import Any

import pytest

from tests.support import wandb_artifacts as wb
from tests.support.api import Api
from tests.support.registry import V1, happened, short
from tests.support.wandb_artifacts import done, graphql, refusal

UPDATE = (
    "mutation($input: UpdateArtifactInput!) { updateArtifact(input: $input) { artifact { id ttlDurationSeconds } } }"
)
ADD = "mutation($input: AddAliasesInput!) { addAliases(input: $input) { success } }"
REMOVE = "mutation($input: DeleteAliasesInput!) { deleteAliases(input: $input) { success } }"
DELETE = "mutation($input: DeleteArtifactInput!) { deleteArtifact(input: $input) { artifact { id state } } }"
LINK = """
mutation($input: LinkArtifactInput!) { linkArtifact(input: $input) {
    versionIndex artifactMembership { id versionIndex aliases { alias } artifactCollection { id __typename name }
    artifact { id artifactSequence { name } } } } }
"""
UNLINK = "mutation($input: UnlinkArtifactInput!) { unlinkArtifact(input: $input) { success artifactID } }"
USE = "mutation($input: UseArtifactInput!) { useArtifact(input: $input) { artifact { id } } }"


def alias(name: str, collection: str = "model", project: str = "train") -> dict[str, str]:
    return {"entityName": "team", "projectName": project, "artifactCollectionName": collection, "alias": name}


def target(name: str = "MNIST", *aliases: str, **more: Any) -> dict[str, Any]:
    given = [{"artifactCollectionName": name, "alias": each} for each in aliases]
    return {
        "entityName": "team",
        "projectName": "model-registry",
        "artifactPortfolioName": name,
        "aliases": given,
        **more,
    }


async def test_a_version_is_changed_in_one_transaction_with_an_event_for_each_change(api: Api) -> None:
    made = await wb.log(api, {"f": b"x"}, tags=[{"tagName": "old"}])
    change = {
        "artifactID": made["id"],
        "description": "new",
        "metadata": '{"a": [1, null]}',
        "ttlDurationSeconds": 86400,
        "tagsToAdd": [{"tagName": "new"}],
        "tagsToDelete": [{"tagName": "old"}, {"tagName": "never there"}],
    }
    assert (await done(api, UPDATE, input=change))["artifact"]["ttlDurationSeconds"] == 86400
    assert short(await happened(api, "artifact.updated", "tag.")) == [
        "artifact.updated v0",
        "tag.added new v0",
        "tag.removed old v0",
    ]
    before = len(await happened(api))
    same = {"artifactID": made["id"], "description": "new", "metadata": '{"a": [1, null]}'}
    await done(api, UPDATE, input=same)
    assert len(await happened(api)) == before
    for left in (-1, -2):
        assert (await done(api, UPDATE, input={"artifactID": made["id"], "ttlDurationSeconds": left}))["artifact"] == {
            "id": made["id"],
            "ttlDurationSeconds": -2,
        }
    refused = {**same, "description": "kept out", "tagsToAdd": [{"tagName": "no/slash"}]}
    assert "no/slash" in await refusal(api, UPDATE, input=refused)
    assert (await done(api, wb.SHOW, id=made["id"]))["description"] == "new"
    assert "100" in await refusal(
        api,
        UPDATE,
        input={"artifactID": made["id"], "metadata": str({str(n): 0 for n in range(101)}).replace("'", '"')},
    )


async def test_aliases_are_set_and_removed_where_the_client_says_and_latest_stays_the_servers(api: Api) -> None:
    made = await wb.log(api, {"f": b"x"})
    await done(api, LINK, input=target("MNIST", artifactID=made["id"]))
    both = [alias("best"), alias("latest"), alias("prod", "MNIST", "model-registry")]
    await done(api, ADD, input={"artifactID": made["id"], "aliases": both})
    shown = (await done(api, wb.SHOW, id=made["id"]))["aliases"]
    assert {(one["artifactCollection"]["name"], one["alias"]) for one in shown} == {
        ("model", "best"),
        ("model", "latest"),
        ("MNIST", "prod"),
        ("MNIST", "latest"),
    }
    removed = [alias("best"), alias("latest"), alias("nobody")]
    await done(api, REMOVE, input={"artifactID": made["id"], "aliases": removed})
    shown = (await done(api, wb.SHOW, id=made["id"]))["aliases"]
    assert ("model", "latest") in {(one["artifactCollection"]["name"], one["alias"]) for one in shown}
    assert "best" not in {one["alias"] for one in shown}
    for wrong in ("v7", "a/b", ""):
        assert "alias" in await refusal(api, ADD, input={"artifactID": made["id"], "aliases": [alias(wrong)]})
    elsewhere = {"artifactID": made["id"], "aliases": [alias("x", "nowhere")]}
    assert "no version of team/train/nowhere" in await refusal(api, ADD, input=elsewhere)


async def test_several_aliases_are_all_set_or_none(api: Api) -> None:
    made = await wb.log(api, {"f": b"x"})
    await refusal(api, ADD, input={"artifactID": made["id"], "aliases": [alias("fine"), alias("v7")]})
    assert short(await happened(api, "alias.")) == ["alias.added latest None→v0"]


async def test_a_link_makes_the_portfolio_and_again_moves_only_its_aliases(api: Api) -> None:
    made = await wb.log(api, {"f": b"x"}, clientID="c" * 32)
    first = await done(api, LINK, input=target("MNIST", "staging", clientID="c" * 32))
    member = first["artifactMembership"]
    assert (first["versionIndex"], member["artifactCollection"]["__typename"]) == (0, "ArtifactPortfolio")
    assert {one["alias"] for one in member["aliases"]} == {"staging", "latest"}
    assert member["artifact"] == {"id": made["id"], "artifactSequence": {"name": "model"}}
    again = await done(api, LINK, input=target("MNIST", "prod", artifactID=made["id"]))
    assert again["versionIndex"] == 0
    assert len(await happened(api, "artifact.linked")) == 1
    by_id = {"artifactPortfolioID": member["artifactCollection"]["id"], "artifactID": made["id"]}
    assert (await done(api, LINK, input=by_id))["versionIndex"] == 0
    unlink = {"artifactID": made["id"], "artifactPortfolioID": member["artifactCollection"]["id"]}
    assert (await done(api, UNLINK, input=unlink)) == {"success": True, "artifactID": made["id"]}
    assert "no version of" in await refusal(api, UNLINK, input=unlink)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"clientID": "unknown"}, "not logged yet"),
        ({}, "not logged yet"),
        ({"artifactID": "QXJ0aWZhY3Q6OTk5"}, "does not exist"),
        ({"artifactID": "?"}, "Artifact"),
        ({"artifactID": "QXJ0aWZhY3Q6MQ==", "artifactPortfolioName": "a/b"}, "a/b"),
        ({"artifactID": "QXJ0aWZhY3Q6MQ==", "projectName": "train", "artifactPortfolioName": "model"}, "sequence"),
        ({"artifactID": "QXJ0aWZhY3Q6MQ==", "projectName": "wandb-registry-none"}, 'create_registry("none"'),
    ],
)
async def test_a_link_that_cannot_be_is_refused_with_the_reason(api: Api, given: dict[str, Any], said: str) -> None:
    await wb.log(api, {"f": b"x"})
    assert said in await refusal(api, LINK, input=target(**given))


async def test_a_pending_artifact_is_neither_linked_nor_used_nor_changed(api: Api) -> None:
    await wb.run(api)
    one = await wb.Logging(api, {"f": b"x"}).create()
    use = {"artifactID": one.id, "entityName": "team", "projectName": "train", "runName": "r"}
    for mutation, given in (
        (LINK, target(artifactID=one.id)),
        (USE, use),
        (UPDATE, {"artifactID": one.id, "description": "d"}),
        (DELETE, {"artifactID": one.id}),
        (ADD, {"artifactID": one.id, "aliases": [alias("x")]}),
    ):
        assert await refusal(api, mutation, input=given)
    assert "not committed yet" in await refusal(api, LINK, input=target(artifactID=one.id))
    stranger = await api.key_of("stranger")
    assert "train" not in await refusal(api, LINK, stranger, input=target(artifactID=one.id))
    shown = await done(api, wb.SHOW, id=one.id)
    assert (shown["state"], shown["currentManifest"], shown["versionIndex"]) == ("PENDING", None, None)


async def test_use_is_lineage_and_an_event_under_the_name_the_run_gives_it(api: Api) -> None:
    await wb.run(api)
    made = await wb.log(api, {"f": b"x"}, runName="r")
    await done(api, LINK, input=target(artifactID=made["id"]))
    await wb.run(api, "user")
    given = {
        "artifactID": made["id"],
        "entityName": "team",
        "projectName": "train",
        "runName": "user",
        "usedAs": "weights",
        "artifactEntityName": "team",
        "artifactProjectName": "model-registry",
    }
    for _ in range(2):
        assert (await done(api, USE, input=given))["artifact"]["id"] == made["id"]
    events = await happened(api, "artifact.used")
    assert [(one["data"]["run"], one["data"]["used_as"], one["subject"]) for one in events] == [
        ("team/train/runs/user", "weights", "team/model-registry/MNIST:v0")
    ] * 2
    lineage = (await api.client.get(f"{V1}/collections/team/train/model/versions/v0/lineage")).json()
    assert (lineage["logged_by"], lineage["used_by"]) == (["team/train/runs/r"], ["team/train/runs/user"])
    around = await done(
        api,
        """query($id: ID!) { artifact(id: $id) { createdBy { __typename ... on Run { name project { name } } }
           usedBy { edges { node { name project { name entity { name } } } } } } }""",
        id=made["id"],
    )
    assert around["createdBy"] == {"__typename": "Run", "name": "r", "project": {"name": "train"}}
    assert [edge["node"]["name"] for edge in around["usedBy"]["edges"]] == ["user"]
    of_runs = await done(
        api,
        """{ project(name: "train", entityName: "team") {
           r: run(name: "r") { outputArtifacts(first: 1) { totalCount edges { node { id } } pageInfo { hasNextPage } } }
           user: run(name: "user") { inputArtifacts { totalCount edges { node { id } } } } } }""",
    )
    assert of_runs["r"]["outputArtifacts"] == {
        "totalCount": 1,
        "edges": [{"node": {"id": made["id"]}}],
        "pageInfo": {"hasNextPage": False},
    }
    assert of_runs["user"]["inputArtifacts"] == {"totalCount": 1, "edges": [{"node": {"id": made["id"]}}]}
    assert "nobody" in await refusal(api, USE, input={**given, "runName": "nobody"})


async def test_a_version_with_aliases_is_deleted_only_when_that_is_asked_for(api: Api) -> None:
    made = await wb.log(api, {"f": b"x"}, aliases=[{"artifactCollectionName": "model", "alias": "best"}])
    assert "team/train/model:best" in await refusal(api, DELETE, input={"artifactID": made["id"]})
    gone = await done(api, DELETE, input={"artifactID": made["id"], "deleteAliases": True})
    assert gone["artifact"]["id"] == made["id"]
    assert await done(api, wb.SHOW, id=made["id"]) is None
    assert (await wb.log(api, {"f": b"x"}))["versionIndex"] == 1


async def test_a_version_is_not_deleted_from_under_a_protected_alias_of_a_registry(api: Api) -> None:
    await api.client.post(f"{V1}/registries", json={"name": "models"})
    made = await wb.log(api, {"f": b"x"})
    entry = target("M", "production", artifactID=made["id"], entityName="home-org", projectName="wandb-registry-models")
    await done(api, LINK, input=entry)
    async with api.runtime.database.transaction() as tx:
        await tx.connection.execute(
            "INSERT INTO protected_alias (organization_id, project_id, alias) "
            "SELECT organization_id, project_id, 'production' FROM registry"
        )
    assert "protected" in await refusal(api, DELETE, input={"artifactID": made["id"], "deleteAliases": True})
    member = await api.key_of("member", team="team")
    grant = {"user": "member", "role": "member"}
    await api.client.put(f"{V1}/registries/models/members/user/member", json={"role": grant["role"]})
    moved = alias("production", "M", "wandb-registry-models") | {"entityName": "home-org"}
    sentence = await refusal(api, REMOVE, member, input={"artifactID": made["id"], "aliases": [moved]})
    assert "admin" in sentence


async def test_roles_decide_what_the_client_may_do_with_a_version(api: Api) -> None:
    await wb.run(api)
    made = await wb.log(api, {"f": b"x"}, runName="r")
    files = "query($id: ID!) { artifact(id: $id) { files { edges { node { name directUrl } } } } }"
    use = {"artifactID": made["id"], "entityName": "team", "projectName": "train", "runName": "r"}
    create = {
        "entityName": "team",
        "projectName": "train",
        "artifactTypeName": "model",
        "artifactCollectionName": "model",
        "digest": "0" * 32,
    }
    writes = (
        (wb.CREATE, create),
        (UPDATE, {"artifactID": made["id"], "description": "d"}),
        (ADD, {"artifactID": made["id"], "aliases": [alias("x")]}),
        (LINK, target(artifactID=made["id"])),
        (DELETE, {"artifactID": made["id"], "deleteAliases": True}),
        (USE, use),
    )
    viewer = await api.key_of("viewer", team="team", role="viewer")
    assert (await done(api, wb.SHOW, viewer, id=made["id"]))["state"] == "COMMITTED"
    assert (await done(api, files, viewer, id=made["id"]))["files"]["edges"]
    for mutation, given in writes:
        assert "member" in await refusal(api, mutation, viewer, input=given)
    stranger = await api.key_of("stranger")
    assert await done(api, wb.SHOW, stranger, id=made["id"]) is None
    for mutation, given in writes:
        assert "may not see" in await refusal(api, mutation, stranger, input=given)
    denied = await happened(api, "artifact.")
    assert [event["type"] for event in denied if "deleted" in event["type"]] == []
    assert len(await graphql_denials(api)) >= len(writes)


async def graphql_denials(api: Api) -> list[dict[str, Any]]:
    return [event for event in await api.events() if event["type"] == "dev.regista.access.denied"]


async def test_who_sees_a_version_in_a_registry_alone_may_read_and_link_it_from_there(api: Api) -> None:
    await api.client.post(f"{V1}/registries", json={"name": "models"})
    made = await wb.log(api, {"f": b"x"})
    entry = target("M", artifactID=made["id"], entityName="home-org", projectName="wandb-registry-models")
    await done(api, LINK, input=entry)
    await api.client.post(f"{V1}/teams", json={"name": "others"})
    key = await api.key_of("other", team="others")
    assert (await done(api, wb.SHOW, key, id=made["id"]))["state"] == "COMMITTED"
    linked = await done(api, LINK, key, input=target("Mine", artifactID=made["id"], entityName="others"))
    assert linked["versionIndex"] == 0
    body = await graphql(api, UPDATE, key, input={"artifactID": made["id"], "description": "d"})
    assert body["errors"]
