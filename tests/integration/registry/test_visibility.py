"""What a person who may see a part is told of the rest: nothing, and not whether it is there."""

import asyncio

import httpx
import pytest

from tests.support.api import Api
from tests.support.registry import MNIST, V1, link, log

TRAIN = f"{V1}/collections/team/train"


async def open_to_all(api: Api, project: str) -> None:
    answer = await api.client.patch(f"{V1}/projects/team/{project}", json={"visibility": "organization"})
    assert answer.status_code == 200, answer.text


async def test_a_list_leaves_out_what_is_for_fewer_people_than_its_project(api: Api) -> None:
    for name in ("open", "closed"):
        await api.client.post(TRAIN, json={"name": name, "type": "model"})
    await open_to_all(api, "train")
    await api.client.patch(f"{TRAIN}/closed", json={"visibility": "entity"})
    async with api.as_key(await api.key_of("mallory")) as mallory:
        assert [each["name"] for each in (await mallory.get(TRAIN)).json()["items"]] == ["open"]
        assert (await mallory.get(f"{TRAIN}/closed")).status_code == 404
    assert [each["name"] for each in (await api.client.get(TRAIN)).json()["items"]] == ["open", "closed"]


@pytest.mark.parametrize(
    ("method", "hidden", "absent"),
    [
        ("GET", "/collections/team/train/model", "/collections/team/train/other"),
        ("DELETE", "/collections/team/train/model", "/collections/team/train/other"),
        ("GET", "/collections/team/train", "/collections/team/other"),
        ("GET", "/projects/team/train", "/projects/team/other"),
        ("PATCH", "/projects/team/train", "/projects/team/other"),
        ("GET", "/projects/team", "/projects/other"),
        ("GET", "/projects/team/train/runs/r1", "/projects/team/other/runs/r1"),
        ("DELETE", "/projects/team/train/runs/r1", "/projects/team/train/runs/r2"),
        ("GET", "/artifacts/1", "/artifacts/2"),
        ("POST", "/artifacts/1/commit", "/artifacts/2/commit"),
    ],
)
async def test_what_may_not_be_seen_is_refused_in_the_words_of_what_is_absent(
    api: Api, method: str, hidden: str, absent: str
) -> None:
    await api.client.post(f"{V1}/projects/team/train/runs", json={"name": "r1"})
    version = await log(api, {"model.bin": b"weights"}, "model")
    assert version["artifact_id"] == 1
    async with api.as_key(await api.key_of("mallory")) as mallory:
        answers = [await mallory.request(method, V1 + path, json={}) for path in (hidden, absent)]
    said = [_without(answer, path) for answer, path in zip(answers, (hidden, absent), strict=True)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert said[0] == said[1]


def _without(answer: httpx.Response, path: str) -> str:
    """Return the answer with the names of its own path taken out."""
    text = answer.text
    for name in sorted(path.split("/"), key=len, reverse=True)[:-1]:
        text = text.replace(name, "*") if name not in {"", "runs", "projects", "collections"} else text
    return text


async def test_lineage_and_refusals_name_no_collection_of_another_team(api: Api) -> None:
    version = await log(api, {"model.bin": b"weights"})
    await open_to_all(api, "train")
    await link(api, version["source"], ["production"])
    await api.client.post(f"{V1}/projects/team/inner/runs", json={"name": "r1"})
    path = f"{TRAIN}/model/versions/v0"
    await api.client.post(f"{path}/use", json={"run": "team/inner/runs/r1"})
    seen = (await api.client.get(f"{path}/lineage")).json()
    assert (seen["used_by"], seen["linked_as"]) == (["team/inner/runs/r1"], ["team/model-registry/MNIST:v0"])
    async with api.as_key(await api.key_of("mallory")) as mallory:
        seen = (await mallory.get(f"{path}/lineage")).json()
    assert (seen["used_by"], seen["linked_as"]) == ([], [])


async def test_a_change_through_a_portfolio_answers_with_what_was_changed_meanwhile(api: Api) -> None:
    await link(api, (await log(api, {"model.bin": b"weights"}))["source"])
    async with api.runtime.database.transaction() as tx:
        await tx.connection.execute(
            "SELECT FROM aggregate a JOIN collection c ON c.aggregate_id = a.id WHERE c.kind = 'sequence' FOR UPDATE OF a"
        )
        change = asyncio.create_task(api.client.patch(f"{MNIST}/versions/v0", json={"description": "good"}))
        await asyncio.sleep(0.5)
        await tx.connection.execute("UPDATE artifact SET metadata = '{\"accuracy\": 1}'")
    answer = (await change).json()
    assert (answer["description"], answer["metadata"]) == ("good", {"accuracy": 1})


async def test_a_run_that_is_deleted_while_it_takes_a_version_is_not_found(api: Api) -> None:
    await log(api, {"model.bin": b"weights"})
    await api.client.post(f"{V1}/projects/team/train/runs", json={"name": "r1"})
    async with api.runtime.database.transaction() as tx:
        await tx.connection.execute("DELETE FROM run")
        used = asyncio.create_task(
            api.client.post(f"{TRAIN}/model/versions/v0/use", json={"run": "team/train/runs/r1"})
        )
        await asyncio.sleep(0.5)
    assert (await used).status_code == 404
