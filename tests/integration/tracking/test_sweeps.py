from datetime import timedelta
from typing import Any

from regista.tracking.sweeps import clear_discarded_runs, crash_silent_runs
from tests.support.api import Api
from tests.support.registry import V1, happened, rows

RUNS = f"{V1}/projects/team/train/runs"


async def silent(api: Api, name: str, minutes: int | None, state: str = "running") -> None:
    await api.client.post(RUNS, json={"name": name, "summary": {"loss": 0.5}})
    await api.client.patch(f"{RUNS}/{name}", json={"state": state})
    async with api.runtime.database.transaction() as tx:
        since = timedelta(minutes=minutes) if minutes is not None else None
        await tx.connection.execute("UPDATE run SET heartbeat_at = now() - $2::interval WHERE name = $1", name, since)


async def states(api: Api) -> dict[str, str]:
    return {run["name"]: run["state"] for run in (await api.client.get(RUNS)).json()["items"]}


async def test_runs_that_fell_silent_have_crashed_each_with_its_event(api: Api) -> None:
    await silent(api, "silent", 6)
    await silent(api, "preempted", 60, "preempting")
    await silent(api, "heard", 4)
    await silent(api, "never-beat", None)
    await silent(api, "ended", 60, "finished")
    before = len(await happened(api, "run.state_changed"))
    assert await crash_silent_runs(api.runtime.database, api.runtime.public_url) == 2
    assert await states(api) == {
        "silent": "crashed",
        "preempted": "crashed",
        "heard": "running",
        "never-beat": "running",
        "ended": "finished",
    }
    crashed = (await happened(api, "run.state_changed"))[before:]
    assert [(event["actor"], event["actortype"]) for event in crashed] == [("system", "system")] * 2
    assert crashed[0]["data"]["state"] == {"from": "running", "to": "crashed"}
    assert crashed[0]["data"]["summary"] == {"loss": 0.5}
    assert crashed[0]["data"]["run"]["name"] == "silent"
    assert await crash_silent_runs(api.runtime.database, api.runtime.public_url) == 0
    # It was only cut off: with its next lines it goes on.
    await api.client.post("/files/team/train/silent/file_stream", json={})
    assert (await states(api))["silent"] == "running"


async def test_many_silent_runs_are_found_batch_by_batch(api: Api) -> None:
    await api.client.post(RUNS, json={"name": "first"})
    async with api.runtime.database.transaction() as tx:
        await tx.connection.execute(
            """WITH made AS (INSERT INTO aggregate (organization_id) SELECT organization_id FROM run, generate_series(1, 230)
                             RETURNING id, organization_id)
               INSERT INTO run (aggregate_id, organization_id, project_id, name, display_name, heartbeat_at)
               SELECT made.id, made.organization_id, run.project_id, 'r' || made.id, 'd', now() - interval '1 hour'
               FROM made, run"""
        )
    assert await crash_silent_runs(api.runtime.database, api.runtime.public_url) == 230
    assert await rows(api, "SELECT count(*) FROM run WHERE state = 'crashed'") == 230
    assert len(await happened(api, "run.state_changed")) == 230


async def test_the_lines_of_a_deleted_run_go_and_those_of_others_stay(api: Api) -> None:
    for name in ("gone", "stays"):
        await api.client.post(RUNS, json={"name": name})
        lines = [f'{{"_step": {step}, "x": 1}}' for step in range(25_000)]
        files: dict[str, Any] = {"wandb-history.jsonl": {"offset": 0, "content": lines}}
        files["output.log"] = {"offset": 0, "content": ["a"]}
        answer = await api.client.post(f"/files/team/train/{name}/file_stream", json={"files": files})
        assert answer.status_code == 200
    await api.client.delete(f"{RUNS}/gone")
    assert await rows(api, "SELECT count(*) FROM run_discarded") == 1
    assert await clear_discarded_runs(api.runtime.database) == 2
    assert await rows(api, "SELECT count(*) FROM run_line") == 25_001
    for table in ("run_line", "run_place", "run_shape", "run_stream"):
        assert await rows(api, f"SELECT count(DISTINCT run_id) FROM {table}") == 1
    assert await rows(api, "SELECT count(*) FROM run_discarded") == 0
    assert await clear_discarded_runs(api.runtime.database) == 0
    page = (await api.client.get(f"{RUNS}/stays/history", params={"samples": 3, "keys": "x"})).json()
    assert len(page["items"]) == 3


async def test_the_runs_of_a_deleted_project_are_cleared_away_as_well(api: Api) -> None:
    await api.client.post(RUNS, json={"name": "r"})
    files = {"wandb-history.jsonl": {"offset": 0, "content": ['{"x": 1}']}}
    await api.client.post("/files/team/train/r/file_stream", json={"files": files})
    await api.client.delete(f"{V1}/projects/team/train")
    assert await clear_discarded_runs(api.runtime.database) == 1
    assert await rows(api, "SELECT count(*) FROM run_line") == 0
