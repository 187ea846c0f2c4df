"""Every root field of the W&B client's GraphQL, asked by who has no role in the team and from another organization.

A new root field names its action and is listed in ``CASES``, or the contract fails. What an admin may do with the same
request shows that the others are refused for who they are.
"""

import json
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

import httpx
import pytest

from regista.access.actions import Action
from regista.wandb import ids
from regista.wandb.bindings import bindings
from regista.wandb.engine import engine
from regista.wandb.roots import Root
from tests.support.access import FOREIGN_KEY, TEAM_ONLY, Gets, build_world
from tests.support.api import ADMIN_KEY, Api, running_api
from tests.support.postgres import PostgresSession

HIDDEN = {"not_found", "scope_not_found"}
"""Codes of errors that tell nothing: the thing is absent, or not to be seen."""
REFUSED = HIDDEN | {"forbidden"}
COUNTS = "edges { node { id } }"
PROJECT = f"""
    id name description access runCount runs {{ {COUNTS} }} artifactTypes {{ edges {{ node {{ name }} }} }}
    artifactCollections {{ edges {{ node {{ name description }} }} totalCount }}
    artifactCollection(name: "MNIST") {{ name }} artifact(name: "MNIST:v0") {{ digest }}
    artifactType(name: "model") {{ artifactCollections {{ edges {{ node {{ name }} }} }} }}
    artifactCollectionMembership(name: "MNIST:v0") {{ artifact {{ digest }} }}
    run(name: "run-1") {{ id displayName }} triggers {{ name }} members {{ username }} teamMembers {{ team {{ name }} }}
"""
ENTITY = f"""
    id name members {{ name }} project(name: "train") {{ {PROJECT} }} projects {{ edges {{ node {{ name }} }} }}
    integrations {{ edges {{ node {{ id ... on GenericWebhookIntegration {{ name urlEndpoint }} }} }} }}
    triggers {{ edges {{ node {{ name }} }} }}
    artifactCollections {{ edges {{ node {{ name }} }} totalCount }}
    artifactMemberships {{ edges {{ node {{ artifact {{ digest }} artifactCollection {{ name }} }} }} }}
"""
ARTIFACT = """
    id digest description metadata artifactSequence { name } aliases { alias } tags { name }
    createdBy { __typename } usedBy { edges { node { name } } } currentManifest { file { directUrl } }
    artifactMemberships { edges { node { artifactCollection { name } } } } files { edges { node { name directUrl } } }
"""


class Case(NamedTuple):
    """A root field with arguments on the world's values, what is asked of it, and what the two others get."""

    field: str
    arguments: Any = None
    selection: str = "__typename"
    stranger: Gets = Gets.REFUSED
    foreigner: Gets = Gets.REFUSED

    def request(self, world: dict[str, str]) -> dict[str, Any]:
        """Return the GraphQL request: arguments of queries are written out, a mutation's input is a variable."""
        given = _filled(self.arguments, world)
        if self.field in queries():
            written = ", ".join(f"{name}: {json.dumps(value)}" for name, value in (given or {}).items())
            return {"query": f"{{ {self.field}{f'({written})' if written else ''} {{ {self.selection} }} }}"}
        kind = engine().schema.type_map["Mutation"].fields[self.field].args["input"].type  # type: ignore[attr-defined]
        text = f"mutation M($input: {kind}) {{ {self.field}(input: $input) {{ {self.selection} }} }}"
        return {"query": text, "variables": {"input": given}}


TRAIN = {"entityName": "team", "projectName": "train"}
REGISTRY_TAGS = {
    "entityName": "team",
    "projectName": "model-registry",
    "artifactCollectionName": "MNIST",
    "tags": [{"tagName": "seen"}],
}
ALIASES = {
    "artifactID": "{artifact_id}",
    "aliases": [{"artifactCollectionName": "model", "alias": "mine", "entityName": "team", "projectName": "train"}],
}
TRIGGER = {
    "name": "another-rule",
    "enabled": True,
    "scopeType": "PROJECT",
    "scopeID": "{train_id}",
    "triggeringEventType": "CREATE_ARTIFACT",
    "eventFilter": '{{"$or":[{{"$and":[]}}]}}',
    "triggeredActionType": "NO_OP",
    "triggeredActionConfig": {"noOpActionInput": {"noOp": True}},
}
RUN = {**TRAIN, "runName": "run-1"}
FILES = {**RUN, "files": ["a.txt"]}
ARTIFACT_FILE = {"artifactID": "{pending_id}", "name": "a", "md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
PARTS = [{"partNumber": 1, "hexMD5": "d41d8cd98f00b204e9800998ecf8427e"}]

CASES = (
    Case("viewer", None, "username teams { edges { node { name } } } organizations { name }", Gets.OWN, Gets.OWN),
    Case("serverInfo", None, "features { name }", Gets.SHARED, Gets.SHARED),
    Case("organization", {"name": "home"}, "id name orgEntity { name projects { edges { node { name } } } }", Gets.OWN),
    Case("entity", {"name": "team"}, ENTITY, Gets.OWN),
    Case("entity", {"name": "home-org"}, ENTITY, Gets.OWN),
    Case("project", {"entityName": "team", "name": "train"}, PROJECT),
    Case("project", {"entityName": "team", "name": "model-registry"}, PROJECT),
    Case("project", {"entityName": "home-org", "name": "wandb-registry-vault-of-the-team"}, PROJECT),
    Case("model", {"entityName": "team", "name": "train"}, PROJECT),
    Case("models", {"entityName": "team"}, "edges { node { name } }"),
    Case("artifact", {"id": "{artifact_id}"}, ARTIFACT),
    Case("artifactCollection", {"id": "{portfolio_id}"}, "name description aliases { edges { node { alias } } }"),
    Case("clientIDMapping", {"clientID": "client-of-the-team"}, "serverID"),
    Case(
        "users",
        {"query": "memb"},
        "edges { node { username apiKeys { edges { node { name } } } } }",
        Gets.SHARED,
        Gets.OWN,
    ),
    Case("upsertBucket", {"modelName": "train", "entityName": "team", "name": "run-2"}),
    Case("createRunFiles", FILES),
    Case("markRunFilesUploaded", FILES),
    Case("updateRunState", {"id": "{run_id}", "state": "RUNNING"}),
    Case("notifyScriptableRunAlert", {**RUN, "title": "t", "text": "t"}),
    Case("stopRun", {"id": "{run_id}"}),
    Case("rewindRun", {**TRAIN, "runName": "run-1", "metricName": "_step", "metricValue": 1}),
    Case(
        "createArtifact", {**TRAIN, "artifactTypeName": "model", "artifactCollectionName": "model", "digest": "another"}
    ),
    Case(
        "createArtifactManifest",
        {**TRAIN, "artifactID": "{pending_id}", "name": "wandb_manifest.json", "digest": "", "runName": "run-1"},
    ),
    Case("updateArtifactManifest", {"artifactManifestID": "{manifest_id}", "digest": "1B2M2Y8AsgTpgAmY7PhCfg=="}),
    Case("createArtifactFiles", {"artifactFiles": [ARTIFACT_FILE]}),
    Case(
        "completeMultipartUploadArtifact",
        {
            "completeMultipartAction": "Complete",
            "completedParts": PARTS,
            "artifactID": "{pending_id}",
            "storagePath": "1B2M2Y8AsgTpgAmY7PhCfg==",
            "uploadID": "u",
        },
    ),
    Case("commitArtifact", {"artifactID": "{pending_id}"}),
    Case("useArtifact", {**RUN, "artifactID": "{artifact_id}"}),
    Case("updateArtifact", {"artifactID": "{artifact_id}", "description": "mine"}),
    Case("addAliases", ALIASES),
    Case("deleteAliases", ALIASES),
    Case(
        "linkArtifact",
        {
            "artifactPortfolioName": "More",
            "entityName": "team",
            "projectName": "model-registry",
            "artifactID": "{artifact_id}",
        },
    ),
    Case("unlinkArtifact", {"artifactID": "{artifact_id}", "artifactPortfolioID": "{portfolio_id}"}),
    Case("updateArtifactSequence", {"artifactSequenceID": "{sequence_id}", "description": "mine"}),
    Case("updateArtifactPortfolio", {"artifactPortfolioID": "{portfolio_id}", "description": "mine"}),
    Case("moveArtifactSequence", {"artifactSequenceID": "{sequence_id}", "destinationArtifactTypeName": "mine"}),
    Case("createArtifactCollectionTagAssignments", REGISTRY_TAGS),
    Case("deleteArtifactCollectionTagAssignments", REGISTRY_TAGS),
    Case("upsertModel", {"entityName": "team", "name": "train", "description": "mine"}),
    Case("upsertModel", {"entityName": "home-org", "name": "wandb-registry-vault-of-the-team", "description": "mine"}),
    Case("renameProject", {"entityName": "team", "oldProjectName": "train", "newProjectName": "train"}),
    Case("createTeam", {"teamName": "another-team"}, stranger=Gets.REFUSED, foreigner=Gets.OWN),
    Case("createInvite", {"entityName": "team", "username": "stranger"}),
    Case("createServiceAccount", {"entityName": "team", "description": "a robot"}),
    Case("createUser", {"email": "new@example.com"}, stranger=Gets.REFUSED, foreigner=Gets.OWN),
    Case("generateApiKey", {"description": "mine"}, stranger=Gets.OWN, foreigner=Gets.OWN),
    Case("createProjectMembers", {"projectId": "{vault_id}", "userIds": ["{member_id}"], "teamIds": []}),
    Case("updateProjectMember", {"projectId": "{vault_id}", "userId": "{member_id}", "userProjectRole": "admin"}),
    Case("updateProjectTeamMember", {"projectId": "{vault_id}", "teamId": "{team_id}", "teamProjectRole": "viewer"}),
    Case("deleteProjectMembers", {"projectId": "{vault_id}", "userIds": ["{member_id}"], "teamIds": ["{team_id}"]}),
    Case("createFilterTrigger", TRIGGER),
    Case("updateFilterTrigger", {"id": "{trigger_id}", "description": "mine"}),
    Case(
        "createGenericWebhookIntegration",
        {"entityName": "team", "name": "another-hook", "urlEndpoint": "http://127.0.0.1:9/"},
    ),
    # What takes away comes last: the admin sends all of these in this order.
    Case("deleteTrigger", {"triggerID": "{trigger_id}"}),
    # Files that there are not are deleted already, and those of another organization are none.
    Case("deleteFiles", {"files": ["{file_id}"]}, foreigner=Gets.OWN),
    Case("deleteInvite", {"id": "{member_id}", "entityName": "team"}),
    Case("deleteApiKey", {"id": "{key_id}"}),
    Case("deleteArtifactPortfolio", {"artifactPortfolioID": "{portfolio_id}"}),
    Case("deleteArtifact", {"artifactID": "{artifact_id}", "deleteAliases": True}),
    Case("deleteArtifactSequence", {"artifactSequenceID": "{sequence_id}"}),
    Case("deleteRun", {"id": "{run_id}"}),
    Case("deleteModel", {"id": "{vault_id}"}),
)


class World(Api):
    """The API with one of each thing in it, by global ids."""

    values: dict[str, str]
    stranger: str

    async def ask(self, case: Case, key: str) -> httpx.Response:
        async with self.as_key(key) as client:
            return await client.post("/graphql", json=case.request(self.values))


@pytest.fixture(scope="module")
async def world(postgres: PostgresSession, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    directory = tmp_path_factory.mktemp("wandb-world")
    async with running_api(postgres, directory, webhook_allowed_networks="127.0.0.0/8") as api:
        made = World(api.runtime, api.app, api.client)
        made.values = await _ids(made, await build_world(made))
        made.stranger = await made.key_of("stranger")
        yield made


def queries() -> set[str]:
    return set(engine().schema.type_map["Query"].fields)  # type: ignore[attr-defined]


def test_every_root_field_names_an_action_and_is_tried_below() -> None:
    schema = engine().schema
    declared = {
        field
        for kind in ("Query", "Mutation")
        for field in schema.type_map[kind].fields  # type: ignore[attr-defined]
    }
    actions = {name: action for part in bindings() if isinstance(part, Root) for name, action in part.actions.items()}
    assert actions.keys() == declared
    assert set(actions.values()) <= set(Action)
    assert {case.field for case in CASES} == declared


def named(case: Case) -> str:
    return f"{case.field} {next(iter((case.arguments or {}).values()), '')}"


every_case = pytest.mark.parametrize("case", CASES, ids=named)


@every_case
async def test_who_has_no_role_in_the_team_gets_nothing_of_it(world: World, case: Case) -> None:
    check(case, case.stranger, await world.ask(case, world.stranger))


@every_case
async def test_an_admin_of_another_organization_gets_nothing_of_it(world: World, case: Case) -> None:
    check(case, case.foreigner, await world.ask(case, FOREIGN_KEY), hidden=True)


async def test_they_have_changed_nothing_of_the_team(world: World) -> None:
    async with world.runtime.database.transaction() as tx:
        rows = await tx.connection.fetch(
            """SELECT DISTINCT e.type, a.name FROM event e JOIN account a ON a.id::text = e.actor
               WHERE a.name IN ('stranger', 'foreigner')"""
        )
    own = {"access.denied", "api_key.created", "member.invited"}
    assert {row["type"].removeprefix("dev.regista.") for row in rows} <= own


async def test_the_same_requests_are_answered_to_an_admin(world: World) -> None:
    refused: list[Any] = []
    for case in CASES:
        answer = await world.ask(case, ADMIN_KEY)
        codes = {error.get("extensions", {}).get("code") for error in answer.json().get("errors", ())}
        if (
            answer.status_code != 200
            or codes & {None, *REFUSED}
            or (not codes and answer.json()["data"][case.field] is None)
        ):
            refused.append((named(case), answer.status_code, answer.text[:300]))
    assert refused == []


def check(case: Case, gets: Gets, answer: httpx.Response, *, hidden: bool = False) -> None:
    assert answer.status_code in {200, 403, 404}, answer.text
    body = answer.json()
    data = (body.get("data") or {}).get(case.field)
    shown = json.dumps(body.get("data"))
    asked = json.dumps(case.arguments or {})
    assert not [name for name in TEAM_ONLY if name in shown and name not in asked], shown
    codes = {error["extensions"]["code"] for error in body.get("errors", ())}
    if gets is Gets.REFUSED:
        assert data is None, shown
        assert codes <= (HIDDEN if hidden else REFUSED), body
    elif gets is Gets.SHARED:
        assert data is not None, body
        assert not codes, body


def _filled(value: Any, world: dict[str, str]) -> Any:
    if isinstance(value, str):
        return value.format(**world)
    if isinstance(value, dict):
        return {name: _filled(each, world) for name, each in value.items()}
    return [_filled(each, world) for each in value] if isinstance(value, list) else value


async def _ids(api: Api, values: dict[str, str]) -> dict[str, str]:
    """Return the global ids of what the world has, and make what only the client makes."""

    async def one(statement: str) -> int:
        async with api.runtime.database.transaction() as tx:
            found: int | None = await tx.connection.fetchval(statement)
        assert found is not None, statement
        return found

    async def do(text: str, **given: Any) -> Any:
        answer = (await api.client.post("/graphql", json={"query": text, "variables": {"input": given}})).json()
        assert "errors" not in answer, answer
        return answer["data"]["made"]

    pending = await do(
        "mutation C($input: CreateArtifactInput!) { made: createArtifact(input: $input) { artifact { id } } }",
        **TRAIN,
        artifactTypeName="model",
        artifactCollectionName="model",
        digest="pending",
        clientID="client-of-the-team",
    )
    manifest = await do(
        "mutation M($input: CreateArtifactManifestInput!)"
        " { made: createArtifactManifest(input: $input) { artifactManifest { id } } }",
        **TRAIN,
        artifactID=pending["artifact"]["id"],
        name="wandb_manifest.json",
        digest="",
        runName="run-1",
    )
    files = await do(
        "mutation F($input: CreateRunFilesInput!) { made: createRunFiles(input: $input) { files { uploadUrl } } }",
        **RUN,
        files=["kept.txt"],
    )
    async with api.as_key(None) as client:
        assert (await client.put(files["files"][0]["uploadUrl"], content=b"kept")).status_code == 200
    account = "SELECT id FROM account WHERE name = "
    project = "SELECT id FROM project WHERE name = "
    return {
        **values,
        "artifact_id": ids.encode("Artifact", values["artifact"]),
        "pending_id": pending["artifact"]["id"],
        "manifest_id": manifest["artifactManifest"]["id"],
        "run_id": ids.encode("Run", await one("SELECT id FROM run WHERE name = 'run-1'")),
        "file_id": ids.encode("RunFile", await one("SELECT id FROM run_file")),
        "train_id": ids.encode("Project", await one(project + "'train'")),
        "vault_id": ids.encode("Project", await one(project + "'wandb-registry-vault-of-the-team'")),
        "portfolio_id": ids.encode(
            "ArtifactCollection", await one("SELECT id FROM collection WHERE kind = 'portfolio'")
        ),
        "sequence_id": ids.encode("ArtifactCollection", await one("SELECT id FROM collection WHERE kind = 'sequence'")),
        "member_id": ids.encode("User", await one(account + "'member'")),
        "team_id": ids.encode("Entity", await one("SELECT id FROM entity WHERE name = 'team'")),
        "trigger_id": ids.encode("Trigger", values["automation_id"]),
        "key_id": ids.encode("ApiKey", values["key_id"]),
    }
