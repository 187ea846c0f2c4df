"""Metrics that are watched: from the lines of runs to events, without a bus around it."""

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from regista.automations.catalogue import Catalogue
from regista.automations.watching import watcher as watching_module
from regista.automations.watching.alarms import Alarm
from regista.automations.watching.watch_repository import State
from regista.automations.watching.watcher import Sighting, Watcher
from regista.effects.planner import Planner
from regista.kit.db import Database, database
from regista.tracking.lines import Stream, parse
from regista.tracking.publication import split
from regista.webhooks.planning import WEBHOOKS
from regista_events import codec
from regista_events.metrics import MetricCause
from tests.support.metrics import Logging, fired, published
from tests.support.postgres import PostgresSession
from tests.support.stage import Tenant, second_tenant, staged

SETTLED: dict[str, Any] = {"test": "threshold", "name": "loss", "window": 3, "aggregate": "average", "comparison": "<"}


@pytest.fixture
async def tenant(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        yield tenant


def watcher(tenant: Tenant) -> Watcher:
    """Return a watcher that knows nothing yet, as one that has just been started."""
    return Watcher(tenant.api.runtime.database, Catalogue(), "http://test")


async def watching(tenant: Tenant, name: str = "settled", **given: Any) -> dict[str, Any]:
    metric = {**SETTLED, "value": 0.5, **given.pop("metric", {})}
    wanted = {
        "scope": f"project/{tenant.team}/mnist",
        "on": ["run.metric_triggered"],
        "trigger": {"metric": metric},
        "actions": [{"no_op": {}}],
    }
    return await tenant.automation(name, **{**wanted, **given})


async def drain(tenant: Tenant) -> None:
    """Let a new watcher take all that waits, in one batch, twice: a crash repeats."""
    for _ in range(2):
        await watcher(tenant).handle(await published(tenant))
    async with tenant.api.runtime.database.transaction() as tx:
        await tx.connection.execute("DELETE FROM metric_outbox")


def said(events: Sequence[dict[str, Any]]) -> list[tuple[str, str, list[float], float]]:
    return [
        (each["data"]["automation"]["name"], each["data"]["run"]["name"], each["data"]["values"], each["data"]["value"])
        for each in events
    ]


async def test_lines_are_published_once_in_order_and_with_their_numbers_alone(tenant: Tenant) -> None:
    run = await Logging(tenant, "r1").begin(display_name="a run")
    await run.log(
        {"loss": 1, "_step": 7, "val": {"acc": 0.5, "image": {"_type": "image-file", "size": 9}}, "text": "x"},
        {"text": "nothing else"},
        {"loss": math.nan, "flag": True, "low": "-Infinity", "huge": 10**400},
        system=[{"system.cpu": 31.5}],
    )
    await run.log({"loss": 2}, {"loss": 3}, {"loss": 4})
    # The last two come again, the first of them as another, and one that is new.
    await run.log({"loss": 99}, {"loss": 4}, {"loss": 5}, again=2)
    await run.log({"loss": 5}, again=1)
    await run.log(uploaded=[])
    async with tenant.api.runtime.database.transaction() as tx:
        await tx.connection.execute(
            "UPDATE run SET tags = ARRAY(SELECT repeat('x', 64) || n FROM generate_series(1, 9999) n)"
        )
    await run.losses(6)
    first, second, third, tagged = [each.event for each in await published(tenant) if each.event is not None]
    assert [line.model_dump() for line in first.lines if line.kind == "system"] == [
        {"metrics": {"system.cpu": 31.5}, "step": None, "kind": "system"}
    ]
    history = [(line.step, line.metrics) for line in first.lines if line.kind == "history"]
    assert history[0] == (7, {"loss": 1, "_step": 7, "val.acc": 0.5})
    assert history[1][0] == 2
    assert math.isnan(history[1][1].pop("loss"))
    assert history[1:] == [(2, {"low": -math.inf, "huge": math.inf})]
    assert [line.metrics["loss"] for each in (second, third) for line in each.lines] == [2, 3, 4, 5]
    assert first.number < second.number < third.number < tagged.number
    assert tagged.run.tags == []
    assert first.run.display_name == "a run"
    assert (first.source, first.run.project_id) == ("/orgs/home", tenant.ids["project"])
    (row,) = await tenant.rows("SELECT aggregate_id, organization_id FROM metric_batch WHERE id = $1", first.id)
    assert (str(row["aggregate_id"]), row["organization_id"]) == (first.partitionkey, tenant.organization_id)


def test_what_is_too_large_for_one_batch_goes_in_several_and_no_number_is_lost() -> None:
    texts = [json.dumps({f"metric {name}": name * line for name in range(20 * line)}) for line in range(1, 30)]
    lines = list(parse(Stream.HISTORY, 0, texts))
    parts = split({Stream.HISTORY: lines}, most=2000)
    assert len(parts) > 20
    assert all(sum(len(line) + 1 for line in part) <= 2001 for part in parts)
    found: dict[int, dict[str, float]] = {}
    for line in (json.loads(line) for part in parts for line in part):
        assert not found.get(line["step"], {}).keys() & line["metrics"].keys()
        found.setdefault(line["step"], {}).update(line["metrics"])
    assert list(found) == list(range(29))
    assert list(found.values()) == [json.loads(text) for text in texts]


async def test_a_metric_that_passes_is_announced_once_in_a_day_for_each_run(tenant: Tenant) -> None:
    made = await watching(tenant)
    one = await Logging(tenant, "one").begin()
    other = await Logging(tenant, "other").begin()
    await one.losses(0.1, 0.1)
    await drain(tenant)
    assert await fired(tenant) == []
    # The window goes on where another watcher has left it, and is full with one value more.
    await one.losses(9, 0.2, 0.3, 0.4, 0.1)
    await other.losses(0, 0, 0)
    await drain(tenant)
    events = await fired(tenant)
    assert sorted(said(events)) == [
        ("settled", "one", [0.2, 0.3, 0.4], pytest.approx(0.3)),
        ("settled", "other", [0, 0, 0], 0),
    ]
    (event,) = [each for each in events if each["data"]["run"]["name"] == "one"]
    decoded = codec.decode(json.dumps(event).encode())
    assert (decoded.subject, decoded.actortype, decoded.causationid) == ("team/mnist/runs/one", "system", None)
    assert event["data"]["automation"]["id"] == made["id"]
    assert event["data"]["trigger"] == {
        "kind": "threshold",
        "comparison": "<",
        "threshold": 0.5,
        "aggregation": "average",
        "window": 3,
        "prior_window": None,
        "relative": False,
    }
    (run,) = await tenant.rows("SELECT aggregate_id FROM run WHERE name = 'one'")
    assert (event["partitionkey"], event["sequence"]) == (str(run["aggregate_id"]), 2)
    await one.losses(0, 0, 0)
    await drain(tenant)
    assert len(await fired(tenant)) == 2
    async with tenant.api.runtime.database.transaction() as tx:
        await tx.connection.execute("UPDATE metric_watch SET fired_at = fired_at - interval '24 hours'")
    await one.losses(0.25)
    await drain(tenant)
    assert said(await fired(tenant))[2:] == [("settled", "one", [0, 0, 0.25], pytest.approx(0.25 / 3))]


async def test_it_is_announced_for_the_runs_that_are_meant_and_for_no_others(tenant: Tenant) -> None:
    rival = await second_tenant(tenant.api)
    await watching(tenant, "named", where='run.display_name == "mine"')
    await watching(tenant, "valued", where="value < 0.2")
    other = await tenant.client.post(f"/api/v1/projects/{tenant.team}", json={"name": "other"})
    assert other.status_code == 201, other.text
    await watching(tenant, "elsewhere", scope=f"project/{tenant.team}/other")
    await watching(tenant, "all", scope="org")
    await watching(tenant, "team", scope=f"entity/{tenant.team}", metric={"name": "cpu"})
    await watching(rival, "rival")
    mine = await Logging(tenant, "mine").begin(display_name="mine")
    theirs = await Logging(tenant, "theirs").begin(display_name="theirs")
    gone = await Logging(tenant, "gone").begin(display_name="mine")
    for run in (mine, theirs, gone):
        await run.losses(0.4, 0.4, 0.4, 0.4)
    await mine.log(system=[{"system.cpu": 0.0}] * 3)
    deleted = await tenant.client.delete(f"/api/v1/projects/{tenant.team}/mnist/runs/gone")
    assert deleted.status_code == 204
    await drain(tenant)
    assert sorted((automation, run) for automation, run, _, _ in said(await fired(tenant))) == [
        ("all", "mine"),
        ("all", "theirs"),
        ("named", "mine"),
        ("team", "mine"),
    ]
    # A condition on the value holds for a later one; a run that is called otherwise by now is another.
    renamed = await tenant.client.patch(
        f"/api/v1/projects/{tenant.team}/mnist/runs/theirs", json={"display_name": "mine"}
    )
    assert renamed.status_code == 200, renamed.text
    await theirs.losses(0, 0.2, 0)
    await drain(tenant)
    assert sorted((automation, run) for automation, run, _, _ in said(await fired(tenant))[4:]) == [
        ("named", "theirs"),
        ("valued", "theirs"),
    ]


async def test_a_disabled_automation_looks_on_and_a_changed_test_begins_anew(tenant: Tenant) -> None:
    made = await watching(tenant, enabled=False)
    path = f"/api/v1/automations/{made['id']}"
    run = await Logging(tenant, "r1").begin()
    await run.losses(0, 0, 0)
    await drain(tenant)
    assert await fired(tenant) == []
    assert (await tenant.client.patch(path, json={"enabled": True, "description": "on"})).status_code == 200
    await run.losses(0.3)
    await drain(tenant)
    assert [values for _, _, values, _ in said(await fired(tenant))] == [[0, 0, 0.3]]
    # Another description is the same test; another threshold is another, of which nothing is known.
    assert (await tenant.client.patch(path, json={"description": "the same"})).status_code == 200
    await run.losses(0)
    await drain(tenant)
    assert len(await fired(tenant)) == 1
    changed = {"trigger": {"metric": {**SETTLED, "value": 0.4}}}
    assert (await tenant.client.patch(path, json=changed)).status_code == 200
    await run.losses(0.1, 0.2)
    await drain(tenant)
    assert len(await fired(tenant)) == 1
    await run.losses(0.3)
    await drain(tenant)
    (event,) = (await fired(tenant))[1:]
    assert (event["data"]["values"], event["data"]["revision"]) == ([0.1, 0.2, 0.3], 4)
    # A deleted one never fires again, and what nobody watches costs no row.
    assert (await tenant.client.delete(path)).status_code == 204
    await (await Logging(tenant, "r2").begin()).losses(0, 0, 0)
    await drain(tenant)
    assert len(await fired(tenant)) == 2
    assert await tenant.rows("SELECT count(*) FROM metric_watch") == [{"count": 1}]


async def test_lines_from_long_before_an_automation_was_made_are_not_its_own(tenant: Tenant) -> None:
    run = await Logging(tenant, "r1").begin()
    await run.losses(0, 0, 0)
    await watching(tenant)
    async with tenant.api.runtime.database.transaction() as tx:
        await tx.connection.execute("UPDATE automation SET created_at = created_at + interval '10 minutes'")
        await tx.connection.execute("UPDATE automation_catalogue SET version = version + 1")
    await drain(tenant)
    assert await fired(tenant) == []


async def test_a_threshold_that_no_metric_reaches_is_refused_and_nothing_is_saved(tenant: Tenant) -> None:
    kept = await watching(tenant)
    huge = "1" + "0" * 400
    change = json.dumps({"trigger": {"metric": {**SETTLED, "value": 0}}}).replace('"value": 0', f'"value": {huge}')
    whole = (
        f'{{"name": "huge", "scope": "org", "on": "run.metric_triggered", "actions": [{{"no_op": {{}}}}], {change[1:]}'
    )
    path, json_body = "/api/v1/automations", {"Content-Type": "application/json"}
    for refused in (
        await tenant.client.post(path, content=whole, headers=json_body),
        await tenant.client.patch(f"{path}/{kept['id']}", content=change, headers=json_body),
    ):
        assert refused.status_code == 422, refused.text
        problem = refused.json()
        assert (problem["code"], problem["field"]) == ("invalid", "trigger")
        assert "metric.value is an integer of about 401 digits: metrics are 64-bit floats; use" in problem["detail"]
    (row,) = await tenant.rows("SELECT count(*) AS count FROM automation_revision")
    assert row["count"] == 1


class Interrupted(Watcher):
    """Lets something happen, once, between what it has read and what it writes."""

    def __init__(self, tenant: Tenant, happens: Callable[[], Awaitable[Any]], on: Database | None = None) -> None:
        super().__init__(on or tenant.api.runtime.database, Catalogue(), "http://test")
        self._happens = happens
        self.looks = 0

    async def _see(self, state: State, found: Sequence[Sighting]) -> Alarm | None:
        self.looks += 1
        if self.looks == 1:
            await self._happens()
        return await super()._see(state, found)


async def test_what_takes_its_time_is_done_before_the_transaction_that_would_end_meanwhile(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watching(tenant)
    await (await Logging(tenant, "r1").begin()).losses(0, 0, 0)
    monkeypatch.setattr(database, "TRANSACTION_SECONDS", 1)
    hasty = Database(tenant.api.runtime.database.url, pool_size=1)
    try:
        slow = Interrupted(tenant, lambda: asyncio.sleep(1.5), hasty)
        await slow.handle(await published(tenant))
    finally:
        await hasty.close()
    assert slow.looks == 1
    assert len(await fired(tenant)) == 1


async def test_whatever_another_watcher_has_seen_meanwhile_is_not_seen_twice(tenant: Tenant) -> None:
    await watching(tenant)
    run = await Logging(tenant, "r1").begin()
    await run.losses(0.1, 0.2)
    await run.losses(0.3)
    batch = await published(tenant)
    late = Interrupted(tenant, lambda: watcher(tenant).handle(batch[:1]))
    await late.handle(batch)
    assert late.looks == 2
    assert said(await fired(tenant)) == [("settled", "r1", [0.1, 0.2, 0.3], pytest.approx(0.2))]
    late = Interrupted(tenant, lambda: watcher(tenant).handle(batch))
    await late.handle(batch)
    (row,) = await tenant.rows("SELECT points FROM metric_watch")
    assert (late.looks, row["points"], len(await fired(tenant))) == (1, [0.2, 0.3], 1)


@pytest.mark.parametrize("change", ["patch", "delete"])
async def test_an_automation_that_is_saved_meanwhile_is_judged_as_it_is_now(tenant: Tenant, change: str) -> None:
    path = f"/api/v1/automations/{(await watching(tenant))['id']}"
    stricter = {"trigger": {"metric": {**SETTLED, "value": 0.05}}}

    async def saved() -> None:
        answer = await (tenant.client.patch(path, json=stricter) if change == "patch" else tenant.client.delete(path))
        assert answer.status_code < 300, answer.text

    run = await Logging(tenant, "r1").begin()
    await run.losses(0.1, 0.1, 0.1)
    await Interrupted(tenant, saved).handle(await published(tenant))
    assert await fired(tenant) == []


async def test_a_long_run_leaves_others_their_turn_and_fires_at_the_value_that_passes(tenant: Tenant) -> None:
    """An offline run that is synced: 12,000 lines at once, and the longest window."""
    await watching(tenant, "long", metric={"window": 10_000, "value": 0.2, "comparison": "<="})
    strange = {"test": "zscore", "name": "loss", "window": 10_000, "direction": "any", "value": 50}
    await watching(tenant, "strange", trigger={"metric": strange})
    run = await Logging(tenant, "r1").begin()
    await run.losses(*[0.2 + 0.01 * (-1) ** place for place in range(10_001)], 0.2, *[0.2] * 1998, 99)
    batch = await published(tenant)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    try:
        await watcher(tenant).handle(batch)
    finally:
        task.cancel()
    assert turns > 2 * 12
    found = {each["data"]["automation"]["name"]: each["data"] for each in await fired(tenant)}
    assert found["strange"]["step"] == 12_000
    assert (found["strange"]["value"] > 50, len(found["strange"]["values"])) == (True, 10_001)
    # The mean of as many above as below is no rounding error away.
    assert (found["long"]["step"], found["long"]["value"]) == (9999, pytest.approx(0.2))


@pytest.mark.parametrize("named", ["on every request", "where the run begins"])
async def test_a_chain_through_metrics_ends_where_it_meets_its_automation_again(tenant: Tenant, named: str) -> None:
    db, runtime = tenant.api.runtime.database, tenant.api.runtime
    await tenant.webhook("http://127.0.0.1:9/hook")
    made = await watching(tenant, actions=[{"webhook": {"integration": f"{tenant.team}/ci"}}])
    await (await Logging(tenant, "first").begin()).losses(0, 0, 0)
    await drain(tenant)
    (first,) = [codec.decode(json.dumps(each).encode()) for each in await fired(tenant)]
    await Planner(WEBHOOKS, db, Catalogue()).handle([await tenant.received(first.id)])
    (delivery,) = await tenant.rows("SELECT id FROM delivery")
    # The receiver begins another run and says why; a client that logs says nothing.
    tenant.client.headers["Regista-Cause"] = str(delivery["id"])
    second = await Logging(tenant, "second").begin()
    if named == "where the run begins":
        del tenant.client.headers["Regista-Cause"]
    await second.losses(0, 0, 0)
    (batch,) = [each.event for each in await published(tenant) if each.event is not None]
    cause = MetricCause(causationid=first.id, correlationid=first.id, hops=0, automations=[made["id"]])
    assert batch.cause == (cause if named == "on every request" else None)
    await drain(tenant)
    again = [codec.decode(json.dumps(each).encode()) for each in await fired(tenant)][1]
    assert (again.causationid, again.correlationid, again.hops) == (first.id, first.id, 1)
    assert again.automations == str(made["id"])
    await Planner(WEBHOOKS, runtime.database, Catalogue()).handle([await tenant.received(again.id)])
    decided = await tenant.rows("SELECT verdict, reason FROM decision WHERE event_id = $1", again.id)
    assert decided == [{"verdict": "skipped", "reason": "loop"}]
    assert len(await tenant.rows("SELECT id FROM delivery")) == 1


async def test_a_condition_that_fails_on_a_run_is_told_once_and_fires_when_it_holds_after_all(tenant: Tenant) -> None:
    await watching(tenant, where='run.tags[0] == "gold"', metric={"window": 1, "aggregate": None})
    run = await Logging(tenant, "r1").begin()
    same = watcher(tenant)
    planner = Planner(WEBHOOKS, tenant.api.runtime.database, Catalogue())
    for losses in ((0.4,), (0.3,)):
        await run.losses(*losses)
        await same.handle(await published(tenant))
    (failed,) = await fired(tenant)
    assert failed["data"]["value"] == 0.4
    await planner.handle([await tenant.received(UUID(failed["id"]))])
    (execution,) = await tenant.api.pages("/api/v1/executions")
    assert (execution["status"], execution["reason"]) == ("skipped", "condition_error")
    await tenant.rows("UPDATE run SET tags = ARRAY['gold']")
    await run.losses(0.2)
    await same.handle(await published(tenant))
    assert [each["data"]["value"] for each in await fired(tenant)] == [0.4, 0.2]


async def test_a_threshold_is_a_float_in_conditions_however_large_its_integer_is(tenant: Tenant) -> None:
    await watching(tenant, where="threshold > 1.0", metric={"window": 1, "aggregate": None, "value": 2**65})
    run = await Logging(tenant, "r1").begin()
    await run.losses(0.1)
    await drain(tenant)
    assert [each["data"]["threshold"] for each in await fired(tenant)] == [float(2**65)]


async def test_a_batch_that_somebody_else_s_saves_keep_changing_is_done_for_all_others_at_once(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watching(tenant, "still", metric={"window": 1, "aggregate": None})
    saved = await watching(tenant, "saved", metric={"window": 1, "aggregate": None})
    run = await Logging(tenant, "r1").begin()
    await run.losses(0.4)
    write, passes = Watcher._write, []  # pyright: ignore[reportPrivateUsage] - what is to be interrupted

    async def interrupted(*given: Any) -> Any:
        passes.append(len(given[2]))
        if len(passes) < 4:
            metric = {**SETTLED, "window": 1, "aggregate": None, "value": 0.5 + len(passes)}
            await tenant.client.patch(f"/api/v1/automations/{saved['id']}", json={"trigger": {"metric": metric}})
        return await write(*given)

    monkeypatch.setattr(Watcher, "_write", interrupted)
    await watcher(tenant).handle(await published(tenant))
    assert passes == [2, 1, 1, 1]
    assert sorted(each[0] for each in said(await fired(tenant))) == ["saved", "still"]


async def test_values_of_one_test_are_not_judged_by_another_that_is_saved_amid_a_batch(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await watching(tenant, metric={"comparison": ">", "value": 9000})
    run = await Logging(tenant, "r1").begin()
    await run.log({"loss": 5000})
    await run.log({"lr": 1})
    batches = await published(tenant)
    assert len(batches) == 2
    catalogue = Catalogue()
    same = Watcher(tenant.api.runtime.database, catalogue, "http://test")
    series, raced = watching_module.series, []

    def raced_series(*given: Any) -> Any:
        raced.append(given[1])
        return series(*given)

    monkeypatch.setattr(watching_module, "series", raced_series)
    sleep = asyncio.sleep

    async def meanwhile(seconds: float) -> None:
        if raced == ["loss"]:
            raced.append("saved")
            metric = {**SETTLED, "name": "lr", "comparison": ">", "value": 1000}
            await tenant.client.patch(f"/api/v1/automations/{made['id']}", json={"trigger": {"metric": metric}})
            async with tenant.api.runtime.database.transaction() as tx:
                await catalogue.refresh(tx)
        await sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", meanwhile)
    await same.handle(batches)
    monkeypatch.undo()
    await run.log({"lr": 2})
    await run.log({"lr": 3})
    await same.handle(await published(tenant))
    assert "saved" in raced
    assert await fired(tenant) == []
