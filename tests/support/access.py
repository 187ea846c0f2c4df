"""Every operation of the API, spelled out on a world that has one of each thing, and who must get what from it.

A new route is listed here, or the contract fails: what it names, and what somebody without a role there must get.
"""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from regista.access.keys import digest
from regista.delivery import NewDelivery, plan
from tests.support.api import Api
from tests.support.registry import link, log

V1 = "/api/v1"
TEAM_ONLY = (
    "MNIST",
    "train",
    "hook-of-the-team",
    "rule-of-the-team",
    "SECRET_OF_THE_TEAM",
    "vault-of-the-team",
    "channel-of-the-team",
)
"""Names that no outsider's answer may contain."""
FOREIGN_KEY = "key-of-another-organization-0123456789-0123456789"


class Gets(StrEnum):
    """What a call comes to."""

    REFUSED = "403 or 404"
    NOTHING = "a list without the team's things"
    OWN = "what concerns the caller alone"
    SHARED = "what everybody in the organization may read"


class Operation(NamedTuple):
    """A call: ``stranger`` is a person of the organization without a role, ``foreigner`` an admin of another one."""

    method: str
    path: str
    body: Any = None
    stranger: Gets = Gets.REFUSED
    foreigner: Gets = Gets.REFUSED
    names: Mapping[str, str] = {}
    query: str = ""
    below: str = V1

    @property
    def route(self) -> str:
        """The path as the program declares it."""
        return self.below + self.path

    def url(self, world: Mapping[str, str]) -> str:
        """Return the path on this world."""
        values = {**world, **self.names}
        return self.below + (self.path.replace(":path}", "}") + self.query).format(**values)

    def content(self, world: Mapping[str, str]) -> Any:
        """Return the body on this world."""
        return json.loads(json.dumps(self.body).replace("{event_id}", world["event_id"]))


_PROJECT = "/projects/{entity}/{project}"
_RUN = _PROJECT + "/runs/{run}"
_COLLECTION = "/collections/{entity}/{project}/{name}"
_VERSION = _COLLECTION + "/versions/{version}"
_WEBHOOK = "/webhooks/{webhook_id}"
_SLACK = "/slack-channels/{channel_id}"
_AUTOMATION = "/automations/{automation_id}"
_DELIVERY = "/deliveries/{delivery}"
_RULE = {
    "name": "another",
    "scope": "collection/team/model-registry/MNIST",
    "on": ["alias.added"],
    "actions": [{"webhook": {"integration": "hook-of-the-team"}}],
}
_MANIFEST = [{"path": "a", "size": 0, "md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}]
_ARTIFACT = {"entity": "team", "project": "train", "collection": "other", "type": "model", "manifest": _MANIFEST}
_TRAIN = {"project": "train"}
_WEIGHTS = hashlib.md5(b"weights").hexdigest()
_CONTENT = {
    **_TRAIN,
    "region": "default",
    "collection": "model",
    "birth": "QXJ0aWZhY3Q6MQ==",  # Artifact:1
    "md5": _WEIGHTS,
    "rest": f"QXJ0aWZhY3Q6MQ==/QXJ0aWZhY3Q6MQ==/{_WEIGHTS}/model.bin",
}
"""What the W&B client asks for a file by."""
_REGISTRY = "/registries/{name}"
_VAULT = {"name": "vault-of-the-team"}

OPERATIONS = (
    Operation("GET", "/me", None, Gets.OWN, Gets.OWN),
    Operation("GET", "/organization", None, Gets.REFUSED, Gets.OWN),
    Operation("PATCH", "/organization", {"retention_days": 30}, Gets.REFUSED, Gets.OWN),
    Operation("GET", "/users", None, Gets.SHARED, Gets.OWN),
    Operation("GET", "/service-accounts", None, Gets.SHARED, Gets.OWN),
    Operation("GET", "/teams", None, Gets.SHARED, Gets.OWN),
    Operation("POST", "/users", {"name": "zoe", "team": "team"}),
    Operation("POST", "/service-accounts", {"name": "robot", "team": "team"}),
    Operation("POST", "/teams", {"name": "new-team"}, Gets.REFUSED, Gets.OWN),
    Operation("PUT", "/teams/{entity}/members/{member}", {"role": "viewer"}),
    Operation("GET", "/api-keys", None, Gets.OWN, Gets.OWN),
    Operation("GET", "/api-keys", None, Gets.REFUSED, Gets.OWN, query="?all=true"),
    Operation("POST", "/api-keys", {"user": "member"}),
    Operation("GET", "/access/explain", None, Gets.SHARED, query="?action=alias.set&team=team&actor=member"),
    Operation("GET", "/events", None, Gets.REFUSED, Gets.OWN),
    Operation("GET", "/events", query="?entity=team"),
    Operation("GET", "/events/stream", None, Gets.REFUSED, Gets.OWN),
    Operation("GET", "/events/{event_id}"),
    Operation("GET", "/projects/{entity}"),
    Operation("POST", "/projects/{entity}", {"name": "new"}),
    Operation("GET", _PROJECT),
    Operation("PATCH", _PROJECT, {"description": "d"}),
    Operation("GET", _PROJECT + "/runs"),
    Operation("POST", _PROJECT + "/runs", {}),
    Operation("GET", _RUN, names=_TRAIN),
    Operation("PATCH", _RUN, {"notes": "n"}, names=_TRAIN),
    Operation("GET", _RUN + "/history", names=_TRAIN),
    Operation("GET", _RUN + "/events", names=_TRAIN),
    Operation("GET", _RUN + "/files", names=_TRAIN),
    Operation("POST", "/files/{entity}/{project}/{run}/file_stream", {}, names=_TRAIN, below=""),
    Operation("GET", "/artifactsV2/{region}/{entity}/{birth}/{md5}", names=_CONTENT, below=""),
    Operation("GET", "/artifactsV2/{region}/{entity}/{project}/{collection}/{rest:path}", names=_CONTENT, below=""),
    Operation("GET", "/collections/{entity}/{project}"),
    Operation("POST", "/collections/{entity}/{project}", {"name": "more", "type": "model"}),
    Operation("GET", _COLLECTION),
    Operation("PATCH", _COLLECTION, {"description": "d"}),
    Operation("GET", _COLLECTION + "/versions"),
    Operation("POST", _COLLECTION + "/versions", {"source": "team/train/model:v0"}),
    Operation("PUT", _COLLECTION + "/aliases/{alias}", {"version": "v0"}),
    Operation("PUT", _COLLECTION + "/tags/{tag}", {}),
    Operation("GET", _VERSION),
    Operation("PATCH", _VERSION, {"description": "d"}),
    Operation("PUT", _VERSION + "/tags/{tag}", {}),
    Operation("GET", _VERSION + "/files"),
    Operation("GET", _VERSION + "/files/{file:path}"),
    Operation("POST", _VERSION + "/use", {}),
    Operation("GET", _VERSION + "/lineage"),
    Operation("POST", "/artifacts", _ARTIFACT),
    Operation("GET", "/artifacts/{artifact}"),
    Operation("POST", "/artifacts/{artifact}/commit"),
    Operation("POST", "/webhooks", {"name": "second", "url": "http://127.0.0.1:9/", "entity": "team"}),
    Operation("GET", "/webhooks", None, Gets.NOTHING, Gets.NOTHING),
    Operation("GET", _WEBHOOK),
    Operation("PATCH", _WEBHOOK, {"concurrency": 2}),
    Operation("POST", _WEBHOOK + "/rotate", {}),
    Operation("POST", _WEBHOOK + "/disable"),
    Operation("POST", _WEBHOOK + "/enable"),
    Operation("POST", _WEBHOOK + "/test", {"type": "alias.added"}),
    Operation("POST", "/slack-channels", {"name": "third", "url": "http://127.0.0.1:9/services", "entity": "team"}),
    Operation("GET", "/slack-channels", None, Gets.NOTHING, Gets.NOTHING),
    Operation("GET", _SLACK),
    Operation("PATCH", _SLACK, {"url": "http://127.0.0.1:9/other"}),
    Operation("POST", _SLACK + "/disable"),
    Operation("POST", _SLACK + "/enable"),
    Operation("POST", _SLACK + "/test", {"title": "hello"}),
    Operation("GET", "/presets", None, Gets.SHARED, Gets.SHARED),
    Operation(
        "POST",
        "/presets/{preset}",
        {"name": "x", "url": "http://127.0.0.1:9/"},
        Gets.SHARED,
        Gets.SHARED,
        {"preset": "jenkins"},
    ),
    Operation("POST", "/secrets", {"name": "OTHER", "value": "v", "entity": "team"}),
    Operation("GET", "/secrets", None, Gets.NOTHING, Gets.NOTHING),
    Operation("PUT", "/secrets/{secret_id}", {"value": "v"}),
    Operation("POST", "/automations", _RULE),
    Operation("POST", "/automations/preview", {"on": "alias.added", "payload": {}, "event": "{event_id}"}),
    Operation("POST", "/automations/check", _RULE),
    Operation("GET", "/automations", None, Gets.NOTHING, Gets.NOTHING),
    Operation("GET", "/automations/vocabulary", None, Gets.SHARED, Gets.SHARED, query="?event=alias.added"),
    Operation("GET", _AUTOMATION),
    Operation("GET", _AUTOMATION + "/explain", query="?event={event_id}"),
    Operation("POST", "/automations/explain", {"event": "{event_id}", "automation": _RULE}),
    Operation("POST", "/automations/simulate", {"draft": _RULE}),
    Operation("POST", _AUTOMATION + "/replay", {"events": ["{event_id}"]}),
    Operation("POST", _WEBHOOK + "/replay", {"events": ["{event_id}"]}),
    Operation("GET", "/replays", None, Gets.NOTHING, Gets.NOTHING),
    Operation("GET", "/replays/{replay_id}"),
    Operation("POST", "/replays/{replay_id}/cancel"),
    Operation("PATCH", _AUTOMATION, {"enabled": False}),
    Operation("GET", _AUTOMATION + "/revisions"),
    Operation("GET", "/executions", None, Gets.NOTHING, Gets.NOTHING),
    Operation("GET", "/executions/{execution}"),
    Operation("GET", "/deliveries", None, Gets.NOTHING, Gets.NOTHING),
    Operation("POST", "/deliveries/redeliver", {"state": "pending"}, Gets.NOTHING, Gets.NOTHING),
    Operation("GET", "/audit", None, Gets.REFUSED, Gets.OWN),
    Operation("GET", "/audit", None, Gets.REFUSED, Gets.NOTHING, query="?resource=team/"),
    Operation("GET", _COLLECTION + "/history"),
    Operation("GET", _VERSION + "/history"),
    Operation("GET", "/registries", None, Gets.NOTHING, Gets.NOTHING),
    Operation("POST", "/registries", {"name": "more"}),
    Operation("GET", _REGISTRY, names=_VAULT),
    Operation("PATCH", _REGISTRY, {"description": "d"}, names=_VAULT),
    Operation("GET", _REGISTRY + "/members", names=_VAULT),
    Operation("PUT", _REGISTRY + "/members/{member}", {"role": "viewer"}, names=_VAULT),
    Operation("GET", _REGISTRY + "/access", names=_VAULT, query="?action=alias.set"),
    Operation("GET", _REGISTRY + "/protected-aliases", names=_VAULT),
    Operation("PUT", _REGISTRY + "/protected-aliases/{alias}", names=_VAULT),
    Operation("GET", _DELIVERY),
    Operation("GET", _DELIVERY + "/attempts"),
    Operation("POST", _DELIVERY + "/cancel"),
    Operation("POST", _DELIVERY + "/redeliver"),
    # What takes away comes last: an admin runs all of these in this order.
    Operation("DELETE", _REGISTRY + "/members/{member}", names=_VAULT),
    Operation("DELETE", _REGISTRY + "/protected-aliases/{alias}", names=_VAULT),
    Operation("DELETE", _REGISTRY, names=_VAULT),
    Operation("DELETE", _COLLECTION + "/aliases/{alias}"),
    Operation("DELETE", _COLLECTION + "/tags/{tag}"),
    Operation("DELETE", _VERSION + "/tags/{tag}"),
    Operation("DELETE", _VERSION, query="?delete_aliases=true"),
    Operation("DELETE", _COLLECTION),
    Operation("DELETE", _RUN, names=_TRAIN),
    Operation("DELETE", _PROJECT, names={"project": "new"}),
    Operation("DELETE", "/webhooks/{webhook_id}", names={"webhook_id": "3"}),
    Operation("DELETE", _SLACK, names={"channel_id": "4"}),
    Operation("DELETE", "/secrets/{secret_id}"),
    Operation("DELETE", _AUTOMATION),
    Operation("DELETE", "/teams/{entity}/members/{member}"),
    Operation("DELETE", "/api-keys/{key_id}"),
)


async def build_world(api: Api) -> dict[str, str]:
    """Make one of each thing in team ``team``, and an organization beside it; return the values of path parameters."""
    client = api.client
    run = (await client.post(f"{V1}/projects/team/train/runs", json={"name": "run-1"})).json()
    version = await log(api, {"model.bin": b"weights"}, run=run["name"])
    await link(api, version["source"], ["production"])
    hook = await client.post(f"{V1}/webhooks", json={"name": "hook-of-the-team", "url": "http://127.0.0.1:9/hook"})
    channel = await client.post(
        f"{V1}/slack-channels", json={"name": "channel-of-the-team", "url": "http://127.0.0.1:9/services"}
    )
    secret = await client.post(f"{V1}/secrets", json={"name": "SECRET_OF_THE_TEAM", "value": "v", "entity": "team"})
    rule = await client.post(f"{V1}/automations", json={**_RULE, "name": "rule-of-the-team"})
    path = f"{V1}/automations/{rule.json()['id']}/replay"
    replay = await client.post(path, json={"types": ["alias.added"]})
    await api.key_of("member", team="team")
    vault = {"name": _VAULT["name"], "visibility": "restricted"}
    assert (await client.post(f"{V1}/registries", json=vault)).status_code == 201
    keys = (await client.get(f"{V1}/api-keys?all=true")).json()["items"]
    async with api.runtime.database.transaction() as tx:
        lane: Any = await tx.connection.fetchval("SELECT lane_id FROM integration ORDER BY id")
        organization: Any = await tx.connection.fetchval("SELECT organization_id FROM integration")
        event_id: Any = await tx.connection.fetchval("SELECT id FROM event WHERE type = 'dev.regista.alias.added'")
        (delivery,) = await plan(
            tx, [(NewDelivery(organization, lane, event_id, rule.json()["id"], 0, 1, None, None), b"{}")]
        )
        decided: Any = await tx.connection.fetchval(
            """INSERT INTO decision (organization_id, event_id, automation_id, revision, verdict)
               VALUES ($1, $2, $3, 1, 'fire') RETURNING position""",
            organization,
            event_id,
            rule.json()["id"],
        )
        await other_organization(tx.connection)
    return {
        "entity": "team",
        "project": "model-registry",
        "name": "MNIST",
        "version": "v0",
        "alias": "production",
        "tag": "checked",
        "file": "model.bin",
        "run": "run-1",
        "member": "member",
        "artifact": str(version["artifact_id"]),
        "key_id": str(next(key["id"] for key in keys if key["owner"] == "member")),
        "webhook_id": str(hook.json()["id"]),
        "channel_id": str(channel.json()["id"]),
        "secret_id": str(secret.json()["id"]),
        "automation_id": str(rule.json()["id"]),
        "delivery": str(delivery.id),
        "execution": f"{decided}-0",
        "event_id": str(event_id),
        "replay_id": replay.json()["id"],
    }


async def other_organization(connection: Any) -> None:
    organization = await connection.fetchval(
        """WITH root AS (INSERT INTO aggregate (organization_id) VALUES (0) RETURNING id)
           INSERT INTO organization (aggregate_id, name) SELECT id, 'elsewhere' FROM root RETURNING id"""
    )
    await connection.execute(
        """WITH root AS (INSERT INTO aggregate (organization_id) VALUES ($1) RETURNING id),
           account AS (INSERT INTO account (aggregate_id, organization_id, kind, name, organization_role)
                       SELECT id, $1, 'user', 'foreigner', 'admin' FROM root RETURNING id),
           own AS (INSERT INTO aggregate (organization_id) VALUES ($1) RETURNING id)
           INSERT INTO api_key (aggregate_id, organization_id, account_id, digest, prefix)
           SELECT own.id, $1, account.id, $2, 'key-of' FROM own, account""",
        organization,
        digest(FOREIGN_KEY),
    )
