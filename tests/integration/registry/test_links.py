import asyncio

import pytest

from regista.access.verdict import Actor
from regista.kit.db import Origin, Transaction
from regista.registry import service
from regista.registry.subjects import CollectionPath
from tests.support.api import Api
from tests.support.registry import MNIST, V1, happened, link, log, rows, short, two_linked

PATH = CollectionPath("team", "model-registry", "MNIST")
ADMIN = Actor(1, "admin", "user", 1, "home", organization_admin=True, default_entity_id=None)
ORIGIN = Origin("1", "user", 1, "home", public_url="http://test")


async def test_a_first_link_makes_project_and_portfolio_and_announces_each(api: Api) -> None:
    version = await log(api, {"f": b"x"})
    before = len(await happened(api))
    linked = await link(api, version["source"], ["staging"])
    assert (linked["version"], linked["aliases"], linked["created"]) == ("v0", ["latest", "staging"], True)
    assert (linked["collection"], linked["source"]) == ("team/model-registry/MNIST", "team/train/model:v0")
    events = (await happened(api))[before:]
    assert short(events) == [
        "project.created",
        "collection.created",
        "artifact.linked v0",
        "alias.added staging None→v0",
        "alias.added latest None→v0",
    ]
    assert {event["causationid"] for event in events[3:]} == {events[2]["id"]}
    assert [event["sequence"] for event in events[1:]] == [1, 2, 3, 4]
    assert (events[2]["data"]["source"], events[2]["data"]["aliases"]) == ("team/train/model:v0", ["staging"])


async def test_a_second_link_of_the_same_version_moves_its_aliases_alone(api: Api) -> None:
    await two_linked(api)
    before = len(await happened(api))
    linked = await link(api, "team/train/model:v0", ["staging"])
    assert (linked["version"], linked["created"], linked["aliases"]) == ("v0", False, ["staging"])
    assert short((await happened(api))[before:]) == ["alias.added staging None→v0"]


async def test_latest_follows_the_newest_by_itself(api: Api) -> None:
    await two_linked(api)
    latest = [event for event in await happened(api, "alias.added") if event["data"]["automatic"]]
    assert [event["data"]["previous"] for event in latest] == [None, None, "v0", "v0"]
    assert {event["data"]["alias"] for event in latest} == {"latest"}


async def test_racing_first_links_converge_on_one_portfolio(api: Api) -> None:
    versions = [await log(api, {"f": b"%d" % n}) for n in range(8)]
    linked = await asyncio.gather(*(link(api, version["source"]) for version in versions))
    assert sorted(one["version_index"] for one in linked) == list(range(8))
    assert len(await happened(api, "collection.created")) == 2
    assert len(await happened(api, "project.created")) == 2
    assert await rows(api, "SELECT count(*) FROM alias WHERE name = 'latest'") == 2


async def test_a_portfolio_holds_one_type_and_a_sequence_takes_no_links(api: Api) -> None:
    model = await log(api, {"f": b"x"})
    data = await log(api, {"f": b"x"}, "data", type="dataset")
    await link(api, model["source"])
    answer = await api.client.post(f"{MNIST}/versions", json={"source": data["source"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "type_mismatch")
    answer = await api.client.post(f"{V1}/collections/team/train/model/versions", json={"source": model["source"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "kind_mismatch")
    body = {"entity": "team", "project": "model-registry", "collection": "MNIST", "type": "model", "manifest": []}
    assert (await api.client.post(f"{V1}/artifacts", json=body)).json()["code"] == "kind_mismatch"


@pytest.mark.parametrize(
    ("source", "status"), [("team/train/model:v9", 404), ("team/train/nope:v0", 404), ("x", 422), ("a//c:v0", 422)]
)
async def test_a_source_that_is_none_is_refused(api: Api, source: str, status: int) -> None:
    await log(api, {"f": b"x"})
    assert (await api.client.post(f"{MNIST}/versions", json={"source": source})).status_code == status
    assert await happened(api, "artifact.linked") == []


async def test_a_portfolio_version_can_be_linked_on(api: Api) -> None:
    await two_linked(api)
    linked = await link(api, "team/model-registry/MNIST:latest", to=f"{V1}/collections/team/model-registry/Other")
    assert (linked["version"], linked["source"]) == ("v0", "team/train/model:v1")


async def test_unlinking_takes_aliases_along_and_hands_latest_on(api: Api) -> None:
    await two_linked(api)
    await api.client.put(f"{MNIST}/aliases/production", json={"version": "v1"})
    before = len(await happened(api))
    assert (await api.client.delete(f"{MNIST}/versions/v1")).status_code == 204
    events = (await happened(api))[before:]
    assert short(events) == ["artifact.unlinked v1", "alias.removed production v1", "alias.added latest v1→v0"]
    assert events[0]["data"]["aliases"] == ["latest", "production"]
    assert {event["causationid"] for event in events[1:]} == {events[0]["id"]}
    assert events[2]["data"]["automatic"] is True
    assert (await api.client.get(f"{MNIST}/versions/latest")).json()["version"] == "v0"
    assert (await api.client.get(f"{V1}/collections/team/train/model/versions/v1")).status_code == 200
    again = await link(api, "team/train/model:v1")
    assert again["version"] == "v2"


async def test_unlinking_the_last_removes_latest(api: Api) -> None:
    version = await log(api, {"f": b"x"})
    await link(api, version["source"])
    await api.client.delete(f"{MNIST}/versions/v0")
    assert short(await happened(api))[-2:] == ["artifact.unlinked v0", "alias.removed latest v0"]


async def test_a_version_is_deleted_everywhere_when_asked_to(api: Api) -> None:
    await two_linked(api)
    source = f"{V1}/collections/team/train/model/versions/v1"
    refused = await api.client.delete(source)
    assert (refused.status_code, refused.json()["code"]) == (409, "held")
    assert "team/model-registry/MNIST:latest" in refused.json()["aliases"]
    before = len(await happened(api))
    assert (await api.client.delete(source, params={"delete_aliases": True})).status_code == 204
    events = (await happened(api))[before:]
    assert short(events) == [
        "artifact.deleted v1",
        "alias.added latest v1→v0",
        "artifact.unlinked v1",
        "alias.added latest v1→v0",
    ]
    assert (await api.client.get(source)).status_code == 404
    assert (await api.client.get(f"{MNIST}/versions/latest")).json()["version"] == "v0"
    again = await log(api, {"model.bin": b"weights 1"})
    assert again["version"] == "v2"


async def test_a_command_that_is_rolled_back_leaves_nothing(api: Api) -> None:
    version = await log(api, {"f": b"x"})
    before = len(await api.events())

    class StopError(Exception):
        pass

    async def command(tx: Transaction) -> None:
        await service.link(tx, ADMIN, version["source"], PATH, ["production"])
        raise StopError

    with pytest.raises(StopError):
        await api.runtime.database.run(command, ORIGIN)
    assert len(await api.events()) == before
    assert (await api.client.get(MNIST)).status_code == 404
    assert await rows(api, "SELECT count(*) FROM outbox") == before
    assert (await link(api, version["source"]))["version"] == "v0"


async def test_a_registration_can_be_new_each_time_and_begin_at_one(api: Api) -> None:
    version = await log(api, {"f": b"x"})

    async def register(tx: Transaction) -> int:
        sent = service.Sent("models:/m-1", "abc")
        linked = await service.link(tx, ADMIN, version["source"], PATH, at_least=1, again=True, sent=sent)
        return linked.version.index

    assert [await api.runtime.database.run(register, ORIGIN) for _ in range(3)] == [1, 2, 3]
    event = (await happened(api, "artifact.linked"))[-1]
    assert (event["data"]["source_uri"], event["data"]["source_run"]) == ("models:/m-1", "abc")
    assert (await link(api, version["source"]))["version"] == "v3"
