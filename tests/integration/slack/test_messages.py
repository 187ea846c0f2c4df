"""From an event to a message in a channel: real planners, ledger, dispatcher and HTTP; Slack alone is a stand-in."""

import asyncio
import json
from typing import Any

from regista.kit import clock
from tests.support.receiver import Receiver, response
from tests.support.sending import Sending, sending, until
from tests.support.slack import TOKEN, FakeSlack
from tests.support.stage import Tenant

SAY = {"integration": "team/ml-ops", "title": "${alias} is ${artifact_version_string}", "text": "by *${event_author}*"}


async def states(tenant: Tenant) -> list[tuple[str, int]]:
    rows = await tenant.rows("SELECT state, attempts FROM delivery ORDER BY position")
    return [(row["state"], row["attempts"]) for row in rows]


def came(tenant: Tenant, *wanted: tuple[str, int]) -> Any:
    async def holds() -> bool:
        return await states(tenant) == list(wanted)

    return holds


async def said_of_lanes(tenant: Tenant) -> list[tuple[str, Any]]:
    rows = await tenant.rows("SELECT type, body FROM event WHERE type LIKE 'dev.regista.endpoint.%' ORDER BY position")
    return [(row["type"].removeprefix("dev.regista."), row["body"]) for row in rows]


async def due_now(tenant: Tenant) -> None:
    await tenant.rows("UPDATE delivery_due SET due_at = now()")


async def test_a_message_is_posted_by_bot_and_by_webhook_and_is_what_its_author_wrote_about_the_event(
    home: Tenant, slack: FakeSlack
) -> None:
    await home.channel(token=TOKEN, channel="#ml-ops")
    await home.channel("hook", url=slack.hook)
    await home.automation(
        actions=[
            {"slack": SAY | {"severity": "warn"}},
            {"slack": {"integration": "team/hook"}},
            {"no_op": {}},
        ]
    )
    async with sending(home) as it:
        await it.plan(await home.emit())
        await until(came(home, ("succeeded", 1), ("succeeded", 1)))
    first, second = sorted(slack.of("ml-ops"), key=lambda each: "metadata" not in each.message)
    assert first.title == "production is vision/model-registry/MNIST:v3"
    assert first.body == "by *admin*"
    assert first.context.startswith(":warning: · `alias.added` · vision/model-registry/MNIST:v3")
    assert first.message["text"] == first.title
    assert (second.title, second.body.startswith("*alias.added*: ")) == ("", True)
    executions = (await home.client.get("/api/v1/executions")).json()["items"]
    assert sorted((each["kind"], each["status"], each["reason"]) for each in executions) == [
        ("no_op", "finished", None),
        ("slack", "finished", None),
        ("slack", "finished", None),
    ]
    shown = next(each for each in executions if each["kind"] == "slack" and each["action_index"] == 0)
    one = (await home.client.get(f"/api/v1/executions/{shown['id']}")).json()
    assert one["payload"]["text"] == first.title
    attempts = (await home.client.get(f"/api/v1/deliveries/{one['delivery_id']}/attempts")).json()["items"]
    assert [(each["status"], each["error"]) for each in attempts] == [(200, None)]
    kept = await home.rows(
        "SELECT body FROM event UNION ALL SELECT body FROM attempt UNION ALL SELECT payload FROM delivery"
    )
    assert not any(
        TOKEN.encode() in (row["body"] or b"") or b"/services/T0000001" in (row["body"] or b"") for row in kept
    )


async def test_what_slack_refuses_of_a_message_is_dead_at_once_and_the_rest_of_the_channel_goes_on(
    home: Tenant, slack: FakeSlack
) -> None:
    await home.channel(token=TOKEN, channel="C0000000001")
    await home.automation(actions=[{"slack": SAY}])
    async with sending(home) as it:
        slack.words = ["invalid_blocks"]
        await it.plan(await home.emit())
        await until(came(home, ("dead", 1)))
        await it.plan(await home.emit())
        await until(came(home, ("dead", 1), ("succeeded", 1)))
    assert slack.refused == ["invalid_blocks"]
    (row,) = await home.rows("SELECT error, body FROM attempt WHERE error IS NOT NULL")
    assert row["error"] == "slack_invalid_blocks"
    assert row["body"] == b'{"ok": false, "error": "invalid_blocks"}'
    assert await home.rows("SELECT FROM event WHERE type = 'dev.regista.delivery.exhausted'") != []


async def test_a_message_that_cannot_be_filled_in_is_dead_and_says_why_without_a_call(
    home: Tenant, slack: FakeSlack
) -> None:
    await home.channel(token=TOKEN, channel="#ml-ops")
    asked = len(slack.requests)
    await home.automation(actions=[{"slack": SAY}])
    broken = [{"slack": SAY | {"text": "${artifact.renamed.field}"}}]
    await home.rows("UPDATE automation_revision SET actions = $1::jsonb", json.dumps(broken))
    async with sending(home) as it:
        await it.plan(await home.emit())
        await until(came(home, ("dead", 1)))
    assert len(slack.requests) == asked
    (row,) = await home.rows("SELECT error, body FROM attempt")
    assert (row["error"], row["body"][:8]) == ("invalid_template", b"not sent")
    assert len(await home.rows("SELECT FROM event WHERE type = 'dev.regista.delivery.exhausted'")) == 1


async def test_a_token_that_is_revoked_disables_the_channel_and_a_new_one_sends_what_waits(
    home: Tenant, slack: FakeSlack
) -> None:
    channel = await home.channel(token=TOKEN, channel="C0000000001")
    assert channel["workspace"] == "Acme"
    await home.automation(actions=[{"slack": SAY}])
    slack.dead[TOKEN] = "token_revoked"
    path = f"/api/v1/slack-channels/{channel['id']}"
    async with sending(home) as it:
        await it.plan(await home.emit())
        await until(came(home, ("pending", 1)))
        await it.plan(await home.emit())
        shown = (await home.client.get(path)).json()
        assert (shown["state"], shown["disabled_reason"]) == ("disabled", "gone")
        refused = await home.client.patch(path, json={"token": TOKEN})
        assert (refused.status_code, refused.json()["code"]) == (422, "slack_token_refused")
        slack.tokens["xoxb-another"] = "Acme"
        enabled = await home.client.patch(path, json={"token": "xoxb-another"})
        assert (enabled.status_code, enabled.json()["state"]) == (200, "active")
        await due_now(home)
        await until(came(home, ("succeeded", 2), ("succeeded", 1)))
    assert [kind for kind, _ in await said_of_lanes(home)] == ["endpoint.disabled", "endpoint.enabled"]
    assert slack.refused == ["token_revoked", "token_revoked"]


async def test_a_limit_of_slack_is_kept_to_and_other_channels_and_webhooks_do_not_wait(
    home: Tenant, slack: FakeSlack
) -> None:
    await home.channel(token=TOKEN, channel="#ml-ops")
    await home.channel("deploys", token=TOKEN, channel="#deploys")
    slack.limit = 0.5  # slower than a channel's pace: Slack has to say so
    async with Receiver() as receiver:
        await home.webhook(receiver.url())
        loud = await home.automation("loud", actions=[{"slack": SAY}])
        async with sending(home) as it:
            await it.plan(await home.emit(times=8))
            await until(lambda: _is(slack.refused))
            hit = clock.monotonic()
            await home.client.delete(f"/api/v1/automations/{loud['id']}")
            others = [{"slack": SAY | {"integration": "team/deploys"}}, {"webhook": {"integration": "team/ci"}}]
            await home.automation("others", actions=others)
            await it.plan(await home.emit())
            await until(lambda: _is(slack.of("deploys") and receiver.requests))
            assert clock.monotonic() - hit < 1.5
            await until(lambda: _is(slack.of("ml-ops")[-1].at > hit))
            assert slack.refused == ["ratelimited"], "a pause asks no second time"
    # Whatever is sent after a refusal comes when Slack's pause is over.
    after = [each.at for each in slack.of("ml-ops") if each.at > hit]
    assert min(after) - hit > 1.9


async def test_slack_is_away_for_a_while_and_nothing_is_lost(home: Tenant, slack: FakeSlack) -> None:
    await home.channel(token=TOKEN, channel="#ml-ops")
    await home.automation(actions=[{"slack": SAY}])
    async with sending(home) as it:
        answers = (b"", response("503 Service Unavailable"), response(body=b"<html>sign in</html>"))
        for number, slack.outage in enumerate(answers, 1):
            await it.plan(await home.emit())
            await until(lambda number=number: _recorded(home, number))
        slack.outage = None
        assert {state for state, _ in await states(home)} == {"pending"}
        await due_now(home)
        await until(came(home, *[("succeeded", 2)] * 3))
    errors = await home.rows("SELECT error FROM attempt WHERE error IS NOT NULL ORDER BY started_at")
    assert [row["error"] for row in errors] == ["connection_reset", "http_5xx", "slack_unreadable"]
    assert len(slack.of("ml-ops")) == 3


async def test_a_process_killed_between_posting_and_recording_posts_again_in_order_and_loses_nothing(
    home: Tenant, slack: FakeSlack
) -> None:
    await home.channel(token=TOKEN, channel="#ml-ops")
    await home.automation(actions=[{"slack": SAY}])
    first = Sending(home)
    await asyncio.wait_for(first.lifecycle.started.wait(), 20)
    write = first.dispatcher._recorder  # pyright: ignore[reportPrivateUsage] - what a crash leaves undone
    write.add = lambda _ended: None  # pyright: ignore[reportAttributeAccessIssue]
    await first.plan(await home.emit(times=2))
    await until(lambda: _is(len(slack.posted) == 2))
    await first.kill()
    assert await states(home) == [("pending", 0)] * 2
    async with sending(home):
        await until(came(home, ("succeeded", 1), ("succeeded", 1)))
    told = [each.message["metadata"]["event_payload"]["id"] for each in slack.posted]
    rows = await home.rows("SELECT event_id FROM delivery ORDER BY position")
    assert told == [str(row["event_id"]) for row in rows] * 2, "all of it again, in the order of the channel"


async def _is(holds: object) -> bool:
    return bool(holds)


async def _recorded(tenant: Tenant, attempts: int) -> bool:
    return len(await tenant.rows("SELECT FROM attempt")) >= attempts
