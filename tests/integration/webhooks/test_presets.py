import json
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from regista.automations.catalogue import Catalogue
from regista.delivery import Claimed
from regista.effects.planner import Planner
from regista.webhooks.planning import WEBHOOKS
from regista.webhooks.presets.catalogue import PRESETS
from regista.webhooks.sender import WebhookSender
from tests.support import preset_services as services
from tests.support.postgres import PostgresSession
from tests.support.receiver import Receiver, Request, response
from tests.support.stage import Tenant, staged


class Case(NamedTuple):
    """A preset's parameters (``URL`` stands for the server), the values of its secrets, and who judges the request."""

    parameters: dict[str, Any]
    values: dict[str, str]
    service: Callable[[Request, Any], services.Answer]


GITHUB = {"owner": "acme", "repository": "models", "api_url": "URL/api/v3"}
CASES = {
    "github-repository-dispatch": Case(
        GITHUB | {"event_type": "deploy"}, {"GITHUB_TOKEN": "ghp-t0ken"}, services.github_repository
    ),
    "github-workflow-dispatch": Case(
        GITHUB
        | {
            "workflow": "deploy.yml",
            "inputs": {"version": "${artifact_version_string}", "index": "${string(artifact.version_index)}"},
        },
        {"GITHUB_TOKEN": "ghp-t0ken"},
        services.github_workflow,
    ),
    "gitlab-pipeline-trigger": Case(
        {"url": "URL/", "project": "acme/models"}, {"GITLAB_TRIGGER_TOKEN": "glptt-t0ken"}, services.gitlab
    ),
    "jenkins": Case({"url": "URL/jenkins"}, {"JENKINS_TOKEN": "jenk-t0ken"}, services.jenkins),
    "argo-workflows": Case(
        {"url": "URL", "namespace": "ml", "discriminator": "regista"}, {"ARGO_TOKEN": "arg-t0ken"}, services.argo
    ),
    "microsoft-teams": Case(
        {"url": "URL/workflows/abc/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers&sv=1.0&sig=s1g-nature_"},
        {},
        services.teams,
    ),
    "discord": Case({"url": "URL/api/webhooks/1234567890/d1s-cord_token"}, {}, services.discord),
}


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        yield tenant


def at(url: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(parameters).replace("URL", url))


async def made(home: Tenant, path: str, body: dict[str, Any]) -> Any:
    answer = await home.client.post(f"/api/v1/{path}", json=body)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


class Hand:
    def __init__(self) -> None:
        self.rows: list[Claimed] = []

    def hand(self, rows: Any) -> None:
        self.rows += rows


async def test_what_a_preset_fills_in_is_taken_by_its_service(home: Tenant) -> None:
    listed = (await home.client.get("/api/v1/presets")).json()["items"]
    assert {each["name"] for each in listed} == set(PRESETS) == set(CASES)
    assert all(each["parameters"]["required"] and each["description"] for each in listed)
    sender = WebhookSender(home.api.runtime)
    judged: dict[str, services.Answer] = {}

    async def judge(request: Request, writer: Any) -> None:
        answers = {name: services.answer(case.service, request) for name, case in CASES.items()}
        name = next(name for name in CASES if name not in judged)
        judged[name] = answers[name]
        # Nobody else's request is taken for one's own: what is checked is not nothing.
        assert [other for other, (status, _) in answers.items() if status < 300] in ([name], [])
        status, body = answers[name]
        writer.write(response(f"{status} Judged", body.encode()))

    async with Receiver(answer=judge) as receiver:
        url = receiver.url(path="")
        for name, case in CASES.items():
            filled = await made(home, f"presets/{name}", {"name": name, "entity": "team"} | at(url, case.parameters))
            for secret in filled["secrets"]:
                body = {"name": secret["name"], "entity": secret["entity"]}
                value = secret["value"] or case.values[secret["name"]]
                again = await home.client.post("/api/v1/secrets", json=body | {"value": value})
                assert again.status_code == 201 or again.json()["code"] == "secret_exists", again.text
            webhook = await made(home, "webhooks", filled["webhook"])
            for hidden in ("s1g-nature_", "d1s-cord_token", *case.values.values()):
                assert hidden not in json.dumps([filled["webhook"], webhook, filled["action"]])
            automation = await home.automation(name, actions=[filled["action"]])
            tried = await made(home, "automations/preview", {"on": "alias.added"} | _templates(filled))
            assert tried["missing"] == []
            hand = Hand()
            await Planner(WEBHOOKS, home.api.runtime.database, Catalogue(), hand).handle(await home.emit())
            (row,) = hand.rows
            outcome = await sender.send(row)
            assert outcome.error is None, (name, judged[name], receiver.requests[-1])
            await home.client.delete(f"/api/v1/automations/{automation['id']}")
    sender.close()
    assert {name: status for name, (status, _) in judged.items()} == {
        "github-repository-dispatch": 204,
        "github-workflow-dispatch": 204,
        "gitlab-pipeline-trigger": 201,
        "jenkins": 200,
        "argo-workflows": 200,
        "microsoft-teams": 202,
        "discord": 204,
    }


def _templates(filled: dict[str, Any]) -> dict[str, Any]:
    return {"payload": filled["action"]["webhook"]["payload"]}


async def test_what_a_service_would_not_take_is_refused_before(home: Tenant) -> None:
    async def refused(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
        answer = await home.client.post(f"/api/v1/presets/{name}", json={"name": "x"} | at("http://a", parameters))
        assert answer.status_code == 422, answer.text
        return answer.json()

    dispatch = CASES["github-repository-dispatch"].parameters
    many = {str(number): 1 for number in range(11)}
    assert (await refused("github-repository-dispatch", dispatch | {"client_payload": many}))[
        "field"
    ] == "client_payload"
    assert (await refused("github-repository-dispatch", dispatch | {"event_type": "x" * 101}))["field"] == "event_type"
    assert (await refused("github-repository-dispatch", dispatch | {"owner": "a/b"}))["field"] == "owner"
    assert (await refused("github-repository-dispatch", dispatch | {"unknown": 1}))["field"] == "unknown"
    workflow = CASES["github-workflow-dispatch"].parameters
    assert (await refused("github-workflow-dispatch", workflow | {"inputs": {"index": 1}}))["field"] == "inputs.index"
    assert (await refused("discord", {"url": "URL/api/webhooks/1"}))["field"] == "url"
    assert (await refused("discord", CASES["discord"].parameters | {"content": "x" * 1501}))["field"] == "content"
    assert (await refused("microsoft-teams", {"url": "URL/workflows/abc"}))["field"] == "url"
    assert (await refused("gitlab-pipeline-trigger", {}))["field"] == "project"
    assert (await home.client.post("/api/v1/presets/gitea", json={})).status_code == 404


@pytest.mark.parametrize(
    ("name", "changes", "status"),
    [
        ("github-repository-dispatch", {"client_payload": {str(number): 1 for number in range(11)}}, 422),
        ("github-workflow-dispatch", {"inputs": {"version": "v", "other": "x"}}, 422),
        ("github-workflow-dispatch", {"inputs": {"version": 3}}, 422),
        ("gitlab-pipeline-trigger", {"token": "stale"}, 404),
        ("jenkins", {"version": None}, 404),
        ("microsoft-teams", {"attachments": []}, 400),
        ("discord", {"content": "x" * 2001}, 400),
    ],
)
def test_the_services_here_are_as_strict_as_they_are_documented(
    name: str, changes: dict[str, Any], status: int
) -> None:
    case = CASES[name]
    preset = PRESETS[name]
    filled = preset.fill(preset.parameters.model_validate({"name": "x"} | at("http://a", case.parameters)))
    body = json.dumps({**filled.payload, **changes})
    for secret in filled.secrets:
        value = secret.value or case.values[secret.name]
        body = body.replace(f"${{secret.{secret.name}}}", value)
        filled = filled._replace(url=filled.url.replace(f"${{secret.{secret.name}}}", value))
    headers = {"content-type": "application/json", "user-agent": "x", "authorization": "Bearer ghp-t0ken"}
    headers |= {key.lower(): value for key, value in filled.headers.items()} | {"token": "jenk-t0ken"}
    request = Request(f"POST {filled.url.removeprefix('http://a')} HTTP/1.1", headers, body.encode(), 1, 1)
    assert services.answer(case.service, request)[0] == status
