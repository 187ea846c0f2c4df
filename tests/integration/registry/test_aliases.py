import asyncio

import pytest

from tests.support.api import Api
from tests.support.registry import MNIST, V1, happened, link, log, rows, short, two_linked


async def test_an_alias_is_set_moved_and_moved_back_each_with_one_event(api: Api) -> None:
    await two_linked(api)
    before = len(await happened(api))
    first = (await api.client.put(f"{MNIST}/aliases/production", json={"version": "v0"})).json()
    assert first["previous"] is None
    moved = (await api.client.put(f"{MNIST}/aliases/production", json={"version": "latest"})).json()
    assert (moved["version"], moved["previous"]) == ("v1", "v0")
    back = (await api.client.put(f"{MNIST}/aliases/production", json={"version": "v0"})).json()
    events = (await happened(api))[before:]
    assert short(events) == [
        "alias.added production None→v0",
        "alias.added production v0→v1",
        "alias.added production v1→v0",
    ]
    assert [event["id"] for event in events] == [one["event_id"] for one in (first, moved, back)]
    assert [event["sequence"] for event in events] == [events[0]["sequence"] + n for n in range(3)]
    assert events[1]["subject"] == "team/model-registry/MNIST:v1"
    assert events[1]["data"]["artifact"]["aliases"] == ["latest", "production"]
    assert events[1]["data"]["artifact"]["source"] == "team/train/model:v1"


async def test_an_alias_set_again_changes_nothing_and_emits_nothing(api: Api) -> None:
    await two_linked(api)
    await api.client.put(f"{MNIST}/aliases/production", json={"version": "v0"})
    before = len(await api.events())
    again = await api.client.put(f"{MNIST}/aliases/production", json={"version": "v0"})
    assert again.json() == {"alias": "production", "version": "v0", "previous": "v0", "event_id": None}
    assert len(await api.events()) == before


async def test_an_expectation_that_does_not_hold_is_a_409_naming_the_holder(api: Api) -> None:
    await two_linked(api)
    put = api.client.put
    assert (await put(f"{MNIST}/aliases/p", json={"version": "v0", "expected_version": "v1"})).json()["actual"] is None
    assert (await put(f"{MNIST}/aliases/p", json={"version": "v0", "expected_version": None})).status_code == 200
    held = await put(f"{MNIST}/aliases/p", json={"version": "v1", "expected_version": None})
    assert (held.status_code, held.json()["code"], held.json()["actual"]) == (409, "version_mismatch", "v0")
    assert (await put(f"{MNIST}/aliases/p", json={"version": "v1", "expected_version": "v0"})).status_code == 200


async def test_32_racing_moves_form_one_chain_of_previous_versions(api: Api) -> None:
    await two_linked(api)
    await link(api, (await log(api, {"f": b"third"}))["source"])
    before = len(await happened(api))
    answers = await asyncio.gather(
        *(api.client.put(f"{MNIST}/aliases/production", json={"version": f"v{n % 3}"}) for n in range(32))
    )
    assert {answer.status_code for answer in answers} == {200}
    events = (await happened(api))[before:]
    held = None
    for event in sorted(events, key=lambda event: event["sequence"]):
        assert event["data"]["previous"] == held
        assert event["data"]["version"] != held
        held = event["data"]["version"]
    assert (await api.client.get(f"{MNIST}/versions/production")).json()["version"] == held
    sequences = sorted(event["sequence"] for event in events)
    assert sequences == list(range(sequences[0], sequences[0] + len(events)))
    times = [event["time"] for event in sorted(events, key=lambda event: event["sequence"])]
    assert times == sorted(times)
    assert sum(answer.json()["event_id"] is not None for answer in answers) == len(events)


async def test_of_racing_moves_with_one_expectation_exactly_one_wins(api: Api) -> None:
    await two_linked(api)
    await api.client.put(f"{MNIST}/aliases/production", json={"version": "v0"})
    body = {"version": "v1", "expected_version": "v0"}
    answers = await asyncio.gather(*(api.client.put(f"{MNIST}/aliases/production", json=body) for _ in range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 15
    assert {answer.json()["actual"] for answer in answers if answer.status_code == 409} == {"v1"}


@pytest.mark.parametrize("alias", ["latest", "v0", "v17", "v03", "a:b", "x" * 129, " a", "a%0Ab"])
async def test_names_that_are_the_servers_or_no_names_are_refused(api: Api, alias: str) -> None:
    await two_linked(api)
    for answer in (
        await api.client.put(f"{MNIST}/aliases/{alias}", json={"version": "v0"}),
        await api.client.delete(f"{MNIST}/aliases/{alias}"),
    ):
        assert answer.status_code == 422, answer.text


async def test_an_alias_is_removed_once(api: Api) -> None:
    await two_linked(api)
    await api.client.put(f"{MNIST}/aliases/production", json={"version": "v0"})
    wrong = await api.client.delete(f"{MNIST}/aliases/production", params={"expected_version": "v1"})
    assert wrong.json()["code"] == "version_mismatch"
    assert (await api.client.delete(f"{MNIST}/aliases/production")).status_code == 204
    assert (await api.client.delete(f"{MNIST}/aliases/production")).status_code == 404
    last = (await happened(api))[-1]
    assert short([last]) == ["alias.removed production v0"]
    assert last["data"]["artifact"]["aliases"] == []


async def test_what_is_not_there_is_a_404(api: Api) -> None:
    await two_linked(api)
    for path, version in (
        (f"{MNIST}/aliases/production", "v9"),
        (f"{MNIST}/aliases/production", "nobody"),
        (f"{V1}/collections/team/model-registry/nope/aliases/p", "v0"),
        (f"{V1}/collections/nope/model-registry/MNIST/aliases/p", "v0"),
    ):
        assert (await api.client.put(path, json={"version": version})).status_code == 404
    assert (await api.client.put(f"{MNIST}/aliases/p", json={"version": f"v{2**63}"})).status_code == 404


async def test_a_protected_alias_is_an_admins_to_move(api: Api) -> None:
    await two_linked(api)
    await rows(
        api,
        "INSERT INTO protected_alias (organization_id, project_id, alias) "
        "SELECT organization_id, id, 'production' FROM project WHERE name = 'model-registry' RETURNING id",
    )
    key = await api.key_of("bob", team="team", role="member")
    async with api.as_key(key) as bob:
        assert (await bob.put(f"{MNIST}/aliases/staging", json={"version": "v0"})).status_code == 200
        refused = await bob.put(f"{MNIST}/aliases/production", json={"version": "v0"})
        assert (refused.status_code, refused.json()["needed_role"]) == (403, "admin")
        body = {"source": "team/train/model:v0", "aliases": ["production"]}
        assert (await bob.post(f"{MNIST}/versions", json=body)).status_code == 403
        assert (await api.client.put(f"{MNIST}/aliases/production", json={"version": "v0"})).status_code == 200
        assert (await bob.delete(f"{MNIST}/aliases/production")).status_code == 403
        assert (await bob.delete(f"{MNIST}/versions/v0")).status_code == 403
        assert (await bob.delete(MNIST)).status_code == 403
    assert (await happened(api, "alias."))[-1]["data"]["protected"] is True
    source = f"{V1}/collections/team/train/model/versions/v0"
    held = await api.client.delete(source, params={"delete_aliases": True})
    assert (held.status_code, held.json()["code"]) == (409, "held")


async def test_viewers_may_look_and_strangers_may_not(api: Api) -> None:
    await two_linked(api)
    async with api.as_key(await api.key_of("eve", team="team", role="viewer")) as eve:
        assert (await eve.get(f"{MNIST}/versions/v0")).status_code == 200
        assert (await eve.put(f"{MNIST}/aliases/p", json={"version": "v0"})).status_code == 403
    async with api.as_key(await api.key_of("mallory")) as mallory:
        assert (await mallory.get(f"{MNIST}/versions/v0")).status_code == 404
        assert (await mallory.put(f"{MNIST}/aliases/p", json={"version": "v0"})).status_code == 404
    assert (await happened(api, "access.denied"))[-1]["data"]["action"] == "alias.set"
