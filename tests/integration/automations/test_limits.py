"""Limits, what they put off, and authors: decided once, whoever comes first."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from regista.automations.catalogue import Catalogue
from regista.automations.deciding import decisions_repository, limiting
from regista.automations.deciding.decisions import Due, Execution, decide, release
from regista.automations.deciding.verdict import Verdict
from regista.automations.past.replaying import Replays
from regista.effects.due import DueExecutions
from regista.effects.planner import Planner, Way
from regista.kit import clock
from regista.kit.bus.model import Received
from regista.kit.db import Database
from regista.slack.planning import SLACK
from regista.webhooks.planning import WEBHOOKS
from tests.support.postgres import PostgresSession
from tests.support.stage import Tenant, staged

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        await tenant.webhook("http://127.0.0.1:9/hook")
        yield tenant


def at(received: Sequence[Received], *minutes: float) -> list[Received]:
    """Return the events as if they had happened so many minutes after the first."""
    assert received[0].event is not None
    start = received[0].event.time
    return [
        each._replace(event=each.event.model_copy(update={"time": start + minute * MINUTE}))
        for each, minute in zip(received, minutes, strict=True)
        if each.event is not None
    ]


async def decided(tenant: Tenant, batch: Sequence[Received], kind: str = "webhook") -> list[Execution]:
    async with tenant.api.runtime.database.transaction() as tx:
        return await decide(tx, Catalogue(), batch, kind)


async def released(tenant: Tenant, kind: str = "webhook") -> list[Execution]:
    """Take what is due of a kind, whether its time has come or not, as a worker does."""
    async with tenant.api.runtime.database.transaction() as tx:
        rows = await tx.connection.fetch(
            "DELETE FROM execution_due WHERE kind = $1 RETURNING event_id, automation_id, replay_id", kind
        )
        return await release(tx, Catalogue(), [Due(*row) for row in rows], kind)


async def said(tenant: Tenant, events: Sequence[Received], automation: int | None = None) -> list[str | None]:
    """Return the reason or else the verdict on each event."""
    rows = await tenant.rows(
        "SELECT event_id, coalesce(reason, verdict) AS said FROM decision WHERE $1::bigint IS NULL OR automation_id = $1",
        automation,
    )
    known = {row["event_id"]: row["said"] for row in rows}
    return [known.get(each.event.id) if each.event is not None else None for each in events]


async def test_limits_are_counted_in_event_time_once_for_each_decision(home: Tenant) -> None:
    cooling = (await home.automation("cooling", limits={"cooldown": "10m"}))["id"]
    hourly = (await home.automation("hourly", limits={"per_hour": 2}))["id"]
    free = (await home.automation("free"))["id"]
    first = at(await home.emit(times=4), 0, 5, 12, 30)
    for _ in range(2):  # the second time is a redelivery
        await decided(home, first)
    assert await said(home, first, cooling) == ["fire", "cooldown", "fire", "fire"]
    assert await said(home, first, hourly) == ["fire", "fire", "rate", "rate"]
    assert await said(home, first, free) == ["fire"] * 4
    # Another batch, in which one comes late: no two firings are closer than 10 minutes, whatever came first.
    second = at([first[0], *await home.emit(times=4)], 0, 21, 45, 60, 61)[1:]
    await decided(home, second)
    assert await said(home, second, cooling) == ["cooldown", "fire", "fire", "cooldown"]
    assert await said(home, second, hourly) == ["rate", "rate", "fire", "rate"]
    # A revision that loosens the limit counts on from what has fired.
    await home.client.patch(f"/api/v1/automations/{hourly}", json={"limits": {"per_hour": 3}})
    third = at([first[0], *await home.emit(times=2)], 0, 62, 63)[1:]
    await decided(home, third)
    assert await said(home, third, hourly) == ["fire", "rate"]


async def test_of_what_is_coalesced_the_newest_waits_and_fires_when_it_is_due(home: Tenant) -> None:
    automation = (await home.automation(limits={"cooldown": "10m", "coalesce": True}))["id"]
    first = at(await home.emit(times=4), 0, 1, 2, 3)
    assert [each.event.id for each in await decided(home, first)] == [first[0].event.id if first[0].event else None]
    assert await said(home, first) == ["fire", "coalesced", "coalesced", "cooldown"]
    second = at([first[0], *await home.emit(times=2)], 0, 2.5, 4)[1:]
    assert await decided(home, second) == []
    assert await said(home, [first[3], *second]) == ["coalesced", "coalesced", "cooldown"]
    (due,) = await home.rows("SELECT kind, event_id, automation_id, due_at FROM execution_due")
    assert (due["kind"], due["automation_id"]) == ("webhook", automation)
    assert second[1].event is not None
    assert first[0].event is not None
    assert (due["event_id"], due["due_at"]) == (second[1].event.id, first[0].event.time + 10 * MINUTE)
    (execution,) = await released(home)
    assert (execution.event.id, execution.revision, execution.automation) == (second[1].event.id, 1, "deploy")
    assert execution.received.raw == second[1].raw
    # It has fired at minute 10: redelivered it obeys, and what comes within ten minutes of that waits again.
    assert [each.event.id for each in await decided(home, second)] == [second[1].event.id]
    third = at([first[0], *await home.emit(times=3)], 0, 15, 21, 26)[1:]
    assert await decided(home, third) != []
    # The first of them waited until minute 20, and fires before the second is judged.
    assert await said(home, third) == ["fire", "coalesced", "cooldown"]
    assert len(await released(home)) == 1
    assert await home.rows("SELECT FROM execution_due") == []
    assert await home.rows("SELECT FROM decision WHERE verdict = 'deferred'") == []


async def test_what_is_disabled_or_deleted_meanwhile_or_has_lost_its_author_is_skipped_when_it_is_due(
    home: Tenant,
) -> None:
    limits = {"cooldown": "1h", "coalesce": True}
    key = await home.api.key_of("zoe", team="team")
    async with home.api.as_key(key) as zoe:
        for name in ("disabled", "deleted", "orphaned"):
            body = {"name": name, "scope": "entity/team", "on": ["alias.added"], "limits": limits}
            answer = await zoe.post(
                "/api/v1/automations", json=body | {"actions": [{"webhook": {"integration": "team/ci"}}]}
            )
            assert answer.status_code == 201, answer.text
    ids = {row["name"]: row["id"] for row in await home.rows("SELECT name, id FROM automation")}
    batch = at(await home.emit(times=2), 0, 1)
    assert len(await decided(home, batch)) == 3
    await home.client.patch(f"/api/v1/automations/{ids['disabled']}", json={"enabled": False})
    await home.client.delete(f"/api/v1/automations/{ids['deleted']}")
    await home.client.put("/api/v1/teams/team/members/zoe", json={"role": "viewer"})
    assert await released(home) == []
    for name, reason in (("disabled", "disabled"), ("deleted", "deleted"), ("orphaned", "author")):
        assert await said(home, batch[1:], ids[name]) == [reason]
    assert await home.rows("SELECT FROM automation_limit WHERE held_event IS NOT NULL") == []


async def test_webhooks_and_slack_that_meet_shuffled_and_redelivered_batches_decide_and_count_once(
    home: Tenant,
) -> None:
    await home.channel()
    both = [{"webhook": {"integration": "team/ci"}}, {"slack": {"integration": "team/ml-ops", "text": "${alias}"}}]
    limits: list[dict[str, Any] | None] = [
        None,
        {"cooldown": "10m"},
        {"per_hour": 7},
        {"cooldown": "3m", "per_hour": 9, "coalesce": True},
    ]
    made = [
        await home.automation(f"number {place}", actions=both, **({"limits": each} if each else {}))
        for place, each in enumerate(limits)
    ]
    events = await home.emit(times=60)
    events = at(events, *range(60))
    others = {way: Database(home.api.runtime.database.url, pool_size=3) for way in (WEBHOOKS, SLACK)}

    async def plan(way: Way, turn: int) -> None:
        planner, chance = Planner(way, others[way], Catalogue()), random.Random(turn)
        batches = [events[start : start + 12] for start in range(0, 60, 12)] * 2
        for batch in batches:
            await handled(planner, chance.sample(batch, len(batch)))

    async def save() -> None:
        for turn in range(6):
            for each in made[1:3]:
                path = f"/api/v1/automations/{each['id']}"
                await home.client.patch(path, json={"description": f"turn {turn}"})
            await asyncio.sleep(0.02)

    try:
        await asyncio.gather(*(plan(way, turn) for way in others for turn in range(2)), save())
        await home.rows("UPDATE execution_due SET due_at = now()")
        for way, database in others.items():
            while await DueExecutions(way, database, Catalogue()).round():
                pass
    finally:
        for each in others.values():
            await each.close()
    fired = await home.rows("SELECT event_id, automation_id, revision FROM decision WHERE verdict = 'fire'")
    for place in range(2):
        sent = await home.rows("SELECT event_id, automation_id, revision FROM delivery WHERE action_index = $1", place)
        assert len(sent) == len(fired)
        assert {tuple(row.values()) for row in sent} == {tuple(row.values()) for row in fired}
    lanes = await home.rows("SELECT DISTINCT d.action_index, l.kind FROM delivery d JOIN lane l ON l.id = d.lane_id")
    assert {(row["action_index"], row["kind"]) for row in lanes} == {(0, "webhook"), (1, "slack")}
    assert len(await home.rows("SELECT FROM decision")) == 60 * len(made)
    times = {each.event.id: each.event.time for each in events if each.event is not None}
    free, cooling, hourly, _ = (
        sorted(times[row["event_id"]] for row in fired if row["automation_id"] == each["id"]) for each in made
    )
    counted = {row["automation_id"]: row["fires"] for row in await home.rows("SELECT * FROM automation_limit")}
    remembered = counted[made[1]["id"]]
    assert (len(free), len(hourly), counted[made[2]["id"]]) == (60, 7, hourly)
    assert cooling[-len(remembered) :] == remembered
    assert await home.rows("SELECT FROM decision WHERE verdict = 'deferred'") == []
    assert await home.rows("SELECT FROM execution_due") == []


async def handled(planner: Planner, batch: Sequence[Received]) -> None:
    """Plan as a feed does, which repeats a batch that has lost a race; a deadlock would be a fault here."""
    while True:
        try:
            return await planner.handle(batch)
        except asyncpg.SerializationError:
            continue


async def test_nothing_is_counted_of_a_batch_that_fails_or_that_somebody_else_decides_meanwhile(
    home: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    automation = (await home.automation(limits={"per_hour": 3}))["id"]
    batch = await home.emit(times=2)
    with pytest.raises(RuntimeError, match="crash"):
        async with home.api.runtime.database.transaction() as tx:
            assert len(await decide(tx, Catalogue(), batch, "webhook")) == 2
            raise RuntimeError("crash")
    assert await home.rows("SELECT FROM automation_limit") == []
    # Between counting and deciding, another planner sees the automation disabled, and decides without its limits.
    record = decisions_repository.record_decisions
    raced: list[int] = []

    async def overtaken(tx: Any, decisions: Any) -> Any:
        if not raced:
            raced.append(1)
            await home.client.patch(f"/api/v1/automations/{automation}", json={"enabled": False})
            assert await decided(home, batch[:1]) == []
            await home.client.patch(f"/api/v1/automations/{automation}", json={"enabled": True})
        return await record(tx, decisions)

    monkeypatch.setattr(decisions_repository, "record_decisions", overtaken)
    with pytest.raises(asyncpg.SerializationError, match="was decided by another"):
        await decided(home, batch)
    assert await home.rows("SELECT FROM automation_limit") == []
    assert len(await decided(home, batch)) == 1
    assert await said(home, batch) == ["disabled", "fire"]
    (row,) = await home.rows("SELECT fires FROM automation_limit")
    assert len(row["fires"]) == 1


async def test_what_a_newer_event_lets_through_is_skipped_when_its_author_has_lost_access(home: Tenant) -> None:
    await home.channel()
    both = [{"webhook": {"integration": "team/ci"}}, {"slack": {"integration": "team/ml-ops", "text": "${alias}"}}]
    limits = {"cooldown": "1h", "coalesce": True}
    async with home.api.as_key(await home.api.key_of("zoe", team="team")) as zoe:
        body = {"name": "z", "scope": "entity/team", "on": ["alias.added"], "limits": limits, "actions": both}
        made = (await zoe.post("/api/v1/automations", json=body)).json()
    first = at(await home.emit(times=2), 0, 1)
    await decided(home, first)
    await home.client.put("/api/v1/teams/team/members/zoe", json={"role": "viewer"})
    # Somebody else may save it, and what comes from now on is theirs.
    path = f"/api/v1/automations/{made['id']}"
    assert (await home.client.patch(path, json={"description": "mine"})).json()["revision"] == 2
    # The one that waited would fire at minute 60, and this one then be held back until minute 120.
    later = at([first[0], *await home.emit(times=1)], 0, 70)[1:]
    assert [each.revision for each in await decided(home, later)] == [2]
    assert await said(home, [*first, *later]) == ["fire", "author", "fire"]
    assert first[1].event is not None
    assert await home.rows("SELECT FROM execution_due WHERE event_id = $1", first[1].event.id) == []
    assert await home.rows("SELECT FROM automation_limit WHERE held_event IS NOT NULL") == []


@pytest.mark.parametrize(
    ("change", "minute"),
    [
        ({"limits": {"cooldown": "7m", "coalesce": True}}, 7),
        ({"limits": {"cooldown": "2h", "coalesce": True}}, 120),
        ({"limits": {"cooldown": "4m"}}, 5),
        ({"limits": None}, 5),
        ({"enabled": False}, 5),
        (None, 5),
        ({"description": "of no concern"}, 10),
    ],
)
async def test_what_waits_comes_up_when_the_limits_that_there_are_now_let_it_through(
    home: Tenant, change: dict[str, Any] | None, minute: int
) -> None:
    made = await home.automation(limits={"cooldown": "10m", "coalesce": True})
    first = at(await home.emit(times=2), 0, 5)
    await decided(home, first)
    path = f"/api/v1/automations/{made['id']}"
    answer = await (home.client.delete(path) if change is None else home.client.patch(path, json=change))
    assert answer.is_success
    (held,) = await home.rows("SELECT held_event, held_until FROM automation_limit")
    (due,) = await home.rows("SELECT event_id, due_at FROM execution_due")
    assert first[0].event is not None
    assert held["held_until"] == first[0].event.time + minute * MINUTE
    assert tuple(due.values()) == tuple(held.values())


@pytest.mark.parametrize(("change", "becomes"), [({"enabled": False}, "disabled"), (None, "deleted")])
async def test_what_waits_is_skipped_at_once_where_its_automation_is_switched_off_or_deleted(
    home: Tenant, change: dict[str, Any] | None, becomes: str
) -> None:
    made = await home.automation(limits={"cooldown": "30d", "coalesce": True})
    first = await home.emit(times=2)
    await decided(home, first)
    path = f"/api/v1/automations/{made['id']}"
    await (home.client.delete(path) if change is None else home.client.patch(path, json=change))
    worker = DueExecutions(WEBHOOKS, home.api.runtime.database, Catalogue())
    assert await worker.round()
    assert await said(home, first) == ["fire", becomes]


async def test_what_waits_goes_out_before_what_is_newer_once_the_limits_are_taken_away(home: Tenant) -> None:
    made = await home.automation(limits={"cooldown": "30d", "coalesce": True})
    first = await home.emit(times=2)
    await decided(home, first)
    await home.client.patch(f"/api/v1/automations/{made['id']}", json={"limits": None})
    worker = DueExecutions(WEBHOOKS, home.api.runtime.database, Catalogue())
    assert await worker.round()
    assert await said(home, first) == ["fire", "fire"]


async def test_what_waits_goes_on_waiting_where_its_automation_is_switched_off_and_on_again(home: Tenant) -> None:
    made = await home.automation(limits={"cooldown": "10m", "coalesce": True})
    await decided(home, await home.emit(times=2))
    (before,) = await home.rows("SELECT due_at FROM execution_due")
    for enabled in (False, True):
        await home.client.patch(f"/api/v1/automations/{made['id']}", json={"enabled": enabled})
    (after,) = await home.rows("SELECT due_at FROM execution_due")
    assert after == before


async def test_a_planner_that_counts_while_other_limits_are_saved_decides_by_those(
    home: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await home.automation(limits={"cooldown": "24h", "coalesce": True})
    batch = at(await home.emit(times=2), 0, 1)
    planner = Planner(WEBHOOKS, home.api.runtime.database, Catalogue())
    await planner.handle(batch[:1])
    apply = limiting.apply

    async def late(*given: Any) -> Any:
        monkeypatch.undo()
        await home.client.patch(f"/api/v1/automations/{made['id']}", json={"limits": None})
        return await apply(*given)

    monkeypatch.setattr(limiting, "apply", late)
    await handled(planner, batch)
    assert await said(home, batch) == ["fire", "fire"]


@pytest.mark.parametrize("change", [{"enabled": False}, None])
async def test_a_save_and_a_worker_that_has_taken_what_is_due_do_not_wait_for_each_other(
    home: Tenant, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any] | None
) -> None:
    made = await home.automation(limits={"cooldown": "10m", "coalesce": True})
    path = f"/api/v1/automations/{made['id']}"
    database = home.api.runtime.database
    await decided(home, at(await home.emit(times=2), 0, 1))
    assert (await home.client.post(f"{path}/replay", json={"types": ["alias.added"]})).is_success
    while await Replays(database).round():
        pass
    await home.rows("UPDATE execution_due SET due_at = now()")
    claim = decisions_repository.claim_limits
    reached, go = asyncio.Event(), asyncio.Event()

    async def slowly(*given: Any) -> Any:
        task = asyncio.current_task()
        if task is not None and task.get_name() == "worker":
            reached.set()
            await go.wait()
        return await claim(*given)

    monkeypatch.setattr(decisions_repository, "claim_limits", slowly)
    worker = asyncio.create_task(DueExecutions(WEBHOOKS, database, Catalogue()).round(), name="worker")
    await reached.wait()
    save = asyncio.create_task(home.client.delete(path) if change is None else home.client.patch(path, json=change))
    await asyncio.sleep(0.3)
    go.set()
    assert await worker  # a deadlock would have been this one's, or delayed the save by a second
    began = clock.monotonic()
    assert (await save).is_success
    assert clock.monotonic() - began < 0.9


async def works(tenant: Tenant, way: Way) -> None:
    """Take all that waits for a worker of the way, as if its time had come."""
    await tenant.rows("UPDATE execution_due SET due_at = now()")
    worker = DueExecutions(way, tenant.api.runtime.database, Catalogue())
    while await worker.round():
        pass


async def unplannable(*_: Any) -> Any:
    raise RuntimeError("it cannot be planned")


@pytest.mark.parametrize("gives_up_first", [True, False])
@pytest.mark.parametrize("is_replayed", [True, False])
async def test_what_one_worker_gives_up_is_carried_out_by_the_other_and_counted_once(
    home: Tenant, *, is_replayed: bool, gives_up_first: bool
) -> None:
    await home.channel()
    both = [{"webhook": {"integration": "team/ci"}}, {"slack": {"integration": "team/ml-ops", "text": "${alias}"}}]
    made = await home.automation(actions=both, limits={"cooldown": "1h", "coalesce": True})
    batch = at(await home.emit(times=2), 0, 1)
    held = batch[1].event
    assert held is not None
    if is_replayed:
        path = f"/api/v1/automations/{made['id']}/replay"
        assert (await home.client.post(path, json={"events": [str(held.id)]})).status_code == 202
        assert await Replays(home.api.runtime.database).round()
    else:
        await decided(home, batch)
    ways = [SLACK._replace(plan=unplannable), WEBHOOKS]
    for way in ways if gives_up_first else reversed(ways):
        await works(home, way)
    assert [(row["event_id"], row["action_index"]) for row in await home.rows("SELECT * FROM delivery")] == [
        (held.id, 0)
    ]
    assert await home.rows("SELECT FROM execution_due") == []
    shown = (await home.client.get("/api/v1/executions", params={"event": str(held.id)})).json()["items"]
    told = {each["kind"]: (each["status"], each["reason"]) for each in shown}
    assert told == {"webhook": ("pending", None), "slack": ("skipped", "failed")}
    if not is_replayed:
        (counted,) = await home.rows("SELECT cardinality(fires) AS fires, held_event FROM automation_limit")
        assert counted == {"fires": 2, "held_event": None}


async def test_what_all_workers_give_up_counts_for_nothing_and_says_so(home: Tenant) -> None:
    await home.channel()
    both = [{"webhook": {"integration": "team/ci"}}, {"slack": {"integration": "team/ml-ops", "text": "${alias}"}}]
    made = await home.automation(actions=both, limits={"cooldown": "10m", "coalesce": True})
    first = at(await home.emit(times=2), 0, 1)
    await decided(home, first)
    for way in (SLACK, WEBHOOKS):
        await works(home, way._replace(plan=unplannable))
    assert await said(home, first) == ["failed", "failed"]
    later = at([first[0], *await home.emit(times=1)], 0, 15)[1:]
    await decided(home, later)
    assert await said(home, later) == ["fire"]
    assert first[1].event is not None
    path = f"/api/v1/automations/{made['id']}/explain?event={first[1].event.id}"
    told = (await home.client.get(path)).json()
    assert (told["outcome"], told["reason"]) == ("skipped", "failed")
    assert "it cannot be planned" in told["said"]


async def test_what_was_given_up_by_one_is_not_carried_out_by_the_other_once_it_is_switched_off(home: Tenant) -> None:
    await home.channel()
    both = [{"webhook": {"integration": "team/ci"}}, {"slack": {"integration": "team/ml-ops", "text": "${alias}"}}]
    made = await home.automation(actions=both, limits={"cooldown": "1h", "coalesce": True})
    await decided(home, at(await home.emit(times=2), 0, 1))
    await works(home, SLACK._replace(plan=unplannable))
    await home.client.patch(f"/api/v1/automations/{made['id']}", json={"enabled": False})
    await works(home, WEBHOOKS)
    assert await home.rows("SELECT FROM delivery") == []
    assert await home.rows("SELECT FROM automation_limit WHERE held_event IS NOT NULL") == []


async def test_whatever_an_error_says_can_be_kept(home: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    await home.automation()
    why = Verdict("skipped", "condition_error", "no key 'a\0b\ud800'" + "x" * 10_000)
    monkeypatch.setattr("regista.automations.deciding.decisions.judge", verdict(why))
    batch = await home.emit()
    assert await decided(home, batch) == []
    (shown,) = await home.api.pages("/api/v1/executions", reason="condition_error")
    assert shown["error"].startswith("no key 'a\N{REPLACEMENT CHARACTER}b?'xxx")
    assert len(shown["error"]) == 2000


async def test_an_automation_of_somebody_who_has_lost_access_is_skipped_and_says_so(home: Tenant) -> None:
    body = {"name": "of zoe", "scope": "project/team/mnist", "on": ["alias.added"], "actions": [{"no_op": {}}]}
    async with home.api.as_key(await home.api.key_of("zoe", team="team")) as zoe:
        automation = (await zoe.post("/api/v1/automations", json=body)).json()
        assert automation["author_access"] is True
    path = f"/api/v1/automations/{automation['id']}"
    other = (await home.automation("of the admin"))["id"]

    async def verdict() -> tuple[str, str | None]:
        batch = await home.emit()
        await decided(home, batch)
        assert batch[0].event is not None
        rows = await home.rows("SELECT * FROM decision WHERE event_id = $1", batch[0].event.id)
        assert next(row["verdict"] for row in rows if row["automation_id"] == other) == "fire"
        (row,) = (row for row in rows if row["automation_id"] == automation["id"])
        return row["reason"] or row["verdict"], row["values"] and row["values"]["error"]

    async def access() -> list[bool]:
        shown = [await home.client.get(path), await home.client.get("/api/v1/automations")]
        return [shown[0].json()["author_access"], shown[1].json()["items"][0]["author_access"]]

    assert await verdict() == ("fire", None)
    member = "/api/v1/teams/team/members/zoe"
    await home.client.put(member, json={"role": "viewer"})
    reason, why = await verdict()
    assert reason == "author"
    assert "zoe is viewer" in str(why)
    assert "needs role member" in str(why)
    assert await access() == [False, False]
    await home.client.put(member, json={"role": "member"})
    assert (await verdict())[0] == "fire"
    await home.client.delete(member)
    assert (await verdict())[0] == "author"
    await home.client.put(member, json={"role": "admin"})
    await home.rows("UPDATE account SET deactivated_at = now() WHERE name = 'zoe'")
    assert (await verdict())[0] == "author"
    # A save by somebody who may is a new revision, without another difference; one more is none.
    for _ in range(2):
        saved = await home.client.patch(path, json={"name": "of zoe"})
        assert (saved.json()["revision"], saved.json()["author"], saved.json()["author_access"]) == (2, "admin", True)
    assert await access() == [True, True]
    assert (await verdict())[0] == "fire"
    await home.rows("UPDATE automation_revision SET author_id = NULL WHERE automation_id = $1", automation["id"])
    assert (await verdict())[0] == "author"
    # A program of the team may have automations too.
    await home.client.post("/api/v1/service-accounts", json={"name": "robot", "team": "team"})
    key = (await home.client.post("/api/v1/api-keys", json={"user": "robot"})).json()["key"]
    async with home.api.as_key(key) as robot:
        await robot.patch(path, json={"description": "by a program"})
    assert (await verdict())[0] == "fire"


def verdict(given: Verdict) -> Any:
    """Return what judges everything so."""

    def judge(*_: object) -> Verdict:
        return given

    return judge
