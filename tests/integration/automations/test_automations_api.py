import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres import PostgresSession
from tests.support.stage import Tenant, second_tenant, staged

PATH = "/api/v1/automations"


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        await tenant.webhook("http://127.0.0.1:9/hook")
        yield tenant


def wanted(**changes: Any) -> dict[str, Any]:
    return {
        "name": "deploy",
        "scope": "collection/team/mnist/MNIST",
        "on": ["alias.added"],
        "actions": [{"webhook": {"integration": "ci"}}],
    } | changes


async def told(home: Tenant, prefix: str = "dev.regista.automation.") -> list[str]:
    return [each["type"].removeprefix(prefix) for each in await home.api.events() if each["type"].startswith(prefix)]


async def test_an_automation_is_made_read_listed_changed_and_deleted(home: Tenant) -> None:
    made = await home.client.post(PATH, json=wanted(description="to production"))
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown | wanted() == shown
    assert (shown["revision"], shown["enabled"], shown["where"], shown["limits"]) == (1, True, None, None)
    path = f"{PATH}/{shown['id']}"
    assert (await home.client.get(path)).json() == shown
    assert (await home.client.get(PATH)).json() == {"items": [shown], "next_cursor": None}
    changed = await home.client.patch(path, json={"on": ["alias.added", "dev.regista.tag.added"], "enabled": False})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["on"], changed.json()["revision"]) == (["alias.added", "tag.added"], 2)
    revisions = (await home.client.get(f"{path}/revisions")).json()["items"]
    assert [(each["revision"], each["on"], each["author"]) for each in revisions] == [
        (2, ["alias.added", "tag.added"], "admin"),
        (1, ["alias.added"], "admin"),
    ]
    assert (await home.client.delete(path)).status_code == 204
    gone = (await home.client.get(path)).json()
    assert gone["deleted_at"] is not None
    assert gone | {"deleted_at": None} == changed.json()
    assert (await home.client.get(f"{path}/revisions")).json()["items"] == revisions
    assert (await home.client.get(PATH)).json()["items"] == []
    assert (await home.client.delete(path)).status_code == 404
    assert (await home.client.patch(path, json={"enabled": True})).status_code == 404
    assert await told(home) == ["created", "updated", "disabled", "deleted"]


async def test_payloads_and_metrics_read_back_as_they_were_written(home: Tenant) -> None:
    payload = '{"zz": "${alias}", "a": {"y": -0.0, "b": 1e+23}, "number": 1.5, "whole": 100000000000000000000000}'
    metric = '{"name": "loss", "test": "threshold", "window": 1, "aggregate": null, "comparison": ">", "value": 1e+23}'
    watching = wanted(scope="org", on=["run.metric_triggered"], trigger={"metric": json.loads(metric)})
    watching["actions"][0]["webhook"]["payload"] = json.loads(payload.replace("alias", "run_name"))
    for body in (wanted(actions=[{"webhook": {"integration": "ci", "payload": json.loads(payload)}}]), watching):
        made = await home.client.post(PATH, json=body | {"name": body["on"][0]})
        assert made.status_code == 201, made.text
        for found in (made, await home.client.get(f"{PATH}/{made.json()['id']}")):
            assert json.dumps(found.json()["actions"]) == json.dumps(body["actions"])
            if "trigger" in body:
                assert repr(found.json()["trigger"]["metric"]["value"]) == "1e+23"


async def test_one_type_may_stand_alone_and_revisions_page(home: Tenant) -> None:
    shown = (await home.client.post(PATH, json=wanted(on="alias.added"))).json()
    path = f"{PATH}/{shown['id']}"
    for number in range(4):
        await home.client.patch(path, json={"name": f"name {number}"})
    seen: list[int] = []
    cursor = None
    while True:
        page = (
            await home.client.get(f"{path}/revisions", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        ).json()
        seen += [each["revision"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [5, 4, 3, 2, 1]


async def test_a_change_that_changes_nothing_makes_no_revision_and_no_event(home: Tenant) -> None:
    shown = (await home.client.post(PATH, json=wanted())).json()
    same = await home.client.patch(f"{PATH}/{shown['id']}", json=wanted(enabled=True))
    assert same.json() == shown
    assert await told(home) == ["created"]


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"where": 'aliass == "production"'}, "invalid_condition", "'alias'"),
        ({"where": "alias", "on": ["alias.added"]}, "invalid_condition", "true or false"),
        ({"where": "(" * 9000}, "invalid_condition", "nested deeper"),
        ({"where": "x" * 10_001}, "invalid", "where"),
        ({"where": 'alias == "a\x00"'}, "invalid", "U+0000"),
        ({"trigger": {"states": ["failed"]}}, "invalid", "run.state_changed"),
        ({"limits": {"cooldown": "soon"}}, "invalid", "limits.cooldown: "),
        ({"limits": {"cooldown": "31d"}}, "invalid", " 30d"),
        ({"limits": {"cooldown": 0}}, "invalid", " 0s"),
        ({"limits": {"cooldown": None}}, "invalid", "give `cooldown`"),
        ({"enabled": "yes"}, "invalid", "enabled"),
        ({"actions": []}, "invalid", "actions"),
        ({"on": []}, "invalid", "on"),
        ({"on": ["alias.add"]}, "unknown_event_type", "'alias.added'"),
        ({"scope": "collection/team/mnist"}, "invalid", "collection/E/P/NAME"),
        (
            {"on": ["member.invited"]},
            "invalid",
            "no 'member.invited' ever lies in a scope collection/E/P",
        ),
        ({"name": "a/b"}, "invalid", "name"),
        ({"actions": [{"webhook": {"integration": "cd"}}]}, "unknown_integration", "'cd'"),
        ({"actions": [{"webhook": {"integration": "elsewhere/ci"}}]}, "unknown_integration", "'elsewhere/ci'"),
    ],
)
async def test_what_cannot_be_saved_is_refused_with_its_reason(
    home: Tenant, changes: dict[str, Any], code: str, said: str
) -> None:
    refused = await home.client.post(PATH, json=wanted(**changes))
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert said in refused.json()["detail"]
    assert await told(home) == []


async def test_a_wrong_condition_says_where_and_for_which_event_and_what_was_meant(home: Tenant) -> None:
    given = wanted(on=["alias.added", "tag.added"], where='artifact.size > 10 &&\n  alias == "production"')
    refused = await home.client.post(PATH, json=given)
    assert refused.status_code == 422
    problem = refused.json()
    assert problem["code"] == "invalid_condition"
    told_of = {name: problem[name] for name in ("field", "line", "column", "event", "nearest")}
    assert told_of == {"field": "where", "line": 2, "column": 3, "event": "tag.added", "nearest": "artifact.aliases"}
    assert "tag.added has no field 'alias'" in problem["detail"]
    lone = await home.client.post(
        PATH,
        content=json.dumps(wanted(where='alias == "\ud800"')).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert lone.status_code == 422, lone.text


async def test_conditions_triggers_and_limits_are_kept_changed_and_taken_away(home: Tenant) -> None:
    where = 'alias == "production" && artifact.metadata.acc >= 0.9'
    made = await home.client.post(PATH, json=wanted(where=where, limits={"cooldown": "600s", "per_hour": 20}))
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown["where"] == where
    assert shown["limits"] == {"cooldown": "10m", "per_hour": 20, "coalesce": False}
    path = f"{PATH}/{shown['id']}"
    empty = (await home.client.patch(path, json={"where": " \n", "limits": None})).json()
    assert (empty["revision"], empty["where"], empty["limits"]) == (2, None, None)
    runs = {"on": "run.state_changed", "scope": "project/team/mnist", "trigger": {"states": ["failed"]}}
    moved = (await home.client.patch(path, json=runs)).json()
    assert (moved["revision"], moved["trigger"]) == (3, {"states": ["failed"]})
    # What the condition of one event reads, another does not have: they are changed together or not at all.
    await home.client.patch(path, json={"where": 'state.to == "failed"'})
    refused = await home.client.patch(path, json={"on": ["alias.added"], "trigger": None})
    assert (refused.status_code, refused.json()["field"], refused.json()["event"]) == (422, "where", "alias.added")


async def test_lists_are_filtered_by_name_scope_event_integration_and_switch(home: Tenant) -> None:
    await home.webhook("http://127.0.0.1:9/other", "cd")
    given: dict[str, dict[str, Any]] = {
        "first": {},
        "second": {"scope": "entity/team", "on": ["tag.added", "tag.removed"]},
        "third": {"actions": [{"no_op": {}}, {"webhook": {"integration": "team/cd"}}], "enabled": False},
    }
    for name, changes in given.items():
        made = await home.client.post(PATH, json=wanted(name=name, **changes))
        assert made.status_code == 201, made.text

    async def names(**asked: str) -> list[str]:
        answer = await home.client.get(PATH, params=asked)
        assert answer.status_code == 200, answer.text
        return [each["name"] for each in answer.json()["items"]]

    assert await names() == ["first", "second", "third"]
    assert await names(name="second") == ["second"]
    assert await names(scope="collection/team/mnist/MNIST") == ["first", "third"]
    assert await names(on="dev.regista.tag.removed") == ["second"]
    assert await names(enabled="false") == ["third"]
    assert await names(integration="ci") == ["first", "second"]
    assert await names(integration="team/cd", on="alias.added") == ["third"]
    assert await names(integration="cd", enabled="true") == await names(integration="elsewhere/cd") == []
    unknown = await home.client.get(PATH, params={"on": "tag.add"})
    assert (unknown.status_code, unknown.json()["nearest"]) == (422, "tag.added")
    nothing = await home.client.get(PATH, params={"scope": "nope"})
    assert (nothing.status_code, nothing.json()["field"]) == (422, "scope")
    assert "'nope' is none; write org, entity/E" in nothing.json()["detail"]


@pytest.mark.parametrize("field", ["name", "scope", "on", "actions", "enabled"])
async def test_what_every_automation_has_cannot_be_taken_away(home: Tenant, field: str) -> None:
    shown = (await home.client.post(PATH, json=wanted())).json()
    path = f"{PATH}/{shown['id']}"
    refused = await home.client.patch(path, json={field: None})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)
    assert "not null" in refused.json()["detail"]
    assert (await home.client.get(path)).json() == shown


async def test_the_words_of_an_event_type_are_told_with_their_types(home: Tenant) -> None:
    told_of = (await home.client.get(f"{PATH}/vocabulary", params={"event": "dev.regista.alias.added"})).json()
    words = {each["name"]: each for each in told_of["words"]}
    assert told_of["event"] == "alias.added"
    assert words["alias"] == {"name": "alias", "type": "string", "nullable": False, "kind": "string", "members": []}
    assert (words["previous"]["type"], words["previous"]["nullable"], words["previous"]["kind"]) == (
        "dyn",
        True,
        "string",
    )
    assert "quorum" in words["approval"]["members"]
    assert (words["artifact.metadata"]["type"], words["artifact.metadata"]["members"]) == ("map(string, dyn)", None)
    assert words["event.time"]["type"] == words["now"]["type"] == "timestamp"
    assert {"matches", "exists", "size"} < set(told_of["functions"])
    unknown = await home.client.get(f"{PATH}/vocabulary", params={"event": "alias.add"})
    assert (unknown.status_code, unknown.json()["nearest"]) == (422, "alias.added")
    described = (await home.client.get("/openapi.json")).json()["components"]["schemas"]["NewAutomation"]["properties"]
    assert "CEL" in str(described["where"])
    assert "run.state_changed" in str(described["trigger"])


async def test_an_automation_whose_scope_is_gone_can_be_changed_and_switched(home: Tenant) -> None:
    shown = (await home.client.post(PATH, json=wanted())).json()
    path = f"{PATH}/{shown['id']}"
    await home.rows("DELETE FROM collection WHERE id = $1", home.ids["collection"])
    changed = await home.client.patch(path, json={"where": 'alias == "a"', "enabled": False, "description": "orphan"})
    assert changed.status_code == 200, changed.text
    assert {**changed.json(), "updated_at": shown["updated_at"]} == {
        **shown,
        "where": 'alias == "a"',
        "description": "orphan",
        "enabled": False,
        "revision": 2,
    }
    moved = await home.client.patch(path, json={"scope": wanted()["scope"]})
    assert (moved.status_code, moved.json()["code"]) == (404, "scope_not_found")


async def test_an_automation_can_be_switched_off_whatever_has_become_of_its_condition(home: Tenant) -> None:
    shown = (await home.client.post(PATH, json=wanted(where='alias == "a"'))).json()
    path = f"{PATH}/{shown['id']}"
    await home.rows(
        "UPDATE automation_revision SET condition = 'a_word_of_old == 1' WHERE automation_id = $1", shown["id"]
    )
    off = await home.client.patch(path, json={"enabled": False})
    assert (off.status_code, off.json()["enabled"], off.json()["revision"]) == (200, False, 1)
    on = await home.client.patch(path, json={"enabled": True})
    assert (on.status_code, on.json()["code"]) == (422, "invalid_condition")


async def test_a_scope_that_does_not_exist_is_404(home: Tenant) -> None:
    refused = await home.client.post(PATH, json=wanted(scope="registry/none"))
    assert (refused.status_code, refused.json()["code"]) == (404, "scope_not_found")


async def test_an_automation_whose_scope_was_renamed_can_be_changed_and_takes_its_new_name(home: Tenant) -> None:
    shown = (await home.client.post(PATH, json=wanted())).json()
    await home.webhook("http://127.0.0.1:9/other", "other")
    await home.rows("UPDATE collection SET name = 'Digits' WHERE id = $1", home.ids["collection"])
    changed = await home.client.patch(
        f"{PATH}/{shown['id']}", json={"actions": [{"webhook": {"integration": "other"}}]}
    )
    assert changed.status_code == 200, changed.text
    assert changed.json()["scope"] == "collection/team/mnist/Digits"


async def test_an_automation_is_shown_and_found_by_what_its_scope_is_called_today(home: Tenant) -> None:
    moved = (await home.client.post(PATH, json=wanted())).json()
    path = f"{PATH}/{moved['id']}"
    collections = "/api/v1/collections/team/mnist"
    renamed = await home.client.patch(f"{collections}/MNIST", json={"name": "Digits"})
    assert renamed.status_code == 200, renamed.text
    assert (await home.client.post(collections, json={"name": "MNIST", "type": "model"})).status_code == 201
    other = (await home.client.post(PATH, json=wanted(name="other"))).json()
    today = "collection/team/mnist/Digits"

    async def found(scope: str) -> list[int]:
        answer = await home.client.get(PATH, params={"scope": scope})
        assert [each["scope"] for each in answer.json()["items"]] == [scope] * len(answer.json()["items"])
        return [each["id"] for each in answer.json()["items"]]

    assert (await home.client.get(path)).json()["scope"] == today
    assert await found(today) == [moved["id"]]
    assert await found(moved["scope"]) == [other["id"]]
    checked = await home.client.post(f"{PATH}/check", json=wanted(scope=today))
    assert checked.json() == {"id": moved["id"]}
    described = await home.client.patch(path, json={"scope": today, "description": "said"})
    assert (described.status_code, described.json()["scope"], described.json()["revision"]) == (200, today, 2)
    (at,) = await home.rows("SELECT scope_id FROM automation WHERE id = $1", moved["id"])
    assert at["scope_id"] == home.ids["collection"]
    for kind in ("entity/team", "project/team/mnist", "registry/model"):
        made = await home.client.post(PATH, json=wanted(scope=kind, actions=[{"no_op": {}}]))
        assert made.status_code == 201, made.text
    await home.rows("UPDATE entity SET name = 'squad' WHERE id = $1", home.ids["team"])
    await home.rows("UPDATE project SET name = 'numbers' WHERE id = $1", home.ids["project"])
    await home.rows("UPDATE registry SET name = 'shelf' WHERE id = $1", home.ids["registry"])
    for scope in ("entity/squad", "project/squad/numbers", "registry/shelf", "collection/squad/numbers/MNIST"):
        assert len(await found(scope)) == 1


async def test_saving_an_automation_again_puts_it_onto_what_has_its_scopes_name_now(home: Tenant) -> None:
    shown = (await home.client.post(PATH, json=wanted())).json()
    path = f"{PATH}/{shown['id']}"
    collections = "/api/v1/collections/team/mnist"
    assert (await home.client.delete(f"{collections}/MNIST")).status_code == 204
    made = await home.client.post(collections, json={"name": "MNIST", "type": "model"})
    assert made.status_code == 201, made.text
    again = await home.client.patch(path, json={"scope": shown["scope"]})
    assert (again.status_code, again.json()["revision"]) == (200, 2), again.text
    assert await told(home) == ["created", "updated"]
    (at,) = await home.rows("SELECT scope_id FROM automation WHERE id = $1", shown["id"])
    assert at["scope_id"] == made.json()["id"]
    assert (await home.client.patch(path, json={"scope": shown["scope"]})).json()["revision"] == 2

    assert (await home.client.delete(f"{collections}/MNIST")).status_code == 204
    await home.client.post(collections, json={"name": "MNIST", "type": "model"})
    assert (await home.client.post(PATH, json=wanted())).status_code == 201
    taken = await home.client.patch(path, json={"scope": shown["scope"]})
    assert (taken.status_code, taken.json()["code"]) == (409, "automation_exists")


async def test_a_name_is_taken_once_per_scope(home: Tenant) -> None:
    assert (await home.client.post(PATH, json=wanted())).status_code == 201
    again = await home.client.post(PATH, json=wanted())
    assert (again.status_code, again.json()["code"]) == (409, "automation_exists")
    other = await home.client.post(PATH, json=wanted(scope="org"))
    assert other.status_code == 201
    moved = await home.client.patch(f"{PATH}/{other.json()['id']}", json={"scope": wanted()["scope"]})
    assert (moved.status_code, moved.json()["code"]) == (409, "automation_exists")


async def test_the_nearest_integration_of_a_name_is_meant_and_several_far_ones_are_ambiguous(home: Tenant) -> None:
    for team in ("red", "blue"):
        await home.client.post("/api/v1/teams", json={"name": team})
        await home.webhook("http://127.0.0.1:9/", "shared", entity=team)
    ambiguous = await home.client.post(PATH, json=wanted(actions=[{"webhook": {"integration": "shared"}}]))
    assert ambiguous.status_code == 422
    assert "blue/shared" in ambiguous.json()["detail"]
    assert "red/shared" in ambiguous.json()["detail"]
    red = await home.client.post(
        PATH, json=wanted(scope="entity/red", actions=[{"webhook": {"integration": "shared"}}])
    )
    assert red.status_code == 201
    rows = await home.rows(
        """
        SELECT e.name FROM automation_revision r JOIN integration i ON i.id = r.integration_ids[1]
        JOIN entity e ON e.id = i.entity_id WHERE r.automation_id = $1
        """,
        red.json()["id"],
    )
    assert rows == [{"name": "red"}]


async def test_roles_decide_who_sees_and_who_makes_automations(home: Tenant) -> None:
    shown = (await home.client.post(PATH, json=wanted())).json()
    await home.client.post("/api/v1/teams", json={"name": "strangers"})
    answers: dict[str, tuple[int, int, int]] = {}
    for name, team, role in (
        ("vera", "team", "viewer"),
        ("max", "team", "member"),
        ("sam", "strangers", "admin"),
    ):
        async with home.api.as_key(await home.api.key_of(name, team=team, role=role)) as client:
            listed = len((await client.get(PATH)).json()["items"])
            read = (await client.get(f"{PATH}/{shown['id']}")).status_code
            written = (await client.post(PATH, json=wanted(name=name))).status_code
            answers[name] = (listed, read, written)
    assert answers == {"vera": (1, 200, 403), "max": (1, 200, 201), "sam": (0, 404, 404)}


async def test_a_list_holds_what_its_reader_could_read_one_by_one(home: Tenant) -> None:
    await home.client.post(PATH, json=wanted())
    # The organization's own entity, but a project that is not for everybody.
    await home.client.post(PATH, json=wanted(name="inner", scope="project/home-org/wandb-registry-model"))
    await home.rows(
        "UPDATE project p SET visibility = CASE WHEN EXISTS (SELECT FROM registry r WHERE r.project_id = p.id) "
        "THEN 'private' ELSE 'entity' END"
    )
    stranger = await home.api.key_of("sam")
    await home.api.key_of("leo", team="team")
    left = (await home.client.post("/api/v1/api-keys", json={"user": "leo", "team": "team"})).json()["key"]
    await home.client.delete("/api/v1/teams/team/members/leo")
    await home.client.post("/api/v1/secrets", json={"name": "TOKEN", "value": "value"})
    for key in (stranger, left):
        async with home.api.as_key(key) as client:
            for path in (PATH, "/api/v1/webhooks", "/api/v1/secrets"):
                answer = await client.get(path)
                assert (answer.status_code, answer.json()["items"]) == (200, []), path


async def test_a_scope_that_may_not_be_seen_is_refused_as_one_that_does_not_exist(home: Tenant) -> None:
    async with home.api.as_key(await home.api.key_of("sam")) as client:
        hidden = await client.post(PATH, json=wanted(scope="project/team/mnist"))
        absent = await client.post(PATH, json=wanted(scope="project/team/other"))
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text.replace("mnist", "other") == absent.text


async def test_only_admins_of_the_organization_automate_all_of_it(home: Tenant) -> None:
    async with home.api.as_key(await home.api.key_of("max", team="team", role="admin")) as client:
        refused = await client.post(PATH, json=wanted(scope="org"))
    assert refused.status_code == 403


async def test_another_organization_sees_nothing_and_reaches_nothing(home: Tenant) -> None:
    shown = (await home.client.post(PATH, json=wanted())).json()
    rival = await second_tenant(home.api)
    path = f"{PATH}/{shown['id']}"
    assert (await rival.client.get(PATH)).json()["items"] == []
    for answer in (
        await rival.client.get(path),
        await rival.client.get(f"{path}/revisions"),
        await rival.client.patch(path, json={"enabled": False}),
        await rival.client.delete(path),
    ):
        assert answer.status_code == 404
    borrowed = await rival.client.post(
        PATH, json=wanted(scope="org", actions=[{"webhook": {"integration": "team/ci"}}])
    )
    assert (borrowed.status_code, borrowed.json()["code"]) == (422, "unknown_integration")


async def test_events_carry_the_revisions_from_and_to(home: Tenant) -> None:
    shown = (await home.client.post(PATH, json=wanted())).json()
    await home.client.patch(f"{PATH}/{shown['id']}", json={"name": "ship"})
    await home.client.delete(f"{PATH}/{shown['id']}")
    rows = await home.rows(
        """
        SELECT subject, convert_from(body, 'UTF8')::json->'data' AS data FROM event
        WHERE type LIKE 'dev.regista.automation.%' ORDER BY position
        """
    )
    assert [row["data"]["revision"] for row in rows] == [
        {"from": None, "to": 1},
        {"from": 1, "to": 2},
        {"from": 2, "to": None},
    ]
    assert rows[1]["data"]["changes"] == {"name": {"from": "deploy", "to": "ship"}}
    assert [row["subject"] for row in rows] == [
        "team/automations/deploy",
        "team/automations/ship",
        "team/automations/ship",
    ]
    assert rows[0]["data"]["automation"]["scope"] == "collection/team/mnist/MNIST"
