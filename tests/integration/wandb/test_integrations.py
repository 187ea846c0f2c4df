import base64
import hashlib
import hmac
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from regista.wandb import ids
from tests.support.postgres import PostgresSession
from tests.support.receiver import Receiver
from tests.support.slack import TOKEN, FakeSlack
from tests.support.stage import Tenant, staged

CREATE = """
mutation CreateGenericWebhookIntegration($input: CreateGenericWebhookIntegrationInput!) {
  result: createGenericWebhookIntegration(input: $input) {
    integration { __typename ... on GenericWebhookIntegration { id name urlEndpoint } }
  }
}
"""
LIST = """
query IntegrationsByEntity($entity: String!, $cursor: String, $perPage: Int) {
  entity(name: $entity) {
    integrations(after: $cursor, first: $perPage) {
      pageInfo { endCursor hasNextPage }
      edges {
        cursor
        node {
          __typename
          ... on SlackIntegration { id teamName channelName } ... on GenericWebhookIntegration { id name urlEndpoint }
        }
      }
    }
  }
}
"""
URL = "http://127.0.0.1:9/hook?token=t"


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        yield tenant


async def ask(home: Tenant, query: str, key: str | None = None, status: int = 200, **variables: Any) -> Any:
    client = home.client if key is None else home.api.as_key(key)
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == status, answer.text
    return answer.json()


def wanted(**changes: Any) -> dict[str, Any]:
    return {"entityName": "team", "name": "ci", "urlEndpoint": URL} | changes


async def listed(home: Tenant, key: str | None = None, per_page: int = 50) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        body = await ask(home, LIST, key, entity="team", cursor=cursor, perPage=per_page)
        page = body["data"]["entity"]["integrations"]
        found += [edge["node"] for edge in page["edges"]]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


async def test_a_webhook_is_made_and_listed(home: Tenant) -> None:
    made = [
        (await ask(home, CREATE, input=wanted(name=name)))["data"]["result"]["integration"]
        for name in ("ci", "my hook", "_x")
    ]
    assert made[0] == {
        "__typename": "GenericWebhookIntegration",
        "id": ids.encode("Integration", 1),
        "name": "ci",
        "urlEndpoint": URL,
    }
    assert await listed(home) == made
    # The client would take a page that lacks the kind it looks for for the last.
    assert await listed(home, per_page=1) == made
    rest = (await home.client.get("/api/v1/webhooks")).json()["items"]
    assert [each["name"] for each in rest] == ["ci", "my hook", "_x"]


async def test_channels_are_listed_with_their_workspace_and_an_incoming_webhook_by_its_name(
    postgres: PostgresSession, tmp_path: Path
) -> None:
    async with FakeSlack() as fake, staged(postgres, tmp_path, slack_api_url=fake.api) as home:
        bot = await home.channel(token=TOKEN, channel="ml-ops")
        hook = await home.channel("alarms", url=fake.hook)
        await home.webhook(URL)
        shown = await listed(home, per_page=1)
        assert shown[:2] == [
            {
                "__typename": "SlackIntegration",
                "id": ids.encode("Integration", number),
                "teamName": workspace,
                "channelName": channel,
            }
            for number, workspace, channel in ((bot["id"], "Acme", "#ml-ops"), (hook["id"], "team", "alarms"))
        ]
        assert [each["__typename"] for each in shown[2:]] == ["GenericWebhookIntegration"]


async def test_the_secrets_that_the_client_names_sign_and_authorize_and_may_be_rotated(home: Tenant) -> None:
    for name, value in (("SIGNING", "first"), ("TOKEN", "bearer")):
        await home.client.post("/api/v1/secrets", json={"name": name, "value": value})
    (row,) = [each for each in (await home.client.get("/api/v1/secrets")).json()["items"] if each["name"] == "SIGNING"]
    async with Receiver() as receiver:
        given = wanted(urlEndpoint=receiver.url(), secretRef="SIGNING", accessTokenRef="TOKEN")
        made = (await ask(home, CREATE, input=given))["data"]["result"]["integration"]
        path = f"/api/v1/webhooks/{ids.decode(made['id'], 'Integration')}"
        for secret in ("first", "second"):
            await home.client.put(f"/api/v1/secrets/{row['id']}", json={"value": secret})
            await home.client.post(f"{path}/test", json={"type": "alias.added"})
            request = receiver.requests[-1]
            headers = {name.lower(): value for name, value in request.headers.items()}
            signed = base64.b64encode(hmac.digest(secret.encode(), request.body, hashlib.sha256)).decode()
            assert headers["x-wandb-signature"] == signed
            assert headers["authorization"] == "Bearer bearer"
    assert (await home.client.get(path)).json()["wandb_secret"] == "SIGNING"
    refused = await home.client.delete(f"/api/v1/secrets/{row['id']}")
    assert refused.status_code == 409
    freed = await home.client.patch(path, json={"wandb_secret": None})
    assert (freed.json()["wandb_secret"], freed.json()["wandb_signature"]) == (None, True)
    assert (await home.client.delete(f"/api/v1/secrets/{row['id']}")).status_code == 204


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"name": "a/b"}, 200, "'a/b'"),
        ({"name": ""}, 200, "no name of a webhook"),
        ({"urlEndpoint": "ftp://x"}, 200, "ftp"),
        ({"urlEndpoint": "http://10.0.0.1/"}, 200, "10.0.0.1"),
        ({"urlEndpoint": ""}, 200, "scheme"),
        ({"entityName": "nobody"}, 200, "nobody"),
        ({"secretRef": "NONE"}, 200, "NONE"),
        ({"accessTokenRef": "not a name"}, 200, "secret"),
        ({"name": "taken"}, 409, "'taken'"),
    ],
)
async def test_what_cannot_be_made_is_refused_with_a_sentence(
    home: Tenant, changes: dict[str, Any], status: int, said: str
) -> None:
    await ask(home, CREATE, input=wanted(name="taken"))
    body = await ask(home, CREATE, status=status, input=wanted(**changes))
    assert said in body["errors"][0]["message"]
    assert len(await listed(home)) == 1


async def test_a_secret_for_the_signature_is_asked_for_together_with_the_signature(home: Tenant) -> None:
    await home.client.post("/api/v1/secrets", json={"name": "SIGNING", "value": "first"})
    hook = {"name": "ci", "url": URL, "wandb_secret": "SIGNING"}
    refused = await home.client.post("/api/v1/webhooks", json=hook)
    assert (refused.status_code, "wandb_signature" in refused.text) == (422, True)
    made = await home.client.post("/api/v1/webhooks", json={**hook, "wandb_signature": True})
    assert (made.status_code, made.json()["wandb_secret"]) == (201, "SIGNING")
    path = f"/api/v1/webhooks/{made.json()['id']}"
    assert (await home.client.patch(path, json={"wandb_signature": False})).status_code == 422


async def test_a_viewer_sees_them_without_the_query_of_their_urls_and_a_stranger_sees_none(home: Tenant) -> None:
    await ask(home, CREATE, input=wanted())
    vera = await home.api.key_of("vera", team="team", role="viewer")
    assert [each["urlEndpoint"] for each in await listed(home, vera)] == ["http://127.0.0.1:9/hook"]
    assert "needs role admin" in (await ask(home, CREATE, vera, input=wanted(name="mine")))["errors"][0]["message"]
    assert await listed(home, await home.api.key_of("sam")) == []
