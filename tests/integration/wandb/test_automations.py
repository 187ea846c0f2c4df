import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from asyncpg.connection import Connection

from regista.automations.catalogue import Catalogue
from regista.automations.deciding.decisions import decide
from regista.wandb import ids
from tests.support.postgres import PostgresSession
from tests.support.stage import Tenant, second_tenant, staged

TRIGGER = """
fragment T on Trigger {
  id name description enabled createdAt updatedAt
  scope { __typename ... on Project { id name } ... on ArtifactPortfolio { id name } ... on Entity { id name entityType } }
  event: triggeringCondition { ... on FilterEventTriggeringCondition { __typename eventType filter } }
  action: triggeredAction {
    __typename
    ... on GenericWebhookTriggeredAction {
      integration { __typename ... on GenericWebhookIntegration { id name urlEndpoint } } requestPayload
    }
    ... on NotificationTriggeredAction {
      integration { __typename ... on SlackIntegration { id teamName channelName } } title message severity
    }
    ... on NoOpTriggeredAction { noOp }
  }
}
"""
CREATE = "mutation C($input: CreateFilterTriggerInput!) { r: createFilterTrigger(input: $input) { trigger { ...T } } }"
UPDATE = "mutation U($input: UpdateFilterTriggerInput!) { r: updateFilterTrigger(input: $input) { trigger { ...T } } }"
DELETE = "mutation D($id: ID!) { result: deleteTrigger(input: {triggerID: $id}) { success } }"
OF_ENTITY = """
query E($entity: String!, $after: String, $first: Int, $order: String, $filters: JSONString) {
  scope: entity(name: $entity) {
    triggers(after: $after, first: $first, order: $order, filters: $filters) {
      pageInfo { endCursor hasNextPage } edges { node { ...T } }
    }
  }
}
"""
OF_ORGANIZATION = """
query O { scope: organization(name: "home") { triggers { edges { node { name } } } } }
"""
ALWAYS = {"$or": [{"$and": []}]}
ON_PRODUCTION = {"$or": [{"$and": [{"alias": {"$eq": "production"}}]}]}
METRIC = {"name": "loss", "agg_op": "MIN", "window_size": 2, "cmp_op": "$lt", "threshold": 0.5}


class Client:
    """The client's side of one tenant: what it sends, and the ids of what there is."""

    def __init__(self, home: Tenant, key: str | None = None) -> None:
        self.home = home
        self._client = home.client if key is None else home.api.as_key(key)
        self.collection = ids.encode("ArtifactCollection", home.ids["collection"])
        self.project = ids.encode("Project", home.ids["project"])
        self.registry = ids.encode("Project", home.ids["registry_project"])
        self.team = ids.encode("Entity", home.ids["team"])
        self.hook = ""

    async def ask(self, query: str, status: int = 200, **variables: Any) -> dict[str, Any]:
        """Return the body of an answer."""
        text = query + (TRIGGER if "...T" in query else "")
        answer = await self._client.post("/graphql", json={"query": text, "variables": variables})
        assert answer.status_code == status, answer.text
        return answer.json()

    def wanted(self, **changes: Any) -> dict[str, Any]:
        """Return the input that makes a webhook be called for every alias in the collection."""
        return {
            "name": "deploy",
            "enabled": True,
            "scopeType": "ARTIFACT_COLLECTION",
            "scopeID": self.collection,
            "triggeringEventType": "ADD_ARTIFACT_ALIAS",
            "eventFilter": json.dumps(ALWAYS),
            "triggeredActionType": "GENERIC_WEBHOOK",
            "triggeredActionConfig": {"genericWebhookActionInput": {"integrationID": self.hook}},
        } | changes

    async def create(self, **changes: Any) -> dict[str, Any]:
        """Make an automation and return it."""
        body = await self.ask(CREATE, input=self.wanted(**changes))
        assert "errors" not in body, body
        return body["data"]["r"]["trigger"]

    async def update(self, trigger: str, **changes: Any) -> dict[str, Any]:
        """Change an automation and return it."""
        body = await self.ask(UPDATE, input={"id": trigger, **changes})
        assert "errors" not in body, body
        return body["data"]["r"]["trigger"]

    async def refused(self, query: str, status: int = 200, **variables: Any) -> str:
        """Return the sentence that a request is refused with."""
        return (await self.ask(query, status, **variables))["errors"][0]["message"]

    async def listed(self, entity: str = "team", **asked: Any) -> list[dict[str, Any]]:
        """Return an entity's automations, of all pages."""
        found: list[dict[str, Any]] = []
        after = None
        while True:
            body = await self.ask(OF_ENTITY, entity=entity, after=after, **asked)
            assert "errors" not in body, body
            page = body["data"]["scope"]["triggers"]
            found += [edge["node"] for edge in page["edges"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                return found


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        yield tenant


@pytest.fixture
async def client(home: Tenant) -> Client:
    made = Client(home)
    made.hook = ids.encode("Integration", (await home.webhook("http://127.0.0.1:9/hook"))["id"])
    return made


async def slack(home: Tenant) -> str:
    """Make a channel; return its id as the client has it."""
    return ids.encode("Integration", (await home.channel())["id"])


async def over_rest(home: Tenant, trigger: dict[str, Any]) -> dict[str, Any]:
    number = ids.decode(trigger["id"], "Trigger")
    return (await home.client.get(f"/api/v1/automations/{number}")).json()


async def decisions(home: Tenant) -> list[tuple[str, str | None]]:
    rows = await home.rows("SELECT verdict, reason FROM decision ORDER BY automation_id, event_id")
    return [(row["verdict"], row["reason"]) for row in rows]


async def fired(home: Tenant, event_type: str = "alias.added") -> int:
    async with home.api.runtime.database.transaction() as tx:
        return len(await decide(tx, Catalogue(), await home.emit(event_type), "webhook"))


async def test_an_automation_of_the_client_is_one_of_ours(client: Client, home: Tenant) -> None:
    made = await client.create(description="to production", eventFilter=json.dumps(ON_PRODUCTION))
    assert (made["name"], made["description"], made["enabled"]) == ("deploy", "to production", True)
    assert made["scope"] == {"__typename": "ArtifactPortfolio", "id": client.collection, "name": "MNIST"}
    assert made["event"] == {
        "__typename": "FilterEventTriggeringCondition",
        "eventType": "ADD_ARTIFACT_ALIAS",
        "filter": json.dumps({"filter": ON_PRODUCTION}, separators=(",", ":")),
    }
    assert made["action"] == {
        "__typename": "GenericWebhookTriggeredAction",
        "integration": {
            "__typename": "GenericWebhookIntegration",
            "id": client.hook,
            "name": "ci",
            "urlEndpoint": "http://127.0.0.1:9/hook",
        },
        "requestPayload": None,
    }
    rest = await over_rest(home, made)
    assert (rest["scope"], rest["on"], rest["where"]) == (
        "collection/team/mnist/MNIST",
        ["alias.added"],
        'alias == "production"',
    )
    assert rest["actions"] == [{"webhook": {"integration": "team/ci"}}]
    assert await client.listed() == [made]
    types = [each["type"] for each in await home.api.events()]
    assert types[-1] == "dev.regista.automation.created"


async def test_every_event_with_every_action_in_every_scope_is_read_back_as_it_was_saved(
    client: Client, home: Tenant
) -> None:
    run = {"run_filter": json.dumps({"$and": [{"display_name": {"$regex": "^prod"}}]})}
    by_tag = {"$or": [{"$and": [{"tag": {"$in": ["a", "b"]}}, {"$not": {"tag": {"$contains": "x"}}}]}]}
    events: dict[str, dict[str, Any]] = {
        **{f"{each}_ARTIFACT": ON_PRODUCTION for each in ("CREATE", "UNLINK")},
        **dict.fromkeys(("LINK_MODEL", "ADD_ARTIFACT_ALIAS"), ON_PRODUCTION),
        **{f"{how}_{what}_TAG": by_tag for how in ("ADD", "REMOVE") for what in ("ARTIFACT", "COLLECTION")},
    }
    events |= {
        "RUN_STATE": run | {"run_state_filter": {"states": ["FAILED", "FINISHED"]}},
        "RUN_METRIC": run | {"run_metric_filter": {"threshold_filter": METRIC}},
        "RUN_METRIC_CHANGE": run
        | {
            "run_metric_filter": {
                "change_filter": {
                    "name": "acc",
                    "agg_op": "AVERAGE",
                    "current_window_size": 3,
                    "prior_window_size": 4,
                    "change_type": "ABSOLUTE",
                    "change_dir": "ANY",
                    "change_amount": 2,
                }
            }
        },
        "RUN_METRIC_ZSCORE": run
        | {
            "run_metric_filter": {
                "zscore_filter": {"name": "acc", "window_size": 30, "threshold": 2.5, "change_dir": "DECREASE"}
            }
        },
    }
    channel = await slack(home)
    payload = {"n": 1, "text": "${alias}", "deep": [{"x": None}]}
    actions: dict[str, dict[str, Any]] = {
        "GENERIC_WEBHOOK": {
            "genericWebhookActionInput": {"integrationID": client.hook, "requestPayload": json.dumps(payload)}
        },
        "NOTIFICATION": {
            "notificationActionInput": {
                "integrationID": channel,
                "title": "${alias}",
                "message": "moved",
                "severity": "WARN",
            }
        },
        "NO_OP": {"noOpActionInput": {"noOp": True}},
    }
    scopes = {
        ("ARTIFACT_COLLECTION", client.collection): "ArtifactPortfolio",
        ("PROJECT", client.project): "Project",
        ("PROJECT", client.registry): "Project",
        ("ENTITY", client.team): "Entity",
    }
    made: dict[str, dict[str, Any]] = {}
    for event, document in events.items():
        for action, config in actions.items():
            for (kind, number), typename in scopes.items():
                if kind == "ARTIFACT_COLLECTION" and "run_filter" in document:
                    continue  # the client refuses it itself: no run lies in a collection
                trigger = await client.create(
                    name=f"{len(made)}",
                    scopeType=kind,
                    scopeID=number,
                    triggeringEventType=event,
                    eventFilter=json.dumps(document),
                    triggeredActionType=action,
                    triggeredActionConfig=config,
                )
                shown = json.loads(trigger["event"]["filter"])
                assert trigger["event"]["eventType"] == event
                assert shown == (document if "run_filter" in document else {"filter": document})
                assert (trigger["scope"]["__typename"], trigger["scope"]["id"]) == (typename, number)
                match action:
                    case "GENERIC_WEBHOOK":
                        assert json.loads(trigger["action"]["requestPayload"]) == payload
                    case "NOTIFICATION":
                        assert trigger["action"] == {
                            "__typename": "NotificationTriggeredAction",
                            "integration": {
                                "__typename": "SlackIntegration",
                                "id": channel,
                                "teamName": "team",
                                "channelName": "ml-ops",
                            },
                            "title": "${alias}",
                            "message": "moved",
                            "severity": "WARN",
                        }
                    case _:
                        assert trigger["action"] == {"__typename": "NoOpTriggeredAction", "noOp": True}
                made[trigger["id"]] = trigger
    listed = {each["id"]: each for each in [*await client.listed(first=7), *await client.listed("home-org")]}
    assert listed == made
    assert len(made) == 8 * 3 * 4 + 4 * 3 * 3


async def test_a_name_that_is_taken_is_409_and_what_is_not_there_404(client: Client) -> None:
    made = await client.create()
    assert "'deploy'" in await client.refused(CREATE, 409, input=client.wanted())
    other = await client.create(name="other")
    assert "'deploy'" in await client.refused(UPDATE, 409, input={"id": other["id"], "name": "deploy"})
    assert (await client.ask(DELETE, id=made["id"]))["data"] == {"result": {"success": True}}
    run = {"triggeringEventType": "RUN_STATE", "eventFilter": json.dumps({"run_state_filter": {"states": ["FAILED"]}})}
    assert "ever lies in a scope collection" in await client.refused(CREATE, input=client.wanted(**run))
    assert "does not exist" in await client.refused(DELETE, id=made["id"])
    assert "does not exist" in await client.refused(UPDATE, 404, input={"id": made["id"], "enabled": False})
    assert [each["name"] for each in await client.listed()] == ["other"]


async def test_an_update_changes_what_it_names_and_makes_one_revision(client: Client, home: Tenant) -> None:
    made = await client.create(description="first")
    filtered = json.dumps(ON_PRODUCTION)
    changed = await client.update(
        made["id"],
        name="ship",
        enabled=False,
        scopeType="PROJECT",
        scopeID=client.project,
        triggeringEventType="LINK_MODEL",
        eventFilter=filtered,
        triggeredActionType="NO_OP",
        triggeredActionConfig={"noOpActionInput": {"noOp": True}},
    )
    assert (changed["name"], changed["description"], changed["enabled"]) == ("ship", "first", False)
    assert changed["event"]["eventType"] == "LINK_MODEL"
    rest = await over_rest(home, changed)
    assert (rest["revision"], rest["scope"], rest["where"], rest["actions"]) == (
        2,
        "project/team/mnist",
        '"production" in aliases',
        [{"no_op": {}}],
    )
    same = await client.update(
        made["id"],
        name="ship",
        enabled=False,
        scopeType="PROJECT",
        scopeID=client.project,
        triggeringEventType="LINK_MODEL",
        eventFilter=filtered,
        triggeredActionType="NO_OP",
        triggeredActionConfig={"noOpActionInput": {"noOp": True}},
    )
    assert same == changed
    assert (await over_rest(home, same))["revision"] == 2


async def test_what_the_client_is_not_shown_survives_that_it_sends_back_what_it_is_shown(
    client: Client, home: Tenant
) -> None:
    rest = await home.automation(
        scope="registry/model",
        on=["alias.added", "project.created"],
        actions=[{"webhook": {"integration": "team/ci"}}, {"webhook": {"integration": "ci"}}],
    )
    (shown,) = await client.listed("home-org")
    assert shown["scope"]["id"] == client.registry
    await client.update(
        shown["id"],
        description="described",
        scopeType="PROJECT",
        scopeID=shown["scope"]["id"],
        triggeringEventType=shown["event"]["eventType"],
        eventFilter=json.dumps(json.loads(shown["event"]["filter"])["filter"]),
        triggeredActionType="GENERIC_WEBHOOK",
        triggeredActionConfig={"genericWebhookActionInput": {"integrationID": client.hook}},
    )
    after = await over_rest(home, shown)
    kept = ("scope", "on", "actions", "where", "enabled")
    assert {key: after[key] for key in kept} == {key: rest[key] for key in kept}
    assert after["description"] == "described"


async def test_a_filter_decides_for_which_events_an_automation_of_the_client_fires(
    client: Client, home: Tenant
) -> None:
    await client.create()
    assert await fired(home) == 1
    await client.create(name="on production", eventFilter=json.dumps(ON_PRODUCTION))
    staging = {"$or": [{"$and": [{"alias": {"$eq": "staging"}}]}]}
    await client.create(name="on staging", eventFilter=json.dumps(staging))
    await client.create(name="nothing", triggeredActionType="NO_OP", triggeredActionConfig={})
    assert await fired(home) == 2
    assert [verdict for verdict, _ in await decisions(home)] == ["fire", "fire", "fire", "unmet", "fire"]


async def test_what_is_no_text_is_saved_as_it_was_asked_and_equals_no_text(client: Client, home: Tenant) -> None:
    met = [
        {"$nor": [{"alias": {"$eq": 3}}, {"alias": {"$gt": 2.5}}, {"alias": {"$eq": ["production"]}}]},
        {"alias": {"$in": [1, True, None, "production"]}},
        {"alias": {"$nin": [2**64, 1.0, "staging"]}},
        {"alias": {"$ne": None}},
        {"alias": {"$all": ["production"]}},
        {"$not": {"alias": {"$size": 1}}},
    ]
    for name, tests in {"met": met, "unmet": [*met, {"tag": {"$all": []}}]}.items():
        given = {"$or": [{"$and": tests}]}
        made = await client.create(name=name, eventFilter=json.dumps(given))
        assert made["event"]["filter"] == json.dumps({"filter": given}, separators=(",", ":"))
    assert await fired(home) == 1
    assert sorted(await decisions(home)) == [("fire", None), ("unmet", None)]


async def test_a_revision_over_rest_keeps_what_only_the_client_can_write(client: Client, home: Tenant) -> None:
    made = await client.create(eventFilter=json.dumps(ON_PRODUCTION))
    path = f"/api/v1/automations/{ids.decode(made['id'], 'Trigger')}"
    renamed = (await home.client.patch(path, json={"name": "renamed"})).json()
    assert (renamed["revision"], renamed["where"]) == (2, 'alias == "production"')
    refused = await home.client.patch(path, json={"on": ["tag.added"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_condition")
    assert "tag.added has no field 'alias'" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"eventFilter": "{"}, "JSON"),
        ({"eventFilter": '{"colour": "red"}'}, "'colour'"),
        ({"eventFilter": '{"alias": {"$regex": "("}}'}, "is no pattern"),
        ({"triggeringEventType": "UPDATE_ARTIFACT_ALIAS"}, "UPDATE_ARTIFACT_ALIAS"),
        ({"triggeredActionType": "QUEUE_JOB"}, "QUEUE_JOB"),
        ({"triggeredActionType": "ARIA"}, "ARIA"),
        ({"triggeredActionType": "PUSH_NOTIFICATION"}, "PUSH_NOTIFICATION"),
        ({"triggeredActionConfig": {}}, "GENERIC_WEBHOOK"),
        ({"name": "a/b"}, "'a/b'"),
        ({"name": "a" * 256}, "255"),
        ({"name": "a\x00"}, "U+0000"),
        ({"description": "a" * 5000}, "4096"),
        ({"scopeID": "nonsense"}, "'nonsense'"),
        ({"scopeID": ids.encode("ArtifactCollection", 10_000)}, "collection 10000"),
        ({"scopeID": ids.encode("Project", 1)}, "ArtifactCollection"),
        ({"scopeType": "PROJECT", "scopeID": ids.encode("Project", 10_000)}, "project 10000"),
    ],
)
async def test_what_cannot_be_saved_is_refused_with_a_sentence(
    client: Client, home: Tenant, changes: dict[str, Any], said: str
) -> None:
    before = len(await home.api.events())
    assert said in await client.refused(CREATE, input=client.wanted(**changes))
    assert len(await home.api.events()) == before


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"integrationID": "nonsense"}, "'nonsense'"),
        ({"integrationID": ids.encode("Integration", 10_000)}, "webhook"),
        ({"integrationID": "hook", "requestPayload": "[]"}, "object"),
        ({"integrationID": "hook", "requestPayload": "{"}, "JSON"),
        ({"integrationID": "hook", "requestPayload": json.dumps({"a": "b" * 70_000})}, "65536"),
    ],
)
async def test_an_action_that_cannot_be_taken_is_refused_with_a_sentence(
    client: Client, config: dict[str, Any], said: str
) -> None:
    if config["integrationID"] == "hook":
        config = config | {"integrationID": client.hook}
    wanted = client.wanted(triggeredActionConfig={"genericWebhookActionInput": config})
    assert said in await client.refused(CREATE, input=wanted)


async def test_a_channel_is_no_webhook(client: Client, home: Tenant) -> None:
    config = {"genericWebhookActionInput": {"integrationID": await slack(home)}}
    assert "no webhook" in await client.refused(CREATE, input=client.wanted(triggeredActionConfig=config))


async def test_lists_filter_by_name_page_and_follow_an_order(client: Client, home: Tenant) -> None:
    names = ["a", "b", "c", "d", "e"]
    for name in names:
        await client.create(name=name)
    await client.create(name="of the organization", scopeType="PROJECT", scopeID=client.registry)
    await home.automation("everywhere")
    assert [each["name"] for each in await client.listed(first=2)] == names
    assert [each["name"] for each in await client.listed(first=2, order="-name")] == names[::-1]
    assert [each["name"] for each in await client.listed(filters='{"name": "c"}')] == ["c"]
    assert [each["name"] for each in await client.listed("home-org")] == ["of the organization", "everywhere"]
    body = await client.ask(OF_ORGANIZATION)
    everything = [edge["node"]["name"] for edge in body["data"]["scope"]["triggers"]["edges"]]
    assert everything == [*names, "of the organization", "everywhere"]
    assert "'colour'" in await client.refused(OF_ENTITY, entity="team", filters='{"colour": 1}')
    assert "colour" in await client.refused(OF_ENTITY, entity="team", order="colour")
    assert "first is -1" in await client.refused(OF_ENTITY, entity="team", first=-1)


async def test_what_the_client_has_no_word_for_is_left_out_of_its_lists(client: Client, home: Tenant) -> None:
    for number in range(5):
        await home.automation(f"ours alone {number}", scope="entity/team", on=["project.created"])
    await client.create()
    body = await client.ask(OF_ENTITY, entity="team", first=2)
    page = body["data"]["scope"]["triggers"]
    assert [edge["node"]["name"] for edge in page["edges"]] == ["deploy"]
    assert not page["pageInfo"]["hasNextPage"]
    await home.rows("DELETE FROM collection WHERE id = $1", home.ids["collection"])
    assert await client.listed() == []


async def test_roles_decide_who_sees_and_who_makes(client: Client, home: Tenant) -> None:
    made = await client.create()
    vera = Client(home, await home.api.key_of("vera", team="team", role="viewer"))
    vera.hook = client.hook
    assert await vera.listed() == [made]
    assert "needs role member" in await vera.refused(CREATE, input=vera.wanted(name="mine"))
    assert "needs role member" in await vera.refused(UPDATE, input={"id": made["id"], "enabled": False})
    sam = Client(home, await home.api.key_of("sam"))
    sam.hook = client.hook
    assert await sam.listed() == []
    hidden = await sam.refused(CREATE, input=sam.wanted(triggeredActionType="NO_OP"))
    assert "mnist" not in hidden.lower()
    assert "does not exist" in hidden
    assert "does not exist" in await sam.refused(UPDATE, 404, input={"id": made["id"], "enabled": False})
    denied = [each for each in await home.api.events() if each["type"] == "dev.regista.access.denied"]
    assert len(denied) == 2


async def test_another_organization_reaches_nothing(client: Client, home: Tenant) -> None:
    made = await client.create()
    tenant = await second_tenant(home.api)
    rival = Client(tenant)
    assert "does not exist" in await rival.refused(UPDATE, 404, input={"id": made["id"], "enabled": False})
    assert "does not exist" in await rival.refused(DELETE, id=made["id"])
    borrowed = rival.wanted(triggeredActionConfig={"genericWebhookActionInput": {"integrationID": client.hook}})
    assert "no webhook" in await rival.refused(CREATE, input=borrowed)
    foreign = rival.wanted(triggeredActionType="NO_OP", scopeID=client.collection)
    assert "does not exist" in await rival.refused(CREATE, input=foreign)


WALK = """
query GetAutomationsLegacy($cursor: String, $perPage: Int) {
  scope: viewer { projects(after: $cursor, first: $perPage) { edges { node { triggers { ...T } } } } }
}
"""


async def test_a_longer_list_takes_no_more_statements(
    client: Client, home: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = [0]
    execute: Any = Connection._execute  # pyright: ignore[reportPrivateUsage] - where every statement passes

    def count(connection: Any, *args: Any, **named: Any) -> Any:
        counted[0] += 1
        return execute(connection, *args, **named)

    async def statements(query: str) -> tuple[int, int]:
        counted[0] = 0
        body = await client.ask(query, entity="team", perPage=50)
        assert "errors" not in body, body
        return counted[0], str(body).count("FilterEventTriggeringCondition")

    async def grow(first: int, last: int) -> None:
        for number in range(first, last):
            path = f"/api/v1/projects/team/p{number}"
            await home.client.post("/api/v1/projects/team", json={"name": f"p{number}"})
            await home.webhook("http://127.0.0.1:9/", f"hook{number}")
            made = {"name": f"c{number}", "type": "model"}
            await home.client.post(f"/api/v1/collections/team/p{number}", json=made)
            for scope in (f"project/team/p{number}", f"collection/team/p{number}/c{number}", "entity/team"):
                action = {"webhook": {"integration": f"hook{number}"}}
                await home.automation(f"{path} {scope}".replace("/", " "), scope=scope, actions=[action])

    await grow(0, 1)
    monkeypatch.setattr(Connection, "_execute", count)
    few = [await statements(OF_ENTITY), await statements(WALK)]
    await grow(1, 8)
    many = [await statements(OF_ENTITY), await statements(WALK)]
    assert [shown for _, shown in few] == [3, 2]
    assert [shown for _, shown in many] == [24, 16]
    assert [number for number, _ in many] == [number for number, _ in few]
