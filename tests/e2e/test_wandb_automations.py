"""``wandb.automations`` on Regista, by the unmodified client: all that it can express is kept."""

from pathlib import Path

from tests.support.system import KEY, ok, publish_model, running_system
from tests.support.wandb_clients import NEWEST, OLDEST, run_script

NEWEST_SCRIPT = """
from itertools import product

import wandb
from wandb.automations import *
from wandb._filters import FilterExpr
from wandb._filters.operators import All, Or, Size
from wandb.automations._generated import CREATE_GENERIC_WEBHOOK_INTEGRATION_GQL

def refused(said, call, *args, **named):
    try:
        call(*args, **named)
    except Exception as error:
        assert said in str(error), error
    else:
        raise AssertionError(f"{said}: was not refused")


api = wandb.Api()

made = api._service_api.execute_graphql(
    CREATE_GENERIC_WEBHOOK_INTEGRATION_GQL,
    variables={"input": {"entityName": "team", "name": "by the client", "urlEndpoint": "http://127.0.0.1:9/client"}},
)
assert made["result"]["integration"]["name"] == "by the client", made
hooks = {hook.name: hook for hook in api.webhook_integrations(entity="team", per_page=1)}
assert set(hooks) == {"ci", "by the client"}, hooks
(channel,) = api.slack_integrations(entity="team")
assert channel.channel_name == "ml-ops"
assert len(list(api.integrations())) == 3

api.create_registry("model", visibility="organization", organization="home")
portfolio = api.artifact_collection("model", "team/model-registry/MNIST")
sequence = api.artifact_collection("model", "team/demo/MNIST-source")
project = api.project("demo", entity="team")
registry = api.registry("model", organization="home")
team, organization = api.team("team"), api.organization("home")
artifact_scopes = {
    "portfolio": portfolio, "sequence": sequence, "project": project, "registry": registry, "team": team,
    "organization": organization,
}
run_scopes = {"project": project, "team": team, "organization": organization}
entity_of = {"registry": "home-org", "organization": "home-org"}

alias, tag, metric = ArtifactEvent.alias, ArtifactEvent.tag, RunEvent.metric
artifact_filters = [
    {"$and": []},
    alias.eq("prod"),
    alias.matches_regex("^v[0-9]+ \\"x\\"$") & tag.contains("it's"),
    (alias.in_(["a", "b"]) | ~tag.not_in(["c"])) & ~(alias.eq("d") | tag.eq("e")),
    ~alias.in_([]) & alias.exists() & tag.exists(False) & alias.ne("x") & (alias < "m") & (tag >= "n"),
    # Whatever is no text is compared, too, and equals none.
    alias.eq(3) | alias.ne(2.5) | (tag > True) | alias.eq(["a", 1]) | ~tag.ne(["b"]) | alias.in_(["a", 2, 2**64]),
    Or(exprs=[FilterExpr(field="tag", op=Size(val=2)), FilterExpr(field="alias", op=All(val=["a", 3]))]),
]
tag_filters = [tag.in_(["a", "b"]) | tag.matches_regex(".*"), {"$and": []}]
artifact_events = {
    "link": (OnLinkArtifact, artifact_scopes, artifact_filters),
    "unlink": (OnUnlinkArtifact, artifact_scopes, artifact_filters[:2]),
    "alias": (OnAddArtifactAlias, artifact_scopes, artifact_filters),
    "add tag": (OnAddArtifactTag, artifact_scopes, artifact_filters[:2]),
    "remove tag": (OnRemoveArtifactTag, artifact_scopes, artifact_filters[:2]),
    "add collection tag": (OnAddCollectionTag, artifact_scopes, tag_filters),
    "remove collection tag": (OnRemoveCollectionTag, artifact_scopes, tag_filters),
    "create": (
        OnCreateArtifact, {name: artifact_scopes[name] for name in ("portfolio", "sequence")}, artifact_filters[:2]
    ),
}
named = RunEvent.name.contains("prod") & RunEvent.name.ne("pre-prod")
run_events = {
    "state": (OnRunState, run_scopes, [RunEvent.state.in_(["finished", "failed"]), named & RunEvent.state.eq("running")]),
    "metric": (
        OnRunMetric,
        run_scopes,
        [
            metric("MAX") > 1,
            (metric("loss").avg(5) <= 0.25) & named,
            metric("acc").max(3).increases_by(frac=0.5),
            metric("acc").decreases_by(diff=2) & named,
            metric("acc").min(4).changes_by(diff=0.1),
            metric("loss").zscore(20).abs() > 3,
            (metric("loss").zscore(30) < -2.5) & named,
        ],
    ),
}
actions = [
    DoNothing(),
    SendWebhook.from_integration(hooks["ci"]),
    SendWebhook.from_integration(hooks["ci"], payload={"n": [1, 2.5, None], "text": "${alias} \\u00fc", "deep": {}}),
    SendNotification.from_integration(channel, title="Moved ${alias}", text="by ${event_author}", level="WARN"),
]

saved = {}
events = [
    (name, scope, OnEvent(scope=where, filter=given))
    for name, (OnEvent, scopes, filters) in {**artifact_events, **run_events}.items()
    for (scope, where), given in product(scopes.items(), filters)
]
for number, ((name, scope, event), action) in enumerate(
    (each, actions[turn % len(actions)]) for turn, each in enumerate(events)
):
    title = f"{number} {name} in {scope}"
    automation = api.create_automation(event >> action, name=title, description=f"about {name}", enabled=bool(number % 2))
    assert (automation.name, automation.description, automation.enabled) == (title, f"about {name}", bool(number % 2))
    assert automation.event.event_type == event.event_type
    given = event.filter if hasattr(event.filter, "run") else type(automation.event.filter)(filter=event.filter)
    assert automation.event.filter == given, (title, automation.event.filter, given)
    assert (automation.scope.id, automation.scope.name) == (event.scope.id, event.scope.name), title
    assert type(automation.scope) is type(event.scope), (title, automation.scope, event.scope)
    assert automation.action.action_type == action.action_type
    for key in ("request_payload", "title", "message", "severity"):
        assert getattr(automation.action, key, None) == getattr(action, key, None), (title, key)
    if hasattr(action, "integration_id"):
        assert automation.action.integration.id == action.integration_id
    saved[title] = (automation, entity_of.get(scope, "team"))
types = {automation.event.event_type.value for automation, _ in saved.values()}
assert len(types) == 12, types

for entity in ("team", "home-org"):
    listed = {automation.name: automation for automation in api.automations(entity=entity, per_page=20)}
    assert listed == {title: automation for title, (automation, where) in saved.items() if where == entity}
    for automation in list(listed.values())[::9]:
        assert api.automation(automation.name, entity=entity) == automation
        assert api.update_automation(automation) == automation
walked = {automation.name for automation in api.automations()}
assert walked == {name for name in saved if not name.endswith(("in team", "in organization"))}, walked ^ set(saved)
assert list(api.automations(entity="team", name="none")) == []

first = next(automation for automation, entity in saved.values() if entity == "team")
again = OnAddArtifactAlias(scope=portfolio) >> DoNothing()
taken = api.create_automation(again, name="taken")
refused("'taken' exists", api.create_automation, again, name="taken")
assert api.create_automation(again, name="taken", fetch_existing=True) == taken

edited = api.update_automation(
    taken, name="edited", description="d", enabled=False, scope=project,
    event=OnLinkArtifact(scope=project, filter=tag.eq("x")), action=SendWebhook.from_integration(hooks["by the client"]),
)
assert (edited.id, edited.name, edited.description, edited.enabled) == (taken.id, "edited", "d", False)
assert (edited.event.event_type, edited.scope.id) == (EventType.LINK_ARTIFACT, project.id)
assert edited.action.integration.id == hooks["by the client"].id
assert api.automation("edited", entity="team") == edited
assert api.delete_automation(edited) is True
refused("'edited' not found", api.update_automation, edited, enabled=True)
on_red = OnLinkArtifact(scope=portfolio, filter={"colour": "red"}) >> DoNothing()
refused("no field 'colour'", api.create_automation, on_red, name="never")
nowhere = OnLinkArtifact(scope=portfolio) >> SendWebhook(integration_id="nonsense")
refused("'nonsense' is not the id", api.create_automation, nowhere, name="never")
for automation, _ in saved.values():
    assert api.delete_automation(automation.id) is True
assert list(api.automations(entity="team")) == list(api.automations(entity="home-org")) == []
"""

OLDEST_SCRIPT = """
import json

import wandb
from wandb.automations import *
from wandb.automations._utils import prepare_event_filter_input, prepare_to_create

def refused(said, call, *args, **named):
    try:
        call(*args, **named)
    except Exception as error:
        assert said in str(error), error
    else:
        raise AssertionError(f"{said}: was not refused")


api = wandb.Api()
hook = next(api.webhook_integrations(entity="team"))
assert [each.channel_name for each in api.slack_integrations(entity="team")] == ["ml-ops"]
assert {each.id for each in api.integrations(entity="team")} >= {hook.id}
portfolio = api.artifact_collection("model", "team/model-registry/MNIST")
project = api.project("demo", entity="team")
alias, metric = ArtifactEvent.alias, RunEvent.metric
named = RunEvent.name.contains("prod")
channel = next(api.slack_integrations(entity="team"))
actions = [
    DoNothing(),
    SendWebhook.from_integration(hook, payload={"text": "${alias}"}),
    SendNotification.from_integration(channel, title="t", text="m", level="ERROR"),
]
events = [
    OnCreateArtifact(scope=portfolio),
    OnLinkArtifact(scope=project, filter=alias.eq("prod") | alias.contains("x")),
    OnAddArtifactAlias(scope=portfolio, filter=~alias.in_(["a", "b"]) & alias.not_in(["c"])),
    OnAddArtifactAlias(scope=portfolio, filter=alias.in_(["a", 1, True]) | alias.ne(2.5) | (alias > 2**64)),
    OnRunMetric(scope=project, filter=(metric("loss").avg(3) < 0.5) & named),
    OnRunMetric(scope=project, filter=metric("acc").increases_by(frac=0.1)),
]
saved = {}
for number, event in enumerate(events):
    for action in actions:
        automation = api.create_automation(event >> action, name=f"{number} {action.action_type.value}")
        assert automation.event.event_type == event.event_type
        # What this version holds before it sends it is not yet in the form that it sends.
        sent = json.loads(prepare_to_create(event >> action, name="n").event_filter)
        assert json.loads(prepare_event_filter_input(automation.event.filter)) == sent
        assert automation.scope.id == event.scope.id
        for key in ("request_payload", "title", "message", "severity"):
            assert getattr(automation.action, key, None) == getattr(action, key, None), key
        saved[automation.name] = automation
listed = {automation.name: automation for automation in api.automations(entity="team") if automation.name in saved}
assert listed == saved
assert {automation.name for automation in api.automations()} >= set(saved)
first = api.automation("0 NO_OP", entity="team")
assert first == saved["0 NO_OP"]
refused("exists", api.create_automation, events[0] >> actions[0], name="0 NO_OP")
edited = api.update_automation(first, description="described", enabled=False)
assert (edited.description, edited.enabled, edited.event) == ("described", False, first.event)
for automation in saved.values():
    assert api.delete_automation(automation) is True
refused("not found", api.update_automation, edited)
"""


async def test_all_that_the_client_can_express_is_kept(tmp_path: Path) -> None:
    async with running_system(tmp_path / "data") as system:
        await publish_model(system)
        await ok(await system.client.post("/api/v1/webhooks", json={"name": "ci", "url": "http://127.0.0.1:9/"}))
        channel = {"name": "ml-ops", "url": "http://127.0.0.1:9/services/T1/B1/x"}
        await ok(await system.client.post("/api/v1/slack-channels", json=channel))
        printed = await run_script(system.url, KEY, NEWEST_SCRIPT, client=NEWEST, directory=tmp_path)
        assert "retry" not in printed.lower()
        await run_script(system.url, KEY, OLDEST_SCRIPT, client=OLDEST, directory=tmp_path)
        assert (await ok(await system.client.get("/api/v1/automations")))["items"] == []
