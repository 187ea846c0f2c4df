import asyncio

import pytest

from regista.kit.db import Transaction
from regista.kit.errors import InvalidError, NotFoundError
from regista.registry import service
from tests.support.api import Api
from tests.support.registry import MNIST, V1, happened, link, log, short, two_linked

TRAIN = f"{V1}/collections/team/train"


async def test_a_collection_is_made_changed_and_deleted(api: Api) -> None:
    made = await api.client.post(TRAIN, json={"name": "MNIST", "type": "model", "description": "digits"})
    assert (made.status_code, made.json()["kind"]) == (201, "portfolio")
    again = await api.client.post(TRAIN, json={"name": "MNIST", "type": "other"})
    assert (again.status_code, again.json()["code"]) == (409, "collection_exists")
    changed = await api.client.patch(f"{TRAIN}/MNIST", json={"name": "digits", "description": "digits"})
    assert changed.json()["name"] == "digits"
    await api.client.patch(f"{TRAIN}/digits", json={"name": "digits"})
    assert (await api.client.get(f"{TRAIN}/MNIST")).status_code == 404
    assert (await api.client.delete(f"{TRAIN}/digits")).status_code == 204
    events = await happened(api, "collection")
    assert short(events) == ["collection.created", "collection.updated", "collection.deleted"]
    assert events[1]["data"]["changes"] == {"name": {"from": "MNIST", "to": "digits"}}
    assert [event["sequence"] for event in events] == [1, 2, 3]


async def test_renaming_onto_another_is_a_conflict(api: Api) -> None:
    for name in ("a", "b"):
        await api.client.post(TRAIN, json={"name": name, "type": "model"})
    answer = await api.client.patch(f"{TRAIN}/a", json={"name": "b"})
    assert (answer.status_code, answer.json()["code"]) == (409, "collection_exists")


async def test_of_racing_creations_one_is_made(api: Api) -> None:
    body = {"name": "one", "type": "model"}
    answers = await asyncio.gather(*(api.client.post(TRAIN, json=body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert len(await happened(api, "collection.created", "project.created")) == 2


async def test_collections_and_versions_are_listed_in_pages(api: Api) -> None:
    for n in range(5):
        await log(api, {"f": b"%d" % n}, "seq")
        await api.client.post(TRAIN, json={"name": f"p{n}", "type": "model"})
    names: list[str] = []
    cursor = None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        found = (await api.client.get(TRAIN, params=params)).json()
        names += [one["name"] for one in found["items"]]
        cursor = found["next_cursor"]
        if cursor is None:
            break
    assert names == ["seq", *(f"p{n}" for n in range(5))]
    assert len((await api.client.get(TRAIN, params={"kind": "sequence"})).json()["items"]) == 1
    versions = (await api.client.get(f"{TRAIN}/seq/versions", params={"limit": 3})).json()
    assert [one["version"] for one in versions["items"]] == ["v4", "v3", "v2"]
    rest = (await api.client.get(f"{TRAIN}/seq/versions", params={"cursor": versions["next_cursor"]})).json()
    assert [one["version"] for one in rest["items"]] == ["v1", "v0"]


async def test_a_sequence_with_linked_versions_is_not_deleted_and_alone_it_is(api: Api) -> None:
    await two_linked(api)
    refused = await api.client.delete(f"{TRAIN}/model")
    assert (refused.status_code, refused.json()["code"]) == (409, "held")
    assert (await api.client.delete(MNIST)).status_code == 204
    assert (await api.client.get(f"{TRAIN}/model/versions/v1")).status_code == 200
    before = len(await happened(api))
    assert (await api.client.delete(f"{TRAIN}/model")).status_code == 204
    assert short((await happened(api))[before:]) == ["artifact.deleted v0", "artifact.deleted v1", "collection.deleted"]


async def test_a_project_with_collections_is_not_deleted(api: Api) -> None:
    await log(api, {"f": b"x"})
    answer = await api.client.delete(f"{V1}/projects/team/train")
    assert (answer.status_code, answer.json()["code"]) == (409, "project_held")


async def test_tags_carry_values_and_say_what_they_were(api: Api) -> None:
    await two_linked(api)
    put, delete = api.client.put, api.client.delete
    before = len(await happened(api))
    assert (await put(f"{MNIST}/tags/team a", json={"value": "1"})).json()["tag_values"] == {"team a": "1"}
    await put(f"{MNIST}/tags/team a", json={"value": "1"})
    await put(f"{MNIST}/tags/team a", json={"value": "2"})
    assert (await delete(f"{MNIST}/tags/team a")).status_code == 204
    assert (await delete(f"{MNIST}/tags/team a")).status_code == 404
    tagged = (await put(f"{MNIST}/versions/v0/tags/fast", json={"value": "yes"})).json()
    assert (tagged["tags"], tagged["tag_values"]) == (["fast"], {"fast": "yes"})
    await put(f"{MNIST}/versions/v0/tags/fast")
    assert (await delete(f"{MNIST}/versions/v0/tags/fast")).status_code == 204
    assert (await delete(f"{MNIST}/versions/v0/tags/fast")).status_code == 404
    events = (await happened(api))[before:]
    assert [(one["data"]["value"], one["data"]["previous"]) for one in events] == [
        ("1", None),
        ("2", "1"),
        (None, "2"),
        ("yes", None),
        (None, "yes"),
        (None, None),
    ]
    assert events[-1]["data"]["artifact"]["tags"] == []
    assert (await put(f"{MNIST}/tags/-_- ok")).status_code == 200
    assert (await put(f"{MNIST}/tags/not!ok")).status_code == 422


async def test_a_change_whose_event_no_message_could_carry_is_refused_whole(api: Api) -> None:
    await api.client.post(f"{V1}/collections/team/train", json={"name": "model", "type": "model"})
    async with api.runtime.database.transaction() as tx:
        await tx.connection.execute(
            "INSERT INTO collection_tag SELECT id, 't' || n, repeat('x', 5000) FROM collection, generate_series(1, 900) n"
        )
    before = len(await api.events())
    refused = await api.client.put(f"{V1}/collections/team/train/model/tags/more")
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
    shown = (await api.client.get(f"{V1}/collections/team/train/model")).json()
    assert "more" not in shown["tags"]
    assert len(await api.events()) == before


async def test_a_tag_of_the_sequence_shows_everywhere_and_one_of_the_portfolio_there(api: Api) -> None:
    await two_linked(api)
    source = f"{TRAIN}/model/versions/v0"
    await api.client.put(f"{source}/tags/a", json={"value": "source"})
    await api.client.put(f"{MNIST}/versions/v0/tags/b")
    assert (await api.client.get(f"{MNIST}/versions/v0")).json()["tags"] == ["a", "b"]
    assert (await api.client.get(source)).json()["tags"] == ["a"]
    await api.client.put(f"{MNIST}/versions/v0/tags/a", json={"value": "here"})
    assert (await api.client.get(f"{MNIST}/versions/v0")).json()["tag_values"] == {"a": "here"}
    assert (await api.client.get(source)).json()["tag_values"] == {"a": "source"}
    # Where one of its own stands before it, the artifact's shows nothing.
    await api.client.put(f"{source}/tags/a", json={"value": "other"})
    added = await happened(api, "tag.added")
    assert [(event["subject"], event["data"]["tag"], event["data"]["value"]) for event in added] == [
        ("team/train/model:v0", "a", "source"),
        ("team/model-registry/MNIST:v0", "a", "source"),
        ("team/model-registry/MNIST:v0", "b", None),
        ("team/model-registry/MNIST:v0", "a", "here"),
        ("team/train/model:v0", "a", "other"),
    ]
    assert added[1]["causationid"] == added[0]["id"]
    assert added[1]["data"]["artifact"]["tags"] == ["a"]


async def test_a_tag_of_the_artifact_is_taken_away_in_a_portfolio_by_those_alone_who_may_where_it_was_set(
    api: Api,
) -> None:
    await two_linked(api)
    source, linked = f"{TRAIN}/model/versions/v0", f"{MNIST}/versions/v0"
    await api.client.post(f"{V1}/teams", json={"name": "readers"})
    to = f"{V1}/collections/readers/registry/MNIST"
    await api.client.patch(f"{V1}/projects/team/train", json={"visibility": "organization"})
    await link(api, "team/train/model:v0", to=to)
    await api.client.put(f"{source}/tags/a", json={"value": "source"})
    await api.client.put(f"{to}/versions/v0/tags/a", json={"value": "here"})
    async with api.as_key(await api.key_of("rita", team="readers")) as rita:
        assert (await rita.delete(f"{to}/versions/v0/tags/a")).status_code == 204
        assert (await rita.get(f"{to}/versions/v0")).json()["tag_values"] == {"a": "source"}
        assert (await rita.delete(f"{to}/versions/v0/tags/a")).status_code == 403
    assert (await api.client.get(source)).json()["tags"] == ["a"]
    assert (await api.client.delete(f"{linked}/tags/a")).status_code == 204
    assert (await api.client.get(source)).json()["tags"] == []
    removed = await happened(api, "tag.removed")
    assert [(event["subject"], event["data"]["previous"]) for event in removed] == [
        ("readers/registry/MNIST:v0", "here"),
        ("team/train/model:v0", "source"),
        ("team/model-registry/MNIST:v0", "source"),
        ("readers/registry/MNIST:v0", "source"),
    ]
    assert {event["causationid"] for event in removed[2:]} == {removed[1]["id"]}


async def test_a_version_is_changed_with_what_it_was(api: Api) -> None:
    await two_linked(api)
    body = {"description": "good", "metadata": {"accuracy": 0.99}, "ttl_seconds": 60}
    changed = (await api.client.patch(f"{MNIST}/versions/v0", json=body)).json()
    assert {key: changed[key] for key in body} == body
    assert changed["collection"] == "team/model-registry/MNIST"
    await api.client.patch(f"{MNIST}/versions/v0", json=body)
    events = await happened(api, "artifact.updated")
    assert len(events) == 1
    assert events[0]["subject"] == "team/train/model:v0"
    assert events[0]["data"]["changes"]["metadata"] == {"from": {}, "to": {"accuracy": 0.99}}
    assert (await api.client.patch(f"{MNIST}/versions/v0", json={"digest": "x"})).status_code == 422


async def test_lineage_knows_who_logged_and_who_used(api: Api) -> None:
    for run in ("maker", "user"):
        await api.client.post(f"{V1}/projects/team/train/runs", json={"name": run})
    model = await log(api, {"f": b"x"}, run="maker")
    assert model["run"] == "team/train/runs/maker"
    await link(api, model["source"])
    used = await api.client.post(f"{MNIST}/versions/latest/use", json={"run": "team/train/runs/user"})
    assert used.status_code == 200
    report = await log(api, {"f": b"report"}, "report", run="user")
    lineage = (await api.client.get(f"{MNIST}/versions/v0/lineage")).json()
    assert lineage == {
        "logged_by": ["team/train/runs/maker"],
        "used_by": ["team/train/runs/user"],
        "inputs": [],
        "outputs": [report["source"]],
        "linked_as": ["team/model-registry/MNIST:v0"],
    }
    event = (await happened(api, "artifact.used"))[0]
    assert (event["data"]["run"], event["sequence"]) == ("team/train/runs/user", 1)
    missing = await api.client.post(f"{MNIST}/versions/v0/use", json={"run": "team/train/runs/nobody"})
    assert missing.status_code == 404


async def test_another_organization_sees_nothing_of_it(api: Api) -> None:
    await two_linked(api)
    async with api.runtime.database.transaction() as tx:
        aggregate = "INSERT INTO aggregate (organization_id) VALUES (2) RETURNING id"
        number = await tx.connection.fetchval(aggregate)
        await tx.connection.execute("INSERT INTO organization (aggregate_id, name) VALUES ($1, 'other')", number)
        number = await tx.connection.fetchval(aggregate)
        account = await tx.connection.fetchval(
            "INSERT INTO account (aggregate_id, organization_id, kind, name, organization_role) "
            "SELECT $1, id, 'user', 'spy', 'admin' FROM organization WHERE name = 'other' RETURNING id",
            number,
        )
        number = await tx.connection.fetchval(aggregate)
        await tx.connection.execute(
            "INSERT INTO api_key (aggregate_id, organization_id, account_id, digest, prefix) "
            "SELECT $1, organization_id, $2, sha256($3::bytea), 'x' FROM account WHERE id = $2",
            number,
            account,
            b"k" * 40,
        )
    async with api.as_key("k" * 40) as spy:
        assert (await spy.get("/api/v1/me")).json()["organization"] == "other"
        for method, path in (
            ("GET", MNIST),
            ("GET", f"{MNIST}/versions/v0"),
            ("GET", f"{V1}/projects/team"),
            ("GET", f"{V1}/artifacts/1"),
            ("DELETE", f"{MNIST}/versions/v0"),
            ("DELETE", f"{MNIST}/aliases/production"),
            ("POST", f"{V1}/artifacts/1/commit"),
        ):
            assert (await spy.request(method, path)).status_code == 404, path


async def test_a_scope_is_found_by_name_and_named_again_by_id(api: Api) -> None:
    await two_linked(api)

    async def look(tx: Transaction) -> None:
        for text in ("org", "entity/team", "project/team/train", "collection/team/model-registry/MNIST"):
            scope = await service.scope_of(tx, 1, text)
            assert scope.kind == text.partition("/")[0]
            assert await service.scope_name(tx, scope) == text
        for text in ("entity/nope", "project/team/nope", "registry/nope", "collection/team/train/nope"):
            with pytest.raises(NotFoundError, match="does not exist, or you may not see it"):
                await service.scope_of(tx, 1, text)
        with pytest.raises(NotFoundError):
            await service.scope_of(tx, 2, "entity/team")
        for text in ("", "team", "entity", "entity/", "collection/a/b", "org/1"):
            with pytest.raises(InvalidError):
                await service.scope_of(tx, 1, text)

    await api.runtime.database.run(look)
