"""All of ``wandb.automations`` fires: created by the unmodified clients, set off by one, seen where it arrives."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.receiver import Receiver
from tests.support.slack import HOOK, TOKEN, FakeSlack
from tests.support.system import KEY, System, ok, publish_model, running_system
from tests.support.wandb_clients import NEWEST, OLDEST, run_script

CREATE = """
from itertools import cycle

import wandb
from wandb.automations import *

api = wandb.Api()
hook = next(api.webhook_integrations(entity="team"))
channels = {each.channel_name: each for each in api.slack_integrations(entity="team")}
# A bot tells its workspace; an incoming webhook has the name that it was given here.
assert {name: each.team_name for name, each in channels.items()} == {"#ml-ops": "Acme", "deploys": "team"}, channels
portfolio = api.artifact_collection("model", "team/model-registry/MNIST")
sequence = api.artifact_collection("model", "team/demo/MNIST-source")
project = api.project("demo", entity="team")
alias, metric = ArtifactEvent.alias, RunEvent.metric
payload = {
    name: "${" + name + "}"
    for name in (
        "event_type", "event_author", "automation_name", "project_name", "entity_name", "artifact_collection_name",
        "artifact_version_string", "artifact_version_index", "alias", "tag", "run_name", "run_status", "metric_name",
        "metric_filter", "artifact_metadata.acc",
    )
} | {"text": '"${event_type}" by ${event_author}', "token": "${ACCESS_TOKEN}"}
actions = {"webhook": SendWebhook.from_integration(hook, payload=payload), "no_op": DoNothing()}
ways = cycle([(channel, level) for level in ("INFO", "WARN", "ERROR") for channel in channels])

def notification(channel, level):
    return SendNotification.from_integration(
        channels[channel],
        title="${automation_name}: ${event_type}",
        text=f"by *${{event_author}}* <!here> {level} {channel}",
        level=level,
    )

def create(events, who):
    for name, event in events.items():
        for kind, action in (actions | {"slack": notification(*next(ways))}).items():
            api.create_automation(event >> action, name=f"{who} {name} {kind}", enabled=not name.startswith("off"))
"""
OLD = (
    CREATE
    + """
create({
    "create": OnCreateArtifact(scope=sequence),
    "link": OnLinkArtifact(scope=portfolio),
    "alias": OnAddArtifactAlias(scope=portfolio, filter=alias.eq("prod")),
    "threshold": OnRunMetric(scope=project, filter=metric("loss").avg(2) < 0.5),
    "change": OnRunMetric(scope=project, filter=metric("loss").decreases_by(frac=0.5)),
}, "old")
"""
)
NEW = (
    CREATE
    + """
from pathlib import Path

tag, named = ArtifactEvent.tag, RunEvent.name.contains("train")
create({
    "create": OnCreateArtifact(scope=sequence),
    "link": OnLinkArtifact(scope=portfolio),
    "unlink": OnUnlinkArtifact(scope=portfolio),
    "alias": OnAddArtifactAlias(scope=portfolio, filter=alias.matches_regex("^pr") & alias.ne("pre")),
    "tag": OnAddArtifactTag(scope=portfolio, filter=tag.eq("checked")),
    "untag": OnRemoveArtifactTag(scope=portfolio, filter=tag.eq("checked")),
    "collection tag": OnAddCollectionTag(scope=portfolio, filter=tag.in_(["vision"])),
    "collection untag": OnRemoveCollectionTag(scope=portfolio),
    "threshold": OnRunMetric(scope=project, filter=(metric("loss").avg(2) < 0.5) & named),
    "change": OnRunMetric(scope=project, filter=metric("loss").decreases_by(frac=0.5)),
    "zscore": OnRunMetric(scope=project, filter=metric("noise").zscore(3).abs() > 2),
    "state": OnRunState(scope=project, filter=RunEvent.state.eq("finished") & named),
    # None of these: a filter that does not hold, or switched off.
    "not alias": OnAddArtifactAlias(scope=portfolio, filter=alias.eq("other")),
    "not tag": OnAddArtifactTag(scope=portfolio, filter=tag.ne("checked")),
    "not run": OnRunState(scope=project, filter=RunEvent.state.eq("failed")),
    "not metric": OnRunMetric(scope=project, filter=metric("loss").max(2) > 10),
    "off": OnAddArtifactAlias(scope=portfolio, filter=alias.eq("prod")),
}, "new")

settings = wandb.Settings(console="off")
with wandb.init(project="demo", name="train-1", settings=settings) as run:
    for loss, noise in ((0.9, 1.0), (0.8, 1.1), (0.4, 0.9), (0.1, 9.0), (0.1, 1.0)):
        run.log({"loss": loss, "noise": noise})
    Path("model.bin").write_bytes(b"another")
    made = wandb.Artifact("MNIST-source", "model", metadata={"acc": 0.97})
    made.add_file("model.bin")
    run.log_artifact(made).wait()
made.link("model-registry/MNIST")
linked = api.artifact("model-registry/MNIST:v2")
linked.aliases = [*linked.aliases, "prod"]
linked.save()
linked.tags = ["checked"]
linked.save()
linked.tags = []
linked.save()
portfolio.tags = ["vision"]
portfolio.save()
portfolio.tags = []
portfolio.save()
api.artifact("model-registry/MNIST:v2").unlink()
"""
)
OLD_EVENTS = ("create", "link", "alias", "threshold", "change")
NEW_EVENTS = (
    *OLD_EVENTS,
    *("unlink", "tag", "untag", "collection tag", "collection untag", "zscore", "state"),
)
IN_PORTFOLIO = {
    "event_author": "admin",
    "project_name": "model-registry",
    "entity_name": "team",
    "artifact_collection_name": "MNIST",
}
OF_VERSION = {
    **IN_PORTFOLIO,
    "artifact_version_string": "team/model-registry/MNIST:v2",
    "artifact_version_index": 2,
    "artifact_metadata.acc": 0.97,
}
OF_SOURCE = {
    **OF_VERSION,
    "project_name": "demo",
    "artifact_collection_name": "MNIST-source",
    "artifact_version_string": "team/demo/MNIST-source:v2",
}
OF_RUN: dict[str, Any] = {"project_name": "demo", "entity_name": "team", "run_name": "train-1"}
SAID: dict[str, dict[str, Any]] = {
    "create": {**OF_SOURCE, "event_type": "CREATE_ARTIFACT"},
    "link": {**OF_VERSION, "event_type": "LINK_ARTIFACT"},
    "unlink": {**OF_VERSION, "event_type": "UNLINK_ARTIFACT"},
    "alias": {**OF_VERSION, "event_type": "ADD_ARTIFACT_ALIAS", "alias": "prod"},
    "tag": {**OF_VERSION, "event_type": "ADD_ARTIFACT_TAG", "tag": "checked"},
    "untag": {**OF_VERSION, "event_type": "REMOVE_ARTIFACT_TAG", "tag": "checked"},
    "collection tag": {**IN_PORTFOLIO, "event_type": "ADD_COLLECTION_TAG", "tag": "vision"},
    "collection untag": {**IN_PORTFOLIO, "event_type": "REMOVE_COLLECTION_TAG", "tag": "vision"},
    "threshold": {**OF_RUN, "event_type": "RUN_METRIC", "metric_name": "loss"},
    "change": {**OF_RUN, "event_type": "RUN_METRIC_CHANGE", "metric_name": "loss"},
    "zscore": {**OF_RUN, "event_type": "RUN_METRIC_ZSCORE", "metric_name": "noise"},
    "state": {**OF_RUN, "event_type": "RUN_STATE", "run_status": "finished", "event_author": "admin"},
}
NOTHING = {"alias", "tag", "run_name", "metric_name", "artifact_version_string"}
"""Variables that an event without a value for them leaves empty."""
FIRED = [("old", name) for name in OLD_EVENTS] + [("new", name) for name in NEW_EVENTS]
KINDS = ("webhook", "no_op", "slack")
EMOJI = {"INFO": ":information_source:", "WARN": ":warning:", "ERROR": ":rotating_light:"}


async def test_every_event_that_the_clients_know_sets_off_every_action(tmp_path: Path) -> None:
    async with (
        Receiver() as receiver,
        FakeSlack() as slack,
        running_system(tmp_path / "data", settings={"SLACK_API_URL": slack.api}) as system,
    ):
        await publish_model(system)
        await ok(
            await system.client.post("/api/v1/secrets", json={"name": "TOKEN", "value": 's"cret', "entity": "team"})
        )
        hook = {"name": "ci", "url": receiver.url(), "access_token": "${secret.TOKEN}"}
        await ok(await system.client.post("/api/v1/webhooks", json=hook))
        await ok(
            await system.client.post(
                "/api/v1/slack-channels", json={"name": "ml-ops", "channel": "ml-ops", "token": TOKEN}
            )
        )
        slack.hooks[HOOK] = "C0000000002"
        await ok(await system.client.post("/api/v1/slack-channels", json={"name": "deploys", "url": slack.hook}))
        await run_script(system.url, KEY, OLD, client=OLDEST, directory=tmp_path)
        await run_script(system.url, KEY, NEW, client=NEWEST, directory=tmp_path)

        wanted = {(f"{who} {name} {kind}", kind, "finished", None) for who, name in FIRED for kind in KINDS} | {
            (f"new off {kind}", kind, "skipped", "disabled") for kind in KINDS
        }
        found: list[dict[str, Any]] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(40):  # a channel takes one message a second
                while len(found) < len(wanted) or any(each["status"] == "pending" for each in found):
                    await asyncio.sleep(0.1)
                    found = (await ok(await system.client.get("/api/v1/executions?limit=500")))["items"]
        told = [(each["automation"], each["kind"], each["status"], each["reason"]) for each in found]
        assert set(told) - wanted == set()
        assert wanted - set(told) == set()
        assert len(told) == len(wanted)
        received = {body["automation_name"]: body for body in (json.loads(each.body) for each in receiver.requests)}
        assert len(receiver.requests) == len(FIRED)
        for who, name in FIRED:
            body = received[f"{who} {name} webhook"]
            said = SAID[name]
            assert {key: body[key] for key in said} == said, (who, name, body)
            assert body["run_status"] in ({"running", "finished"} if "run_name" in said else {""})
            assert {body[key] for key in NOTHING - said.keys()} <= {""}, (who, name, body)
            assert body["text"] == f'"{body["event_type"]}" by {body["event_author"]}'
            assert body["token"] == 's"cret'
        posted = {each.title: each for each in slack.posted}
        assert len(slack.posted) == len(FIRED)
        assert slack.refused == []
        ways: set[tuple[str, str]] = set()
        for who, name in FIRED:
            body = received[f"{who} {name} webhook"]
            message = posted[f"{who} {name} slack: {body['event_type']}"]
            by, level, channel = message.body.rsplit(" ", 2)
            assert by == f"by *{body['event_author']}* <!here>"
            assert message.context.startswith(f"{EMOJI[level]} · `")
            assert slack.channels[message.channel] == channel.removeprefix("#")
            ways.add((level, channel))
        assert len(ways) == 6
        await shown(system, found, received["new alias webhook"])


async def shown(system: System, found: list[dict[str, Any]], body: dict[str, Any]) -> None:
    """An execution shows what was sent, the secret aside."""
    (one,) = (each for each in found if each["automation"] == "new alias webhook")
    detail = await ok(await system.client.get(f"/api/v1/executions/{one['id']}"))
    assert detail["payload"] == body | {"token": "***"}
    assert detail["event_type"] == "alias.added"
