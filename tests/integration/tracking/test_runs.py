import asyncio
import re

import pytest

from tests.support.api import Api
from tests.support.registry import V1, happened, short

RUNS = f"{V1}/projects/team/train/runs"


async def test_a_run_gets_an_id_a_name_and_its_project(api: Api) -> None:
    made = (await api.client.post(RUNS, json={"config": {"lr": 0.1}, "group": "g", "tags": ["t"]})).json()
    assert re.fullmatch(r"[0-9a-z]{8}", made["name"])
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d+", made["display_name"])
    assert (made["state"], made["account"], made["config"]) == ("running", "admin", {"lr": 0.1})
    assert (await api.client.get(f"{RUNS}/{made['name']}")).json() == made
    events = await happened(api, "project.", "run.")
    assert short(events) == ["project.created", "run.created"]
    run = events[1]["data"]["run"]
    assert (run["name"], run["group"], run["tags"]) == (made["name"], "g", ["t"])
    assert isinstance(run["project_id"], int)
    assert events[1]["subject"] == f"team/train/runs/{made['name']}"


async def test_a_change_of_state_is_an_event_with_the_summary_and_nothing_else_is(api: Api) -> None:
    await api.client.post(RUNS, json={"name": "abc"})
    await api.client.patch(f"{RUNS}/abc", json={"config": {"a": 1}, "summary": {"loss": 1.0}, "notes": "n"})
    await api.client.patch(f"{RUNS}/abc", json={"config": {"b": 2}})
    text = '{"state": "failed", "exit_code": 3, "summary": {"acc": Infinity}}'
    failed = await api.client.patch(f"{RUNS}/abc", content=text, headers={"content-type": "application/json"})
    assert failed.json()["config"] == {"a": 1, "b": 2}
    assert failed.json()["finished_at"] is not None
    await api.client.patch(f"{RUNS}/abc", json={"state": "failed"})
    resumed = (await api.client.patch(f"{RUNS}/abc", json={"state": "running"})).json()
    assert (resumed["finished_at"], resumed["exit_code"]) == (None, None)
    events = await happened(api, "run.")
    assert short(events) == ["run.created", "run.state_changed", "run.state_changed"]
    data = events[1]["data"]
    assert data["state"] == {"from": "running", "to": "failed"}
    assert (data["exit_code"], data["summary"]) == (3, {"loss": 1.0, "acc": "Infinity"})
    assert [event["sequence"] for event in events] == [1, 2, 3]


async def test_a_run_is_deleted_and_its_id_is_free_again(api: Api) -> None:
    await api.client.post(RUNS, json={"name": "abc"})
    taken = await api.client.post(RUNS, json={"name": "abc"})
    assert (taken.status_code, taken.json()["code"]) == (409, "run_exists")
    assert (await api.client.delete(f"{RUNS}/abc")).status_code == 204
    assert (await api.client.get(f"{RUNS}/abc")).status_code == 404
    assert (await api.client.post(RUNS, json={"name": "abc"})).status_code == 201
    assert short(await happened(api, "run.")) == ["run.created", "run.deleted", "run.created"]


async def test_deleting_a_project_deletes_its_runs_first(api: Api) -> None:
    for name in ("a", "b"):
        await api.client.post(RUNS, json={"name": name})
    assert (await api.client.delete(f"{V1}/projects/team/train")).status_code == 204
    assert short(await happened(api))[-3:] == ["run.deleted", "run.deleted", "project.deleted"]


async def test_runs_that_come_while_their_project_is_deleted_are_announced_or_refused(api: Api) -> None:
    await api.client.post(f"{V1}/projects/team", json={"name": "train"})
    answers = await asyncio.gather(
        *(api.client.post(RUNS, json={}) for _ in range(6)), api.client.delete(f"{V1}/projects/team/train")
    )
    assert {answer.status_code for answer in answers[:-1]} <= {201, 404, 409}
    assert answers[-1].status_code == 204
    created = {event["data"]["run"]["id"] for event in await happened(api, "run.created")}
    deleted = {event["data"]["run"]["id"] for event in await happened(api, "run.deleted")}
    listed = await api.client.get(RUNS)
    left = {one["id"] for one in listed.json()["items"]} if listed.status_code == 200 else set[int]()
    assert created == deleted | left
    assert not deleted & left


@pytest.mark.parametrize(
    "body", [{"name": "a/b"}, {"state": "finished"}, {"config": []}, {"unknown": 1}, {"notes": "a\x00"}]
)
async def test_a_run_that_cannot_be_is_refused(api: Api, body: dict[str, object]) -> None:
    assert (await api.client.post(RUNS, json=body)).status_code == 422


async def test_runs_are_listed_in_pages(api: Api) -> None:
    for n in range(3):
        await api.client.post(RUNS, json={"name": f"r{n}"})
    first = (await api.client.get(RUNS, params={"limit": 2})).json()
    rest = (await api.client.get(RUNS, params={"cursor": first["next_cursor"]})).json()
    assert [one["name"] for one in first["items"] + rest["items"]] == ["r0", "r1", "r2"]


async def test_a_run_and_a_collection_whose_project_is_deleted_meanwhile_make_it_again(api: Api) -> None:
    for path, body in (
        ("/api/v1/projects/team/train/runs", {"name": "r1"}),
        ("/api/v1/collections/team/eval", {"name": "model", "type": "model"}),
    ):
        await api.client.post("/api/v1/projects/team", json={"name": path.split("/")[5]})
        async with api.runtime.database.transaction() as tx:
            await tx.connection.execute("DELETE FROM project")
            made = asyncio.create_task(api.client.post(path, json=body))
            await asyncio.sleep(0.5)
        assert (await made).status_code == 201, (await made).text
        await api.client.delete(path.removesuffix("/runs") + ("/runs/r1" if path.endswith("runs") else "/model"))


async def test_a_large_summary_is_kept_whole_and_its_events_carry_what_is_small(api: Api) -> None:
    large = {"table": "x" * 3_000_000, "acc": 0.5, "loss": 1.5}
    assert (await api.client.post(RUNS, json={"name": "r1", "summary": large})).status_code == 201
    ended = await api.client.patch(f"{RUNS}/r1", json={"state": "finished", "summary": {"histogram": [1] * 400_000}})
    assert (ended.status_code, len(ended.json()["summary"])) == (200, 4)
    changed = (await happened(api, "run.state_changed"))[0]["data"]
    assert changed["summary"] == {"acc": 0.5, "loss": 1.5, "histogram": [1] * 400_000}
    assert (await api.client.delete(f"{RUNS}/r1")).status_code == 204
