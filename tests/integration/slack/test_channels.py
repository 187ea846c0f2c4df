"""Channels over REST: what is refused, what Slack is asked, what is never shown."""

import asyncio
import json
from typing import Any

import structlog

from regista.delivery import disable_lane
from regista.slack.routes import channel_routes
from tests.support.receiver import response
from tests.support.slack import TOKEN, FakeSlack
from tests.support.stage import Tenant, second_tenant

PATH = "/api/v1/slack-channels"


async def events(home: Tenant) -> list[tuple[str, Any]]:
    rows = await home.rows(
        "SELECT type, body FROM event WHERE type LIKE 'dev.regista.integration.%' ORDER BY aggregate_id, sequence"
    )
    return [(row["type"].rpartition(".")[2], json.loads(row["body"])["data"]) for row in rows]


async def test_a_channel_is_made_changed_and_deleted_and_never_shows_what_it_is_reached_by(
    home: Tenant, slack: FakeSlack
) -> None:
    made = await home.channel(token=TOKEN, channel="ml-ops")
    wanted = {"form": "bot", "workspace": "Acme", "channel": "#ml-ops", "has_token": True, "state": "active"}
    assert made | wanted == made
    hook = await home.channel("hook", url=slack.hook)
    assert (hook["form"], hook["workspace"], hook["channel"], hook["has_token"]) == (
        "incoming_webhook",
        None,
        None,
        False,
    )
    again = await home.client.post(PATH, json={"name": "hook", "url": slack.hook, "entity": "team"})
    assert (again.status_code, again.json()["code"]) == (409, "slack_channel_exists")

    one = f"{PATH}/{made['id']}"
    moved = (await home.client.patch(one, json={"channel": "C0000000002"})).json()
    assert (moved["channel"], moved["workspace"]) == ("C0000000002", "Acme")
    assert (await home.client.patch(one, json={})).json() == moved
    turned = (await home.client.patch(one, json={"url": slack.hook})).json()
    assert (turned["form"], turned["channel"], turned["has_token"]) == ("incoming_webhook", None, False)
    assert [row["id"] for row in await home.api.pages(PATH)] == [made["id"], hook["id"]]
    automation = await home.automation(actions=[{"slack": {"integration": "team/ml-ops"}}])
    kept = await home.client.delete(one)
    assert (kept.status_code, kept.json()["code"], kept.json()["automations"]) == (
        409,
        "slack_channel_in_use",
        ["deploy"],
    )
    await home.client.delete(f"/api/v1/automations/{automation['id']}")
    assert (await home.client.delete(one)).status_code == 204
    assert (await home.client.get(one)).status_code == 404
    assert await home.rows("SELECT FROM slack_channel WHERE integration_id = $1 AND url IS NOT NULL", made["id"]) == []

    told = await events(home)
    assert [kind for kind, _ in told] == ["created", "updated", "updated", "deleted", "created"]
    assert told[0][1]["integration"] == {
        "id": made["id"],
        "entity": "team",
        "name": "ml-ops",
        "kind": "slack",
        "url": None,
        "channel": "#ml-ops",
    }
    assert told[1][1]["changes"] == {"channel": {"from": "#ml-ops", "to": "C0000000002"}}
    bodies = json.dumps(told) + json.dumps([made, hook, moved, turned])
    assert TOKEN not in bodies
    assert "abcdefghijklmnopqrstuvwx" not in bodies


NO_CHANNELS: list[tuple[dict[str, Any], str | None, str]] = [
    ({}, "token", "incoming webhook"),
    ({"token": TOKEN}, "channel", "`channel` is missing"),
    ({"channel": "#a"}, "token", "`token` is missing"),
    ({"token": TOKEN, "channel": "#a", "url": "https://hooks.slack.com/services/T/B/x"}, "url", "alone"),
    ({"token": "xapp-1-abc", "channel": "#a"}, "token", "app itself"),
    ({"token": "hunter2", "channel": "#a"}, "token", "xoxb-"),
    ({"token": "xoxb-1${secret.A}", "channel": "#a"}, "token", "xoxb-"),
    ({"token": "${secret.NOPE}", "channel": "#a"}, "token", "NOPE"),
    ({"token": TOKEN, "channel": "two words"}, "channel", "two words"),
    ({"token": TOKEN, "channel": "#Ops"}, "channel", "capitals"),
    ({"url": "http://10.0.0.1/services/T/B/x"}, None, "10.0.0.1"),
    ({"url": "ftp://hooks.slack.com/"}, None, "http"),
    ({"url": "https://hooks.slack.com/${secret.NOPE}"}, "url", "NOPE"),
]


async def test_what_makes_no_channel_is_refused_in_a_sentence_and_slack_is_not_asked(
    home: Tenant, slack: FakeSlack
) -> None:
    for given, field, said in NO_CHANNELS:
        refused = await home.client.post(PATH, json={"name": "c", "entity": "team"} | given)
        problem = refused.json()
        assert (refused.status_code, problem.get("field")) == (422, field), problem
        assert said in problem["detail"]
        assert TOKEN not in refused.text
    assert slack.requests == []
    assert await home.rows("SELECT FROM integration") == []


async def test_a_token_that_slack_does_not_take_or_cannot_be_asked_about_saves_nothing(
    home: Tenant, slack: FakeSlack
) -> None:
    body = {"name": "c", "entity": "team", "token": "xoxb-unknown", "channel": "#ml-ops"}
    refused = await home.client.post(PATH, json=body)
    assert (refused.status_code, refused.json()["code"], refused.json()["slack"]) == (
        422,
        "slack_token_refused",
        "invalid_auth",
    )
    for outage in (b"", response("500 Internal Server Error"), response(body=b"<html>sign in</html>")):
        slack.outage = outage
        away = await home.client.post(PATH, json=body | {"token": TOKEN})
        assert (away.status_code, away.json()["code"]) == (422, "slack_unreachable")
    assert await home.rows("SELECT FROM integration") == []


async def test_a_token_may_be_a_secret_of_the_team_and_follows_it(home: Tenant, slack: FakeSlack) -> None:
    secret = {"name": "SLACK", "value": TOKEN, "entity": "team"}
    made = (await home.client.post("/api/v1/secrets", json=secret)).json()
    channel = await home.channel(token="${secret.SLACK}", channel="#ml-ops")
    assert channel["workspace"] == "Acme"
    test = f"{PATH}/{channel['id']}/test"
    said = (await home.client.post(test, json={"title": "Hello", "text": "*there*", "severity": "error"})).json()
    assert (said["ok"], said["error"]) == (True, None)
    (posted,) = slack.of("ml-ops")
    assert (posted.title, posted.body) == ("Hello", "*there*")
    assert posted.context.startswith(":rotating_light:")
    # Whatever the secret is now is what Slack is given.
    await home.client.put(f"/api/v1/secrets/{made['id']}", json={"value": "xoxb-another"})
    said = (await home.client.post(test, json={})).json()
    assert (said["ok"], said["error"]) == (False, "slack_invalid_auth")
    assert json.loads(said["body"]) == {"ok": False, "error": "invalid_auth"}
    kept = await home.client.delete(f"/api/v1/secrets/{made['id']}")
    assert kept.status_code == 409


async def test_a_repeated_request_gets_the_answer_that_it_had_whatever_slack_says_now(
    home: Tenant, slack: FakeSlack
) -> None:
    body = {"name": "c", "entity": "team", "token": TOKEN, "channel": "#ml-ops"}
    key = {"Idempotency-Key": "once"}
    made = await home.client.post(PATH, json=body, headers=key)
    slack.outage = b""
    again = await home.client.post(PATH, json=body, headers=key)
    assert (again.status_code, again.json()) == (201, made.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert len(slack.requests) == 1
    other = await home.client.post(PATH, json=body | {"name": "d"}, headers=key)
    assert (other.status_code, other.json()["field"]) == (422, "Idempotency-Key")


async def test_a_sender_posts_by_the_secret_as_it_is_as_soon_as_it_was_rotated_and_nobody_reads_it(
    home: Tenant, slack: FakeSlack
) -> None:
    slack.tokens["xoxb-second-of-them"] = "Acme"
    secret = {"name": "SLACK", "value": TOKEN, "entity": "team"}
    number = (await home.client.post("/api/v1/secrets", json=secret)).json()["id"]
    with structlog.testing.capture_logs() as logs:
        channel = await home.channel(token="${secret.SLACK}", channel="#ml-ops")
        (lane,) = await home.rows("SELECT lane_id AS id FROM integration")
        routes = channel_routes(home.api.runtime.database, home.api.runtime.vault)
        async with asyncio.timeout(5):
            while (first := routes.known(lane["id"])) is None:  # nothing is known before it can be heard of changes
                await routes.of_lane(lane["id"])
                await asyncio.sleep(0.01)
        assert first.token == TOKEN
        await home.client.put(f"/api/v1/secrets/{number}", json={"value": "xoxb-second-of-them"})
        async with asyncio.timeout(5):
            while routes.known(lane["id"]) is not None:
                await asyncio.sleep(0.01)
        second = await routes.of_lane(lane["id"])
        assert second is not None
        assert second.token == "xoxb-second-of-them"
        routes.close()
        one = f"{PATH}/{channel['id']}"
        # Where the secret was what Slack did not take, the reference to it is the same as before.
        await home.api.runtime.database.run(lambda tx: disable_lane(tx, lane["id"], "gone"))
        back = await home.client.patch(one, json={"token": "${secret.SLACK}"})
        assert (back.json()["state"], back.json()["disabled_reason"]) == ("active", None)
        assert [kind for kind, _ in await events(home)] == ["created"]
        off = (await home.client.post(f"{one}/disable")).json()
        assert (off["state"], off["disabled_reason"]) == ("disabled", "manual")
        # What a person switched off stays off, whatever token it is given.
        kept = (await home.client.patch(one, json={"token": "xoxb-second-of-them"})).json()
        assert (kept["state"], kept["disabled_reason"]) == ("disabled", "manual")
        assert (await home.client.post(f"{one}/enable")).json()["state"] == "active"
        slack.dead["xoxb-third-of-them"] = "token_revoked"
        refused = await home.client.patch(one, json={"token": "xoxb-third-of-them"})
        assert (refused.status_code, refused.json()["slack"]) == (422, "token_revoked")
    written = " ".join([each["body"].decode() for each in await home.api.events()]) + str(logs) + refused.text
    written += str(await home.rows("SELECT * FROM slack_channel"))
    for token in (TOKEN, "xoxb-second-of-them", "xoxb-third-of-them"):
        assert token not in written


async def test_a_test_says_what_slack_says_and_shows_the_answer_to_those_alone_who_may_edit(
    home: Tenant, slack: FakeSlack
) -> None:
    channel = await home.channel(token=TOKEN, channel="#quiet")
    hook = await home.channel("hook", url=slack.hook)
    said = (await home.client.post(f"{PATH}/{channel['id']}/test", json={})).json()
    assert (said["ok"], said["error"]) == (False, "slack_not_in_channel")
    assert (await home.client.post(f"{PATH}/{hook['id']}/test", json={})).json()["ok"]
    assert slack.of("ml-ops")[0].title == "A test of this channel"
    async with home.api.as_key(await home.api.key_of("zoe", team="team")) as zoe:
        shown = (await zoe.post(f"{PATH}/{channel['id']}/test", json={})).json()
        assert (shown["error"], shown["body"]) == ("slack_not_in_channel", None)
    rival = await second_tenant(home.api)
    assert (await rival.client.post(f"{PATH}/{channel['id']}/test", json={})).status_code == 404
    assert (await rival.client.get(PATH)).json()["items"] == []
