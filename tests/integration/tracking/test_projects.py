import asyncio

import pytest

from tests.support.api import Api
from tests.support.registry import V1, happened, short

TEAM = f"{V1}/projects/team"


async def test_a_project_is_made_changed_and_deleted_each_with_its_event(api: Api) -> None:
    made = await api.client.post(TEAM, json={"name": "train", "title": "Träin?"})
    assert (made.status_code, made.json()["title"], made.json()["visibility"]) == (201, "Träin?", "entity")
    again = await api.client.post(TEAM, json={"name": "train"})
    assert (again.status_code, again.json()["code"]) == (409, "project_exists")
    changed = await api.client.patch(f"{TEAM}/train", json={"name": "fit", "description": "of models"})
    assert changed.json()["name"] == "fit"
    await api.client.patch(f"{TEAM}/fit", json={"name": "fit", "description": "of models"})
    assert (await api.client.get(f"{TEAM}/train")).status_code == 404
    assert (await api.client.delete(f"{TEAM}/fit")).status_code == 204
    assert (await api.client.delete(f"{TEAM}/fit")).status_code == 404
    events = await happened(api, "project.")
    assert short(events) == ["project.created", "project.updated", "project.deleted"]
    assert events[1]["data"]["changes"] == {
        "name": {"from": "train", "to": "fit"},
        "description": {"from": None, "to": "of models"},
    }
    assert [event["sequence"] for event in events] == [1, 2, 3]
    assert len({event["partitionkey"] for event in events}) == 1


async def test_renaming_onto_another_project_is_a_conflict(api: Api) -> None:
    for name in ("a", "b"):
        await api.client.post(TEAM, json={"name": name})
    answer = await api.client.patch(f"{TEAM}/a", json={"name": "b"})
    assert (answer.status_code, answer.json()["code"]) == (409, "project_exists")
    assert await happened(api, "project.updated") == []


async def test_of_racing_creations_one_is_made(api: Api) -> None:
    answers = await asyncio.gather(*(api.client.post(TEAM, json={"name": "train"}) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert len(await happened(api, "project.created")) == 1


async def test_projects_are_listed_in_pages(api: Api) -> None:
    for n in range(5):
        await api.client.post(TEAM, json={"name": f"p{n}"})
    first = (await api.client.get(TEAM, params={"limit": 3})).json()
    rest = (await api.client.get(TEAM, params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [one["name"] for one in first["items"] + rest["items"]] == [f"p{n}" for n in range(5)]
    assert rest["next_cursor"] is None
    assert (await api.client.get(f"{V1}/projects/nobody")).status_code == 404


@pytest.mark.parametrize(
    "name", ["", "a/b", "a\\b", "a#b", "a?b", "a%b", "a:b", "x" * 129, ".", "..", " a", "a\nb", "a\x00"]
)
async def test_a_name_that_is_no_projects_is_refused(api: Api, name: str) -> None:
    answer = await api.client.post(TEAM, json={"name": name})
    assert answer.status_code == 422, answer.text


async def test_roles_decide_who_may_see_and_who_may_change(api: Api) -> None:
    await api.client.post(TEAM, json={"name": "train"})
    async with api.as_key(await api.key_of("eve", team="team", role="viewer")) as eve:
        assert (await eve.get(f"{TEAM}/train")).status_code == 200
        assert (await eve.patch(f"{TEAM}/train", json={"title": "x"})).status_code == 403
        assert (await eve.post(TEAM, json={"name": "other"})).status_code == 403
        assert (await eve.post(f"{TEAM}/train/runs", json={})).status_code == 403
    async with api.as_key(await api.key_of("mallory")) as mallory:
        for path in (TEAM, f"{TEAM}/train", f"{TEAM}/train/runs"):
            assert (await mallory.get(path)).status_code == 404
        await api.client.patch(f"{TEAM}/train", json={"visibility": "organization"})
        assert (await mallory.get(f"{TEAM}/train")).status_code == 200
        assert (await mallory.delete(f"{TEAM}/train")).status_code == 403
