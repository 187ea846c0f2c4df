"""Automations of ``wandb.automations`` on runs, fired by runs: both by the unmodified client."""

import asyncio
import json
from pathlib import Path

from tests.support.receiver import Receiver, Request
from tests.support.system import KEY, ok, running_system
from tests.support.wandb_clients import NEWEST, run_script

SCRIPT = """
import wandb
from wandb.automations import *

settings = wandb.Settings(console="off")
wandb.init(project="train", name="first", settings=settings).finish()

api = wandb.Api()
project = api.project("train", entity="team")
(hook,) = api.webhook_integrations(entity="team")
send = SendWebhook.from_integration(hook)
loss = RunEvent.metric("loss")
named = RunEvent.name.contains("train")
api.create_automation(OnRunMetric(scope=project, filter=(loss.avg(3) < 0.5) & named) >> send, name="settled")
api.create_automation(OnRunMetric(scope=project, filter=loss.zscore(5).abs() > 3) >> send, name="spike")
api.create_automation(OnRunState(scope=project, filter=RunEvent.state.eq("finished") & named) >> send, name="finished")
api.create_automation(OnRunState(scope=project, filter=RunEvent.state.eq("failed")) >> send, name="failed")

run = wandb.init(project="train", name="train-1", settings=settings)
for value in (0.9, 0.8, 0.9, 0.6, 0.45, 0.4, 0.3, 0.2, 0.1):
    run.log({"loss": value})
run.finish()
"""


def arrived(requests: list[Request]) -> dict[str, dict[str, object]]:
    return {each["type"]: each["data"] for each in (json.loads(request.body) for request in requests)}


async def test_a_run_whose_loss_has_settled_and_that_ends_calls_the_webhook_for_each(tmp_path: Path) -> None:
    async with Receiver() as receiver, running_system(tmp_path / "data") as system:
        await ok(await system.client.post("/api/v1/webhooks", json={"name": "ci", "url": receiver.url()}))
        await run_script(system.url, KEY, SCRIPT, client=NEWEST, directory=tmp_path)
        async with asyncio.timeout(20):
            while len(receiver.requests) < 2:
                await asyncio.sleep(0.02)
        found = arrived(receiver.requests)
        metric, state = found["dev.regista.run.metric_triggered"], found["dev.regista.run.state_changed"]
        assert metric["values"] == [0.6, 0.45, 0.4]
        assert (metric["metric"], metric["step"], metric["threshold"]) == ("loss", 5, 0.5)
        assert metric["automation"]["name"] == "settled"  # type: ignore[index]
        assert state["state"] == {"from": "running", "to": "finished"}
        assert {each["run"]["display_name"] for each in (metric, state)} == {"train-1"}  # type: ignore[index]
        await asyncio.sleep(0.5)
        assert len(receiver.requests) == 2
