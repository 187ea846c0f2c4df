import asyncio
import json
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.graphql import ask, refusal
from tests.support.registry import V1, happened, short

RUNS = f"{V1}/projects/team/train/runs"
UPSERT = """
mutation UpsertBucket($input: UpsertBucketInput!) {
  upsertBucket(input: $input) {
    inserted
    bucket { id name displayName config tags notes group jobType sweepName state summaryMetrics historyLineCount
             project { name entity { name } } }
  }
}
"""
RESUME = """
query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) {
    bucket(name: $name, missingOk: true) {
      id summaryMetrics logLineCount historyLineCount eventsLineCount historyTail eventsTail config tags
      wandbConfig(keys: ["t"])
    }
  }
}
"""
ALERT = """
mutation N($input: NotifyInput!) { notifyScriptableRunAlert(input: $input) { success } }
"""
LIST = """
query Runs($filters: JSONString, $order: String, $cursor: String, $first: Int) {
  project(name: "train", entityName: "team") {
    runCount(filters: $filters)
    runs(filters: $filters, order: $order, after: $cursor, first: $first) {
      totalCount edges { cursor node { name projectId historyLineCount user { username } project { name } } }
      pageInfo { endCursor hasNextPage }
    }
  }
}
"""


async def upsert(api: Api, **fields: Any) -> dict[str, Any]:
    given = {"modelName": "train", "entityName": "team", **fields} if "name" in fields else fields
    given |= {name: json.dumps(given[name]) for name in ("config", "summaryMetrics") if name in given}
    return (await ask(api, UPSERT, input=given))["upsertBucket"]


async def stream(api: Api, run: str, offset: int, rows: list[dict[str, Any]], **files: list[str]) -> None:
    content = {"wandb-history.jsonl": {"offset": offset, "content": [json.dumps(row) for row in rows]}}
    names = {"events": "wandb-events.jsonl", "output": "output.log"}
    content |= {names[name]: {"offset": 0, "content": lines} for name, lines in files.items()}
    answer = await api.client.post(f"/files/team/train/{run}/file_stream", json={"files": content})
    assert answer.status_code == 200, answer.text


async def rows(api: Api, run: str) -> list[dict[str, Any]]:
    query = 'query($name: String!) { project(name: "train", entityName: "team") { run(name: $name) { history(minStep: 0) } } }'
    return [json.loads(line) for line in (await ask(api, query, name=run))["project"]["run"]["history"]]


async def test_a_run_is_made_in_the_callers_own_entity_with_a_name_of_its_own(api: Api) -> None:
    made = await upsert(api, config={"lr": {"value": 0.1, "desc": None}, "_wandb": {"value": {"t": {}}}}, host="h")
    run = made["bucket"]
    assert made["inserted"]
    assert run["project"] == {"name": "uncategorized", "entity": {"name": "team"}}
    assert len(run["name"]) == 8
    assert run["displayName"]
    assert json.loads(run["config"]) == {"lr": {"value": 0.1}, "_wandb": {"value": {"t": {}}}}
    shown = (await api.client.get(f"{V1}/projects/team/uncategorized/runs/{run['name']}")).json()
    assert shown["config"] == {"lr": 0.1, "_wandb": {"t": {}}}
    assert shown["heartbeat_at"] is None
    assert short(await happened(api, "project.", "run.")) == ["project.created", "run.created"]


async def test_null_leaves_what_there_is_and_a_config_replaces_all_of_it(api: Api) -> None:
    first = await upsert(api, name="r", config={"a": {"value": 1}, "b": {"value": 2}}, notes="n", tags=["t"], host="h")
    again = await upsert(api, id=first["bucket"]["id"], config={"b": {"value": 3}}, notes=None, displayName="d")
    assert not again["inserted"]
    run = again["bucket"]
    assert (json.loads(run["config"]), run["notes"], run["tags"], run["displayName"]) == (
        {"b": {"value": 3}},
        "n",
        ["t"],
        "d",
    )
    await upsert(api, id=run["id"], summaryMetrics={"x": 1})
    assert (await api.client.get(f"{RUNS}/r")).json()["summary"] == {"x": 1}


async def test_a_change_from_outside_does_not_start_a_run_that_has_ended(api: Api) -> None:
    made = await upsert(api, name="r", host="h")
    await api.client.post("/files/team/train/r/file_stream", json={"complete": True, "exitcode": 0})
    await upsert(api, id=made["bucket"]["id"], notes="changed")
    await upsert(api, name="r", config={"a": {"value": 1}})
    assert (await api.client.get(f"{RUNS}/r")).json()["state"] == "finished"
    await upsert(api, name="r", id=made["bucket"]["id"], host="h")
    assert (await api.client.get(f"{RUNS}/r")).json()["state"] == "running"


async def test_many_clients_that_make_one_run_at_once_make_one(api: Api) -> None:
    answers = await asyncio.gather(*(upsert(api, name="r", host=f"h{number}") for number in range(8)))
    assert sorted(answer["inserted"] for answer in answers) == [False] * 7 + [True]
    assert len({answer["bucket"]["id"] for answer in answers}) == 1
    assert short(await happened(api, "project.", "run.")) == ["project.created", "run.created"]


async def test_a_session_that_begins_anew_writes_behind_what_there_is(api: Api) -> None:
    made = await upsert(api, name="r", host="h", config={"_wandb": {"value": {"t": {"1": 1}}}})
    assert made["bucket"]["historyLineCount"] is None
    await stream(api, "r", 0, [{"_step": step, "session": 1} for step in range(5)], output=["a", "b"], events=["{}"])
    again = await upsert(api, name="r", host="h", config={"_wandb": {"value": {"t": {"1": 1}}}})
    assert (again["inserted"], again["bucket"]["historyLineCount"]) == (False, None)
    await stream(api, "r", 0, [{"_step": step, "session": 2} for step in range(3)], output=["c"], events=["{}"])
    found = await rows(api, "r")
    assert [(row["_step"], row["session"]) for row in found] == [
        *((0, 1), (0, 2)),
        *((1, 1), (1, 2)),
        *((2, 1), (2, 2)),
        *((3, 1), (4, 1)),
    ]
    # Who resumes goes on with the numbers of the session that it resumes.
    status = (await ask(api, RESUME, project="train", entity="team", name="r"))["model"]["bucket"]
    assert (status["historyLineCount"], status["eventsLineCount"], status["logLineCount"]) == (3, 1, 1)
    assert json.loads(json.loads(status["historyTail"])[0]) == {"_step": 2, "session": 2}
    assert json.loads(status["wandbConfig"]) == {"t": {"1": 1}}
    resumed = await upsert(api, name="r", id=made["bucket"]["id"], host="h")
    assert resumed["bucket"]["historyLineCount"] is None
    await stream(api, "r", 3, [{"_step": 3, "session": 2}])
    assert len(await rows(api, "r")) == 9
    assert (await api.client.get(f"{RUNS}/r/history", params={"limit": 100})).json()["items"][-1]["_step"] == 3


async def test_a_run_that_is_synced_again_from_its_beginning_has_every_line_once(api: Api) -> None:
    lines = [{"_step": step, "_timestamp": 1700000000.5 + step, "x": step} for step in range(10)]
    machine = [json.dumps({"_timestamp": 1700000000.25 + beat, "cpu": 1}) for beat in range(3)]
    await upsert(api, name="r", host="h")
    await stream(api, "r", 0, lines[:6], events=machine[:2], output=["a"])
    # The client died here; what it kept on its disk is sent from the start, its members in whatever order.
    for _ in range(2):
        await upsert(api, name="r", host="h")
        again = [dict(reversed(line.items())) for line in lines]
        await stream(api, "r", 0, again[:4], events=machine, output=["a", "b"])
        await stream(api, "r", 4, again[4:])
    assert [row["x"] for row in await rows(api, "r")] == list(range(10))
    shown = await ask(api, RESUME, project="train", entity="team", name="r")
    status = shown["model"]["bucket"]
    assert (status["historyLineCount"], status["eventsLineCount"], status["logLineCount"]) == (10, 3, 2)


async def test_a_session_that_began_and_said_nothing_is_no_hindrance_to_the_next(api: Api) -> None:
    made = await upsert(api, name="r", host="h")
    await stream(api, "r", 0, [{"_step": step, "_timestamp": step + 0.5} for step in range(4)])
    await upsert(api, name="r", host="h")
    status = (await ask(api, RESUME, project="train", entity="team", name="r"))["model"]["bucket"]
    assert status["historyLineCount"] == 4
    await upsert(api, name="r", id=made["bucket"]["id"], host="h")
    await stream(api, "r", 4, [{"_step": 4, "_timestamp": 9.5}])
    assert [row["_step"] for row in await rows(api, "r")] == list(range(5))


async def test_a_run_that_nobody_began_is_none_to_resume(api: Api) -> None:
    assert (await ask(api, RESUME, project="train", entity="team", name="r"))["model"] is None
    await upsert(api, name="r", state="pending")
    status = (await ask(api, RESUME, project="train", entity="team", name="r"))["model"]["bucket"]
    assert json.loads(status["wandbConfig"]) == {}
    assert (await api.client.get(f"{RUNS}/r")).json()["state"] == "pending"
    await upsert(api, name="r", host="h")
    assert (await api.client.get(f"{RUNS}/r")).json()["state"] == "running"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "a/b"}, "may not contain /"),
        ({"name": "r", "modelName": "a#b"}, "may not contain #"),
        ({"name": "r", "entityName": "nobodys"}, "entity nobodys does not exist"),
        ({"id": "UnVuOjk5"}, "does not exist"),
        ({"id": "nonsense"}, "is not the id of a Run"),
        ({"name": "r", "displayName": "x" * 2000}, "1024 is the most"),
        ({"name": "r", "modelName": "wandb-registry-x"}, "registry"),
    ],
)
async def test_a_run_that_cannot_be_is_refused_with_a_sentence(api: Api, fields: dict[str, Any], said: str) -> None:
    given = {"modelName": "train", "entityName": "team", **fields} if "name" in fields else fields
    assert said in await refusal(api, UPSERT, input=given)


async def test_alerts_of_one_title_wait_for_one_another(api: Api) -> None:
    await upsert(api, name="r", host="h")
    path = {"entityName": "team", "projectName": "train", "runName": "r"}
    for title, text, wait in (("A", "1", 60_000), ("A", "2", 60_000), ("B", "3", None), ("A", "4", 0)):
        alert = {**path, "title": title, "text": text, "severity": "ERROR", "waitDuration": wait}
        assert (await ask(api, ALERT, input=alert))["notifyScriptableRunAlert"] == {"success": True}
    raised = [event["data"] for event in await happened(api, "run.alerted")]
    assert [(each["title"], each["text"]) for each in raised] == [("A", "1"), ("B", "3"), ("A", "4")]
    assert {each["severity"] for each in raised} == {"error"}


async def test_a_stop_is_told_to_the_client_until_the_run_ends_and_not_after(api: Api) -> None:
    made = await upsert(api, name="r", host="h")
    stop = "mutation($id: ID!) { stopRun(input: {id: $id}) { success } }"
    for _ in range(2):
        assert (await ask(api, stop, id=made["bucket"]["id"]))["stopRun"] == {"success": True}
    path = "/files/team/train/r/file_stream"
    for body in ({}, {"preempting": True}, {}):
        assert (await api.client.post(path, json=body)).json() == {"stopped": True}
    await api.client.post(path, json={"complete": True, "exitcode": 255})
    assert (await api.client.get(f"{RUNS}/r")).json()["state"] == "killed"
    await upsert(api, name="r", id=made["bucket"]["id"], host="h")
    assert (await api.client.post(path, json={})).json() == {}


async def test_a_state_is_set_as_far_as_the_client_may(api: Api) -> None:
    made = await upsert(api, name="r", host="h")
    number = made["bucket"]["id"]
    change = "mutation($input: UpdateRunStateInput!) { updateRunState(input: $input) { success } }"
    for state in ("pending", "pending", "failed"):
        assert (await ask(api, change, input={"id": number, "state": state}))["updateRunState"]["success"]
    await api.client.patch(f"{RUNS}/r", json={"state": "finished"})
    for state in ("pending", "failed", "crashed", "nonsense"):
        assert "cannot be set from finished" in await refusal(api, change, input={"id": number, "state": state})


async def test_a_run_is_rewound_to_a_step_and_goes_on_from_there(api: Api) -> None:
    await upsert(api, name="r", host="h")
    await stream(api, "r", 0, [{"_step": 2 * step, "x": step} for step in range(5000)], output=["a"])
    rewind = """
    mutation RewindRun($value: Float!, $metric: String = "_step") {
      rewindRun(input: {runName: "r", entityName: "team", projectName: "train", metricName: $metric, metricValue: $value}) {
        rewoundRun { name historyLineCount project { name } }
      }
    }
    """
    run = (await ask(api, rewind, value=8999.0))["rewindRun"]["rewoundRun"]
    assert (run["historyLineCount"], run["project"]["name"]) == (4500, "train")
    await stream(api, "r", 4500, [{"_step": 9000, "x": -1}], output=["b"])
    found = await rows(api, "r")
    assert [row["x"] for row in found] == [*range(4500), -1]
    query = 'query($s: [JSONString!]!) { project(name: "train", entityName: "team") { run(name: "r") { sampledHistory(specs: $s) historyKeys logLineCount } } }'
    shown = (await ask(api, query, s=['{"keys": ["x"], "samples": 9000}']))["project"]["run"]
    assert len(shown["sampledHistory"][0]) == 4501
    assert (shown["historyKeys"]["lastStep"], shown["logLineCount"]) == (9000, 2)
    assert shown["historyKeys"]["keys"]["x"] == {"typeCounts": [{"type": "number", "count": 4501}]}
    assert "rewound to a step" in await refusal(api, rewind, value=1.0, metric="loss")


async def test_a_list_of_runs_is_read_in_as_many_statements_as_one_run(api: Api) -> None:
    for number in range(5):
        await upsert(api, name=f"r{number}", host="h", config={"n": {"value": number}})
    found = []
    cursor = None
    while True:
        page = (await ask(api, LIST, first=2, cursor=cursor, order="-config.n.value"))["project"]["runs"]
        assert page["totalCount"] == 5
        found += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        cursor = page["pageInfo"]["endCursor"]
    assert [run["name"] for run in found] == ["r4", "r3", "r2", "r1", "r0"]
    assert {run["user"]["username"] for run in found} == {"admin"}
    few = await statements(api, LIST, first=1)
    assert await statements(api, LIST, first=5) == few


async def statements(api: Api, query: str, **variables: Any) -> int:
    """Return how many statements a request takes; the pool hands out the connection that was used last."""
    counted: list[str] = []

    def note(record: Any) -> None:
        counted.append(record.query)

    async with api.runtime.database.transaction() as tx:
        connection = tx.connection
        connection.add_query_logger(note)
    await ask(api, query, **variables)
    connection.remove_query_logger(note)
    assert counted
    return len(counted)


async def test_what_somebody_may_not_see_is_not_there_and_what_one_may_not_do_is_refused(api: Api) -> None:
    made = await upsert(api, name="r", host="h")
    query = 'query { project(name: "train", entityName: "team") { run(name: "r") { name } } }'
    stop = "mutation($id: ID!) { stopRun(input: {id: $id}) { success } }"
    delete = "mutation($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"
    for person, role, seen in (("stranger", None, None), ("viewer", "viewer", {"run": {"name": "r"}})):
        key = await api.key_of(person, team="team" if role else None, role=role or "member")
        other = Api(api.runtime, api.app, api.as_key(key))
        assert (await ask(other, query))["project"] == seen
        for mutation in (stop, delete):
            said = await refusal(other, mutation, id=made["bucket"]["id"])
            assert ("needs role member" if role else "does not exist") in said
        await other.client.aclose()
    await ask(api, delete, id=made["bucket"]["id"])
    assert (await ask(api, query))["project"]["run"] is None
    assert short(await happened(api, "run."))[-1] == "run.deleted"


NONSENSE = [
    '{"keys": ["loss"], "samples": -1}',
    '{"keys": ["loss"], "samples": "many"}',
    '{"keys": "loss"}',
    '{"keys": [1]}',
    '{"keys": ["a\\u0000b"]}',
    '{"keys": ["loss"], "minStep": 1e300}',
    "[1]",
    "null",
]


@pytest.mark.parametrize("spec", NONSENSE)
async def test_a_sample_that_makes_no_sense_is_refused_with_a_sentence(api: Api, spec: str) -> None:
    await upsert(api, name="r", host="h")
    await stream(api, "r", 0, [{"_step": 0, "loss": 1}])
    query = 'query($s: [JSONString!]!) { project(name: "train", entityName: "team") { run(name: "r") { sampledHistory(specs: $s) } } }'
    assert await refusal(api, query, s=[spec])


@pytest.mark.parametrize(
    "field",
    [
        "history(samples: -1)",
        "history(minStep: -9223372036854775808, maxStep: 9223372036854775807)",
        "events(samples: 0)",
        "logLines(first: -1) { edges { node { line } } }",
        'logLines(after: "bogus") { edges { node { line } } }',
        "logLines(last: -5) { edges { node { line } } }",
        r'files(pattern: "\\") { edges { node { name } } }',
        'files(first: 999999999, after: "WzFd") { edges { node { name } } }',
        'files(names: ["a", null]) { edges { node { name } } }',
        "fileCount parquetHistory(liveKeys: []) { parquetUrls liveData } systemMetrics historyKeys eventsTail",
    ],
)
async def test_no_value_of_a_field_is_a_fault_of_the_server(api: Api, field: str) -> None:
    await upsert(api, name="r", host="h")
    query = f'query {{ project(name: "train", entityName: "team") {{ run(name: "r") {{ {field} }} }} }}'
    answer = await api.client.post("/graphql", json={"query": query})
    assert answer.status_code == 200
    assert "the server failed" not in answer.text
