"""Metrics that are watched: from the lines of runs to events, without a bus around it."""

import json
import math
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import pytest

from regista.automations.catalogue import Catalogue
from regista.automations.watching.watcher import Watcher
from regista.tracking.lines import Stream, parse
from regista.tracking.publication import split
from regista_events import codec
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
    await watching(tenant, "elsewhere", scope="registry/model")
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
