import asyncio
from typing import Any

import httpx

from tests.support.api import Api
from tests.support.registry import V1, happened, link, log

REGISTRIES = f"{V1}/registries"


async def make(api: Api, name: str = "models", **fields: Any) -> dict[str, Any]:
    answer = await api.client.post(REGISTRIES, json={"name": name, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def give(api: Api, member: str, role: str, registry: str = "models") -> None:
    answer = await api.client.put(f"{REGISTRIES}/{registry}/members/{member}", json={"role": role})
    assert answer.status_code == 200, answer.text
    await heard()


async def heard() -> None:
    """Wait until the process has heard that roles changed."""
    await asyncio.sleep(0.1)


def collection(name: str = "MNIST", registry: str = "models") -> str:
    return f"{V1}/collections/home-org/wandb-registry-{registry}/{name}"


async def told(api: Api) -> list[str]:
    """Return the registries' events with what they tell."""
    lines: list[str] = []
    for event in await happened(api, "registry.", "protected_alias.", "project."):
        data, kind = event["data"], event["type"].removeprefix("dev.regista.")
        if kind == "registry.member_changed":
            lines.append(
                f"{kind} {data['member']['kind']} {data['member']['name']} {data['role']['from']}→{data['role']['to']}"
            )
        elif "changes" in data:
            lines += [
                f"{kind} {field} {change['from']}→{change['to']}" for field, change in sorted(data["changes"].items())
            ]
        else:
            lines.append(f"{kind} {event['subject']}")
    return lines


async def test_a_registry_is_a_project_of_the_organizations_entity_and_its_maker_is_its_admin(api: Api) -> None:
    made = await make(api, description="what runs", artifact_types=["model", "dataset", "model"])
    assert made["entity"] == "home-org"
    assert made["project"] == "wandb-registry-models"
    assert (made["visibility"], made["accepts_all"], made["artifact_types"]) == (
        "organization",
        False,
        ["dataset", "model"],
    )
    assert (await api.client.get(f"{REGISTRIES}/models")).json() == made
    project = (await api.client.get(f"{V1}/projects/home-org/wandb-registry-models")).json()
    assert (project["description"], project["visibility"]) == ("what runs", "organization")
    members = (await api.client.get(f"{REGISTRIES}/models/members")).json()
    assert members == [{"name": "admin", "kind": "user", "role": "admin"}]
    assert await told(api) == [
        "project.created home-org/wandb-registry-models",
        "registry.created home-org/wandb-registry-models",
        "registry.member_changed user admin None→admin",
    ]


async def test_a_taken_name_is_refused_also_when_two_make_it_at_once(api: Api) -> None:
    answers = await asyncio.gather(*(api.client.post(REGISTRIES, json={"name": "models"}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"registry_exists"}
    await make(api, "others")
    renamed = await api.client.patch(f"{REGISTRIES}/others", json={"name": "models"})
    assert (renamed.status_code, renamed.json()["code"]) == (409, "registry_exists")
    assert (await api.client.get(f"{REGISTRIES}/others")).status_code == 200


async def test_names_that_are_no_projects_names_are_refused(api: Api) -> None:
    for name in ("a/b", "a:b", "a#b", "", "x" * 114):
        assert (await api.client.post(REGISTRIES, json={"name": name})).status_code == 422, name
    await make(api, "x" * 113)


async def test_a_registry_is_renamed_with_its_project_and_keeps_its_collections(api: Api) -> None:
    await make(api)
    source = (await log(api, {"m": b"1"}))["source"]
    await link(api, source, to=collection())
    changed = await api.client.patch(
        f"{REGISTRIES}/models", json={"name": "prod", "description": "d", "visibility": "restricted"}
    )
    assert (changed.json()["project"], changed.json()["visibility"]) == ("wandb-registry-prod", "restricted")
    found = (await api.client.get(collection(registry="prod"))).json()
    assert (found["registry"], found["visibility"]) == ("prod", "private")
    assert (await api.client.get(f"{REGISTRIES}/models")).status_code == 404
    assert (await told(api))[-6:] == [
        "registry.updated description None→d",
        "registry.updated name models→prod",
        "registry.updated visibility organization→restricted",
        "project.updated description None→d",
        "project.updated name wandb-registry-models→wandb-registry-prod",
        "project.updated visibility organization→private",
    ]
    before = len(await api.events())
    assert (await api.client.patch(f"{REGISTRIES}/prod", json={"name": "prod"})).status_code == 200
    assert len(await api.events()) == before


async def test_a_registry_takes_links_to_versions_of_the_types_it_accepts_and_nothing_else(api: Api) -> None:
    await make(api, artifact_types=["dataset"])
    source = (await log(api, {"m": b"1"}))["source"]
    refused = await api.client.post(f"{collection()}/versions", json={"source": source})
    assert (refused.status_code, refused.json()["code"]) == (409, "type_not_accepted")
    assert "'dataset', not 'model'" in refused.json()["detail"]
    refused = await api.client.post(collection().rpartition("/")[0], json={"name": "C", "type": "model"})
    assert refused.json()["code"] == "type_not_accepted"
    added = await api.client.patch(f"{REGISTRIES}/models", json={"artifact_types": ["dataset", "model"]})
    assert added.status_code == 200
    await link(api, source, to=collection())
    body = {
        "entity": "home-org",
        "project": "wandb-registry-models",
        "collection": "c",
        "type": "model",
        "manifest": [],
    }
    refused = await api.client.post(f"{V1}/artifacts", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "kind_mismatch")


async def test_a_type_that_a_collection_holds_stays_accepted(api: Api) -> None:
    await make(api)
    source = (await log(api, {"m": b"1"}))["source"]
    await link(api, source, to=collection())
    for change in ({"accepts_all": False}, {"accepts_all": False, "artifact_types": ["dataset"]}):
        refused = await api.client.patch(f"{REGISTRIES}/models", json=change)
        assert (refused.status_code, refused.json()["code"]) == (409, "type_in_use")
        assert "'model'" in refused.json()["detail"]
    changed = await api.client.patch(f"{REGISTRIES}/models", json={"accepts_all": False, "artifact_types": ["model"]})
    assert changed.json()["accepts_all"] is False


async def test_a_registry_that_there_is_not_is_not_made_by_a_link_or_a_project(api: Api) -> None:
    source = (await log(api, {"m": b"1"}))["source"]
    refused = await api.client.post(f"{collection()}/versions", json={"source": source})
    assert refused.status_code == 404
    assert refused.json()["detail"] == "home-org/wandb-registry-models does not exist, or you may not see it"
    for entity in ("home-org", "team"):
        refused = await api.client.post(f"{V1}/projects/{entity}", json={"name": "wandb-registry-x"})
        assert refused.status_code == 422
    await make(api)
    refused = await api.client.patch(f"{V1}/projects/home-org/wandb-registry-models", json={"description": "d"})
    assert refused.status_code == 422
    assert (await api.client.delete(f"{V1}/projects/home-org/wandb-registry-models")).status_code == 409


async def test_a_registry_is_deleted_with_its_collections_and_the_versions_stay(api: Api) -> None:
    await make(api)
    source = (await log(api, {"m": b"1"}))["source"]
    await link(api, source, ["production"], to=collection())
    await api.client.post(collection().rpartition("/")[0], json={"name": "empty", "type": "model"})
    assert (await api.client.delete(f"{REGISTRIES}/models")).status_code == 204
    assert (await api.client.get(f"{REGISTRIES}/models")).status_code == 404
    assert (await api.client.get(collection())).status_code == 404
    assert (await api.client.get(f"{V1}/collections/team/train/model/versions/v0")).status_code == 200
    events = await happened(api, "collection.deleted", "registry.deleted", "project.deleted")
    assert [event["type"].removeprefix("dev.regista.") for event in events] == [
        "collection.deleted",
        "collection.deleted",
        "registry.deleted",
        "project.deleted",
    ]
    await make(api)


async def test_links_and_a_deletion_at_once_leave_a_registry_whole_or_gone(api: Api) -> None:
    await make(api)
    source = (await log(api, {"m": b"1"}))["source"]

    async def linked(number: int) -> httpx.Response:
        return await api.client.post(f"{collection(f'C{number}')}/versions", json={"source": source})

    deletion = api.client.delete(f"{REGISTRIES}/models")
    answers = await asyncio.gather(linked(0), linked(1), deletion, linked(2), linked(3))
    assert answers[2].status_code == 204
    assert {answer.status_code for answer in answers} <= {201, 204, 404}
    assert (await api.client.get(f"{V1}/collections/home-org/wandb-registry-models")).status_code == 404


async def test_a_registry_never_holds_a_type_that_it_does_not_accept(api: Api) -> None:
    source = (await log(api, {"m": b"1"}))["source"]
    for number in range(6):
        name = f"r{number}"
        await make(api, name)
        path = collection(registry=name)
        linked, closed = await asyncio.gather(
            api.client.post(f"{path}/versions", json={"source": source}),
            api.client.patch(f"{REGISTRIES}/{name}", json={"accepts_all": False, "artifact_types": ["dataset"]}),
        )
        outcome = (linked.status_code, closed.status_code)
        assert outcome in {(201, 409), (409, 200)}, (outcome, linked.text, closed.text)


async def test_who_may_what_in_a_registry(api: Api) -> None:
    await make(api, "open", description="d")
    await make(api, "closed", visibility="restricted")
    source = (await log(api, {"m": b"1"}))["source"]
    for registry in ("open", "closed"):
        await link(api, source, to=collection(registry=registry))
    keys = {name: await api.key_of(name) for name in ("nobody", "restricted_viewer", "viewer", "member", "registrar")}
    for name in ("restricted_viewer", "viewer", "member"):
        await give(api, name, name, "closed")
    await give(api, "registrar", "admin", "closed")

    async def statuses(registry: str, name: str) -> list[int]:
        async with api.as_key(keys[name]) as client:
            path = collection(registry=registry)
            return [
                (await client.get(f"{REGISTRIES}/{registry}")).status_code,
                (await client.get(f"{path}/versions/v0")).status_code,
                (await client.get(f"{path}/versions/v0/files/m")).status_code,
                (await client.patch(path, json={"description": name})).status_code,
                (await client.patch(f"{REGISTRIES}/{registry}", json={"description": name})).status_code,
            ]

    assert await statuses("open", "nobody") == [200, 200, 200, 403, 403]
    assert await statuses("closed", "nobody") == [404, 404, 404, 404, 404]
    assert await statuses("closed", "restricted_viewer") == [200, 200, 403, 403, 403]
    assert await statuses("closed", "viewer") == [200, 200, 200, 403, 403]
    assert await statuses("closed", "member") == [200, 200, 200, 200, 403]
    assert await statuses("closed", "registrar") == [200, 200, 200, 200, 200]
    # An admin of a registry is none of the organization.
    async with api.as_key(keys["registrar"]) as client:
        assert (await client.post(REGISTRIES, json={"name": "another"})).status_code == 403


async def test_a_list_holds_the_registries_that_one_may_see(api: Api) -> None:
    for name, visibility in (("a", "organization"), ("b", "restricted"), ("c", "organization"), ("d", "restricted")):
        await make(api, name, visibility=visibility)
    key = await api.key_of("eve", team="team")
    await give(api, "team", "viewer", "d")
    assert [each["name"] for each in await api.pages(REGISTRIES, limit=2)] == ["a", "b", "c", "d"]
    async with api.as_key(key) as client:
        first = (await client.get(REGISTRIES, params={"limit": 2})).json()
        rest = (await client.get(REGISTRIES, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [each["name"] for each in (*first["items"], *rest["items"])] == ["a", "c", "d"]
    assert rest["next_cursor"] is None


async def test_a_role_of_a_team_is_everybodys_in_it_at_once_and_the_highest_counts(api: Api) -> None:
    await make(api, visibility="restricted")
    key = await api.key_of("eve", team="team")
    async with api.as_key(key) as client:
        assert (await client.get(f"{REGISTRIES}/models")).status_code == 404
        await give(api, "team", "member")
        await give(api, "eve", "restricted_viewer")
        made = await client.post(collection().rpartition("/")[0], json={"name": "C", "type": "model"})
        assert made.status_code == 201
        assert (await api.client.delete(f"{V1}/teams/team/members/eve")).status_code == 204
        await heard()
        assert (await client.get(f"{REGISTRIES}/models")).status_code == 200
        assert (await client.patch(collection("C"), json={"description": "d"})).status_code == 403
        assert (await api.client.delete(f"{REGISTRIES}/models/members/eve")).status_code == 204
        await heard()
        assert (await client.get(f"{REGISTRIES}/models")).status_code == 404
    members = (await api.client.get(f"{REGISTRIES}/models/members")).json()
    assert [(member["name"], member["kind"]) for member in members] == [("admin", "user"), ("team", "team")]
    assert (await told(api))[-3:] == [
        "registry.member_changed team team None→member",
        "registry.member_changed user eve None→restricted_viewer",
        "registry.member_changed user eve restricted_viewer→None",
    ]


async def test_why_somebody_may_or_may_not_is_told(api: Api) -> None:
    await make(api, visibility="restricted")
    await api.key_of("eve")

    async def told_of(action: str, **asked: Any) -> tuple[bool, str]:
        query = {"action": action, "actor": "eve", **asked}
        answer = await api.client.get(f"{REGISTRIES}/models/access", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["allowed"], answer.json()["reason"]

    assert await told_of("registry.read") == (False, "eve has no role on registry models")
    await give(api, "eve", "member")
    assert await told_of("alias.set") == (True, "eve is member on registry models")
    assert await told_of("alias.set", protected=True) == (
        False,
        "alias.set on registry models needs role admin; eve is member (the alias is protected)",
    )
    assert await told_of("registry.admin", actor="admin") == (True, "admin is admin on registry models")


async def test_roles_are_given_to_people_programs_and_teams_alone(api: Api) -> None:
    await make(api)
    await api.client.post(f"{V1}/service-accounts", json={"name": "robot", "team": "team"})
    await give(api, "robot", "member")
    for nobody in ("ghost", "home-org"):
        answer = await api.client.put(f"{REGISTRIES}/models/members/{nobody}", json={"role": "viewer"})
        assert answer.status_code == 404, answer.text
    assert (await api.client.put(f"{REGISTRIES}/models/members/robot", json={"role": "owner"})).status_code == 422
    answer = await api.client.put(f"{V1}/teams/home-org/members/robot", json={"role": "member"})
    assert (answer.status_code, "no team" in answer.json()["detail"]) == (422, True)


async def test_a_key_that_is_limited_to_a_team_sees_no_registry(api: Api) -> None:
    await make(api)
    key = await api.key_of("eve", team="team")
    limited = (await api.client.post(f"{V1}/api-keys", json={"user": "eve", "team": "team"})).json()["key"]
    for which, names in ((key, ["models"]), (limited, [])):
        async with api.as_key(which) as client:
            assert [each["name"] for each in (await client.get(REGISTRIES)).json()["items"]] == names


async def test_protected_aliases_are_the_admins(api: Api) -> None:
    await make(api)
    source = (await log(api, {"m": b"1"}))["source"]
    await link(api, source, to=collection())
    key = await api.key_of("eve")
    await give(api, "eve", "member")
    place = f"{REGISTRIES}/models/protected-aliases"
    async with api.as_key(key) as client:
        assert (await client.put(f"{collection()}/aliases/prod", json={"version": "v0"})).status_code == 200
        assert (await client.put(f"{place}/prod")).status_code == 403
        assert (await api.client.put(f"{place}/prod")).json() == {"alias": "prod"}
        assert (await api.client.put(f"{place}/prod")).status_code == 200
        assert (await client.get(place)).json() == [{"alias": "prod"}]
        refused = await client.delete(f"{collection()}/aliases/prod")
        assert (refused.status_code, "protected" in refused.json()["detail"]) == (403, True)
        refused = await client.post(f"{collection('other')}/versions", json={"source": source, "aliases": ["prod"]})
        assert refused.status_code in {403, 404}
        assert (await api.client.delete(f"{place}/prod")).status_code == 204
        assert (await api.client.delete(f"{place}/prod")).status_code == 404
        assert (await client.delete(f"{collection()}/aliases/prod")).status_code == 204
    assert [line for line in await told(api) if line.startswith("protected")] == [
        "protected_alias.added home-org/wandb-registry-models",
        "protected_alias.removed home-org/wandb-registry-models",
    ]
