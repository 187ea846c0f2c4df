import asyncio
import gzip
import json
import random
from typing import Any

import httpx
import pytest

from tests.support.api import Api
from tests.support.registry import V1, happened

RUNS = f"{V1}/projects/team/train/runs"
STREAM = "/files/team/train/r1/file_stream"


@pytest.fixture
async def run(api: Api) -> int:
    made = await api.client.post(RUNS, json={"name": "r1"})
    return made.json()["id"]


def history(first: int, count: int, **more: Any) -> dict[str, Any]:
    lines = [json.dumps({"_step": step, "loss": 1 / (step + 1), **more}) for step in range(first, first + count)]
    return {"files": {"wandb-history.jsonl": {"offset": first, "content": lines}}}


async def send(api: Api, body: Any = None, **options: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    answer = await api.client.post(STREAM, content=content, **options)
    assert isinstance(answer.json(), dict)
    return answer


async def sent(api: Api, body: Any = None, **options: Any) -> dict[str, Any]:
    answer = await send(api, body, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def kept(api: Api, run: int, stream: int = 0) -> list[tuple[int, str]]:
    async with api.runtime.database.transaction() as tx:
        rows = await tx.connection.fetch(
            "SELECT line, body FROM run_line WHERE run_id = $1 AND stream = $2 ORDER BY line", run, stream
        )
    return [(row["line"], row["body"].decode()) for row in rows]


async def steps(api: Api, run: int) -> list[int]:
    return [json.loads(body)["_step"] for _, body in await kept(api, run)]


async def placed(api: Api, run: int) -> int:
    async with api.runtime.database.transaction() as tx:
        found: Any = await tx.connection.fetchval("SELECT sum(bit_count(places)) FROM run_place WHERE run_id = $1", run)
    return int(found or 0)


async def test_a_chunk_that_comes_twice_is_kept_once(api: Api, run: int) -> None:
    for _ in range(3):
        assert await sent(api, history(0, 10)) == {}
    # What comes later under the number of a line that is there is not what was logged there.
    await sent(api, {"files": {"wandb-history.jsonl": {"offset": 4, "content": ['{"_step": 99, "other": 1}'] * 8}}})
    assert await steps(api, run) == [*range(10), 99, 99]
    assert await placed(api, run) == 12


async def test_chunks_out_of_order_and_with_a_gap_leave_what_ordered_ones_leave(api: Api, run: int) -> None:
    chunks = [(first, 7) for first in range(0, 70, 7) if first != 35]
    random.Random(1).shuffle(chunks)
    for first, count in chunks:
        await sent(api, history(first, count))
    assert await steps(api, run) == [step for step in range(70) if not 35 <= step < 42]
    await sent(api, history(35, 7))
    assert await steps(api, run) == list(range(70))
    assert await placed(api, run) == 70


async def test_chunks_sent_at_once_by_many_connections_are_all_there_once(api: Api, run: int) -> None:
    chunks = [history(first, 20) for first in range(0, 400, 20)] * 2
    random.Random(2).shuffle(chunks)
    answers = await asyncio.gather(*(send(api, chunk) for chunk in chunks))
    assert {answer.status_code for answer in answers} == {200}
    assert await steps(api, run) == list(range(400))
    assert await placed(api, run) == 400


async def test_output_is_rewritten_line_by_line_as_progress_bars_do(api: Api, run: int) -> None:
    for offset, content in ((0, ["start", "10 %"]), (1, ["20 %"]), (1, ["done", "end\x00 \ud83d"])):
        await sent(api, {"files": {"output.log": {"offset": offset, "content": content}}})
    assert await kept(api, run, 2) == [(0, "start"), (1, "done"), (2, "end\x00 ?")]


@pytest.mark.parametrize("coding", ["gzip", "identity"])
async def test_a_body_may_come_compressed(api: Api, run: int, coding: str) -> None:
    body = json.dumps(history(0, 100)).encode()
    await sent(api, gzip.compress(body) if coding == "gzip" else body, headers={"content-encoding": coding})
    assert len(await kept(api, run)) == 100


GARBAGE = [
    (b"{", {}),
    (b"\xff\xfe", {}),
    (b"[]", {}),
    (b'"text"', {}),
    (b'{"files": [1]}', {}),
    (b'{"files": {"wandb-history.jsonl": 1}}', {}),
    (b'{"files": {"wandb-history.jsonl": {"offset": -1, "content": ["{}"]}}}', {}),
    (b'{"files": {"wandb-history.jsonl": {"offset": "0", "content": ["{}"]}}}', {}),
    (b'{"files": {"wandb-history.jsonl": {"offset": 1e300, "content": ["{}"]}}}', {}),
    (b'{"files": {"wandb-history.jsonl": {"offset": 99999999999999999999, "content": ["{}"]}}}', {}),
    (b'{"files": {"wandb-history.jsonl": {"offset": 0, "content": [1]}}}', {}),
    (b"[" * 100_000, {}),
    (b"not gzip", {"content-encoding": "gzip"}),
    (gzip.compress(b"{}", mtime=0)[:-4], {"content-encoding": "gzip"}),
    (b"{}", {"content-encoding": "br"}),
]


@pytest.mark.parametrize(("body", "headers"), GARBAGE)
async def test_a_damaged_body_is_sent_again_by_the_client_and_changes_nothing(
    api: Api, run: int, body: bytes, headers: dict[str, str]
) -> None:
    answer = await send(api, body, headers=headers)
    # The client gives up on 400, 401, 403, 404, 409 and 410, and sends again on any other refusal.
    assert answer.status_code == 422
    assert await kept(api, run) == []


async def test_a_body_that_inflates_beyond_the_limit_is_refused_before_it_does(api: Api, run: int) -> None:
    bomb = gzip.compress(b" " * (129 << 20), 9)
    answer = await send(api, bomb, headers={"content-encoding": "gzip"})
    assert answer.status_code == 413
    assert await kept(api, run) == []


async def test_what_is_no_object_is_passed_over_and_what_is_odd_is_kept(api: Api, run: int) -> None:
    content = [
        '{"_step": 0, "a": NaN}',
        "no json",
        "[1]",
        '{"_step": 1, "a\\u0000": 1}',
        r'{"_step": 2, "a": "\ud83d"}',
    ]
    await sent(api, {"files": {"wandb-history.jsonl": {"offset": 0, "content": content}, "unknown.txt": 7}})
    assert [number for number, _ in await kept(api, run)] == [0, 3, 4]
    summary = ['{"a": "\\u0000\\ud83d", "b": Infinity, "deep": ' + "[" * 80 + "]" * 80 + "}"]
    await sent(api, {"files": {"wandb-summary.json": {"offset": 0, "content": summary}}})
    shown = (await api.client.get(f"{RUNS}/r1")).json()["summary"]
    assert (shown["a"], shown["b"]) == ("��", "Infinity")


async def test_a_backlog_of_100_megabytes_is_kept_whole(api: Api, run: int) -> None:
    text = "x" * 10_000
    lines = [json.dumps({"_step": step, "text": text}) for step in range(10_000)]
    body = json.dumps({"files": {"wandb-history.jsonl": {"offset": 0, "content": lines}}}).encode()
    assert len(body) > 100_000_000
    await sent(api, gzip.compress(body, 1), headers={"content-encoding": "gzip"})
    async with api.runtime.database.transaction() as tx:
        found: Any = await tx.connection.fetchrow(
            "SELECT count(*), sum(length(body)) FROM run_line WHERE run_id = $1", run
        )
    assert tuple(found) == (10_000, sum(map(len, lines)))


@pytest.mark.usefixtures("run")
async def test_the_end_comes_with_the_exit_code_once_and_with_the_summary(api: Api) -> None:
    end = {
        "files": {"wandb-summary.json": {"offset": 0, "content": ['{"loss": 0.5}']}},
        "complete": True,
        "exitcode": 0,
    }
    for _ in range(2):
        await sent(api, end)
    await sent(api)
    shown = (await api.client.get(f"{RUNS}/r1")).json()
    assert (shown["state"], shown["exit_code"], shown["summary"]) == ("finished", 0, {"loss": 0.5})
    assert shown["heartbeat_at"] is not None
    (changed,) = await happened(api, "run.state_changed")
    assert changed["data"]["state"] == {"from": "running", "to": "finished"}
    assert (changed["data"]["summary"], changed["data"]["exit_code"]) == ({"loss": 0.5}, 0)


@pytest.mark.parametrize(("code", "state"), [(0, "finished"), (1, "failed"), (-9, "failed"), (2**40, "failed")])
@pytest.mark.usefixtures("run")
async def test_another_exit_code_than_0_is_a_failure(api: Api, code: int, state: str) -> None:
    await sent(api, {"complete": True, "exitcode": code})
    assert (await api.client.get(f"{RUNS}/r1")).json()["state"] == state


@pytest.mark.usefixtures("run")
async def test_a_sign_of_life_takes_up_a_run_that_was_given_up_and_none_that_has_ended(api: Api) -> None:
    for state, after in (("crashed", "running"), ("preempted", "running"), ("failed", "failed"), ("killed", "killed")):
        await api.client.patch(f"{RUNS}/r1", json={"state": state})
        await sent(api)
        assert (await api.client.get(f"{RUNS}/r1")).json()["state"] == after
        await api.client.patch(f"{RUNS}/r1", json={"state": "running"})
    await sent(api, {"preempting": True})
    assert (await api.client.get(f"{RUNS}/r1")).json()["state"] == "preempting"


async def test_clients_that_share_a_run_do_not_write_over_one_another(api: Api, run: int) -> None:
    for client in ("one", "other", "one"):
        headers = {"x-wandb-use-async-filestream": "true", "x-wandb-async-client-id": client}
        await sent(api, history(0, 5, by=client), headers=headers)
        await sent(api, {"files": {"output.log": {"offset": 0, "content": [client]}}}, headers=headers)
    assert sorted(await steps(api, run)) == sorted([*range(5)] * 2)
    assert [body for _, body in await kept(api, run, 2)] == ["one", "other"]
    assert await placed(api, run) == 10


async def test_a_run_that_there_is_not_and_one_of_others_are_not_found(api: Api, run: int) -> None:
    assert (await api.client.post("/files/team/train/none/file_stream", json={})).status_code == 404
    async with api.as_key(await api.key_of("stranger")) as stranger:
        assert (await stranger.post(STREAM, json=history(0, 1))).status_code == 404
    async with api.as_key(await api.key_of("viewer", team="team", role="viewer")) as viewer:
        assert (await viewer.post(STREAM, json=history(0, 1))).status_code == 403
    async with api.as_key(None) as nobody:
        assert (await nobody.post(STREAM, json={})).status_code == 401
    assert await kept(api, run) == []
