import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from regista.automations import repository
from regista.automations.catalogue import Catalogue
from regista.automations.deciding.decisions import Execution, decide
from regista.effects.due import DueExecutions
from regista.effects.planner import Planner
from regista.kit.bus.model import Received
from regista.kit.db import Database
from regista.slack.planning import SLACK
from regista.webhooks.planning import WEBHOOKS
from tests.support.postgres import PostgresSession
from tests.support.stage import Tenant, second_tenant, staged


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        await tenant.webhook("http://127.0.0.1:9/hook")
        yield tenant


async def decided(
    tenant: Tenant, catalogue: Catalogue, batch: Sequence[Received], kind: str = "webhook"
) -> list[Execution]:
    async with tenant.api.runtime.database.transaction() as tx:
        return await decide(tx, catalogue, batch, kind)


async def ledger(tenant: Tenant) -> list[dict[str, Any]]:
    return await tenant.rows("SELECT event_id, automation_id, revision, verdict, reason FROM decision")


async def executions(tenant: Tenant) -> list[dict[str, Any]]:
    return (await tenant.client.get("/api/v1/executions")).json()["items"]


SCOPES = (
    "org",
    "entity/team",
    "project/team/mnist",
    "collection/team/mnist/MNIST",
    "entity/home-org",
    "registry/model",
    "collection/home-org/wandb-registry-model/MNIST",
    "project/home-org/wandb-registry-model",
)


async def test_each_scope_meets_the_events_in_it_and_no_others(home: Tenant) -> None:
    made = {scope: (await home.automation(scope.replace("/", "-"), scope=scope))["id"] for scope in SCOPES}
    catalogue = Catalogue()
    in_team = await decided(home, catalogue, await home.emit(data=home.place("collection")))
    in_registry = await decided(home, catalogue, await home.emit(data=home.place("model")))
    assert {each.automation_id for each in in_team} == {made[scope] for scope in SCOPES[:4]}
    assert {each.automation_id for each in in_registry} == {made["org"], *(made[scope] for scope in SCOPES[4:])}


async def test_a_collection_born_after_the_automation_is_included(home: Tenant) -> None:
    await home.automation(scope="project/team/mnist")
    born_later = {"collection": home.place()["collection"] | {"id": 10_000}}
    assert len(await decided(home, Catalogue(), await home.emit(data=born_later))) == 1


async def test_an_automation_is_in_force_for_every_event_after_its_creation_returned(home: Tenant) -> None:
    catalogue = Catalogue()
    assert await decided(home, catalogue, await home.emit()) == []
    for number in range(5):
        await home.automation(f"number {number}")
        fired = await decided(home, catalogue, await home.emit())
        assert len(fired) == number + 1


async def test_an_event_whose_transaction_was_open_while_the_automation_was_made_is_not_missed(home: Tenant) -> None:
    catalogue = Catalogue()
    await decided(home, catalogue, await home.emit())
    async with home.api.runtime.database.transaction(home.origin) as tx:
        event_id = await home.append(tx)
        await home.automation()
    received = await home.received(event_id)
    assert received.event is not None
    (fired,) = await decided(home, catalogue, [received])
    assert fired.event.id == event_id


async def test_an_automation_whose_save_is_not_committed_is_not_in_force(home: Tenant) -> None:
    automation = await home.automation(enabled=False)
    catalogue = Catalogue()
    async with home.api.runtime.database.transaction() as tx:
        version = await repository.bump_catalogue(tx)
        await tx.connection.execute("UPDATE automation SET enabled = true, changed = $1", version)
        assert await decided(home, catalogue, await home.emit()) == []
    (fired,) = await decided(home, catalogue, await home.emit())
    assert fired.automation_id == automation["id"]


async def test_what_is_disabled_is_skipped_with_its_reason_and_fires_again_when_enabled(home: Tenant) -> None:
    catalogue = Catalogue()
    automation = await home.automation()
    path = f"/api/v1/automations/{automation['id']}"
    await home.client.patch(path, json={"enabled": False})
    assert await decided(home, catalogue, await home.emit()) == []
    assert [(row["verdict"], row["reason"]) for row in await ledger(home)] == [("skipped", "disabled")]
    await home.client.patch(path, json={"enabled": True})
    assert len(await decided(home, catalogue, await home.emit())) == 1


async def test_what_is_deleted_never_fires_again_also_for_an_event_that_was_waiting(home: Tenant) -> None:
    catalogue = Catalogue()
    automation = await home.automation()
    waiting = await home.emit()
    assert (await home.client.delete(f"/api/v1/automations/{automation['id']}")).status_code == 204
    assert await decided(home, catalogue, waiting) == []
    assert await ledger(home) == []


@pytest.mark.parametrize(
    ("event", "stored", "said"),
    [
        ("alias.added", """limits = '{"per_day": 3, "cooldown": "10m"}'""", "limits.per_day"),
        (
            "run.metric_triggered",
            """ "trigger" = '{"metric": {"test": "quantile", "name": "x", "window": 2}}' """,
            "'quantile'",
        ),
        ("alias.added", """actions = '[{"webhook": {"integration": "team/ci"}}, {"carrier_pigeon": {}}]',
                           integration_ids = integration_ids || NULL::bigint""", None),
    ],
)  # fmt: skip
async def test_what_another_version_saved_is_skipped_with_its_reason_and_hinders_nobody_else(
    home: Tenant, event: str, stored: str, said: str | None
) -> None:
    rival = await second_tenant(home.api)
    await rival.webhook("http://127.0.0.1:9/hook")
    strange = await rival.automation("strange", on=[event])
    await home.automation("plain", on=[event])
    await home.rows(f"UPDATE automation_revision SET {stored} WHERE automation_id = $1", strange["id"])
    catalogue = Catalogue()
    with capture_logs() as logs:
        for _ in range(2):
            assert len(await decided(home, catalogue, await home.emit(event, data={}))) == 1
    found = await decided(home, catalogue, await rival.emit(event, data={}))
    told = [(each["automation"], each["revision"]) for each in logs if each["event"] == "automation_unreadable"]
    shown = [(each["status"], each["reason"]) for each in await executions(rival)]
    if said is None:
        # What nobody here can carry out waits for whoever can.
        assert ([each.action.kind for each in found], told) == (["webhook"], [])
        assert shown == [("pending", None)] * 2
        return
    assert found == []
    assert told == [(strange["id"], 1)]
    assert shown == [("skipped", "unreadable")]
    (execution,) = await executions(rival)
    assert said in execution["error"]
    path = f"/api/v1/automations/{strange['id']}/explain?event={execution['event_id']}"
    explained = (await rival.client.get(path)).json()
    assert (explained["outcome"], explained["reason"]) == ("skipped", "unreadable")
    assert said in explained["said"]


async def test_a_metric_that_passed_the_test_of_another_revision_fires_only_what_asks_the_same(home: Tenant) -> None:
    test = {"name": "loss", "test": "threshold", "window": 1, "comparison": "<", "value": 1}
    made = await home.automation(on=["run.metric_triggered"], trigger={"metric": test})
    path = f"/api/v1/automations/{made['id']}"

    async def passed(revision: int) -> list[int]:
        about = {"automation": {"id": made["id"]}, "revision": revision}
        event = await home.emit("run.metric_triggered", data=about)
        fired = [each.revision for each in await decided(home, Catalogue(), event)]
        (each,) = event
        assert each.event is not None
        told = (await home.client.get(f"{path}/explain?event={each.event.id}")).json()
        assert told["outcome"] == ("fire" if fired else "unconcerned"), told
        return fired

    assert await passed(1) == [1]
    # Another name, and the same test in other words.
    await home.client.patch(path, json={"description": "the same"})
    await home.client.patch(path, json={"trigger": {"metric": {**test, "value": 1.0, "aggregate": None}}})
    assert [await passed(revision) for revision in (1, 2, 3)] == [[3], [3], [3]]
    await home.client.patch(path, json={"trigger": {"metric": {**test, "value": 0.01}}})
    await home.client.patch(path, json={"description": "stricter"})
    assert [await passed(revision) for revision in (1, 3, 4, 5)] == [[], [], [5], [5]]


async def test_a_redelivered_event_is_decided_once_and_keeps_its_revision(home: Tenant) -> None:
    catalogue = Catalogue()
    await home.webhook("http://127.0.0.1:9/other", "other")
    automation = await home.automation()
    batch = await home.emit()
    (first,) = await decided(home, catalogue, batch)
    changed = await home.client.patch(
        f"/api/v1/automations/{automation['id']}", json={"actions": [{"webhook": {"integration": "team/other"}}]}
    )
    assert changed.json()["revision"] == 2
    for again in (catalogue, Catalogue()):
        (repeated,) = await decided(home, again, [*batch, *batch])
        assert (repeated.revision, repeated.action) == (1, first.action)
    (fresh,) = await decided(home, catalogue, await home.emit())
    assert fresh.revision == 2
    assert fresh.action.lane_id != first.action.lane_id
    assert len(await ledger(home)) == 2


async def test_a_decision_to_skip_holds_after_the_automation_is_enabled(home: Tenant) -> None:
    automation = await home.automation(enabled=False)
    batch = await home.emit()
    assert await decided(home, Catalogue(), batch) == []
    await home.client.patch(f"/api/v1/automations/{automation['id']}", json={"enabled": True})
    assert await decided(home, Catalogue(), batch) == []


async def test_planners_that_meet_the_same_events_at_once_agree_on_one_decision_each(home: Tenant) -> None:
    for number in range(3):
        await home.automation(f"number {number}")
    batch = await home.emit(times=40)
    others = [Database(home.api.runtime.database.url, pool_size=2) for _ in range(4)]

    async def planner(database: Database, turn: int) -> set[tuple[Any, int, int]]:
        ordered = batch if turn % 2 else batch[::-1]

        async def command(tx: Any) -> set[tuple[Any, int, int]]:
            return {
                (each.event.id, each.automation_id, each.revision)
                for each in await decide(tx, Catalogue(), ordered, "webhook")
            }

        return await database.run(command)

    try:
        found = await asyncio.gather(*(planner(database, turn) for turn, database in enumerate(others)))
    finally:
        for database in others:
            await database.close()
    assert all(each == found[0] for each in found)
    assert len(found[0]) == len(await ledger(home)) == 120


async def test_what_a_rolled_back_batch_decided_is_decided_anew(home: Tenant) -> None:
    await home.automation()
    batch = await home.emit()
    catalogue = Catalogue()
    with pytest.raises(RuntimeError, match="crash"):
        async with home.api.runtime.database.transaction() as tx:
            assert len(await decide(tx, catalogue, batch, "webhook")) == 1
            raise RuntimeError("crash")
    assert await ledger(home) == []
    assert len(await decided(home, catalogue, batch)) == 1


async def test_a_chain_that_is_sixteen_deep_is_cut_and_said_to_be(home: Tenant) -> None:
    await home.automation()
    catalogue = Catalogue()
    assert len(await decided(home, catalogue, await home.emit(hops=15))) == 1
    assert await decided(home, catalogue, await home.emit(hops=16)) == []
    assert {(row["verdict"], row["reason"]) for row in await ledger(home)} == {("fire", None), ("skipped", "loop")}


async def test_nothing_is_written_where_no_automation_is_concerned(home: Tenant) -> None:
    await home.automation(scope="registry/model")
    assert await decided(home, Catalogue(), await home.emit(times=10)) == []
    assert await ledger(home) == []


async def test_each_action_of_what_was_decided_is_carried_out_once_whatever_is_saved_in_between(home: Tenant) -> None:
    await home.channel()
    webhook, slack = {"webhook": {"integration": "team/ci"}}, {"slack": {"integration": "team/ml-ops"}}
    both = {"actions": [webhook, {"no_op": {}}, slack]}
    database = home.api.runtime.database
    ways = {way.kind: Planner(way, database, Catalogue()) for way in (WEBHOOKS, SLACK)}
    names = ("as it was", "less", "elsewhere", "off", "gone")
    made = {name: (await home.automation(name, **both))["id"] for name in names}
    made["more"] = (await home.automation("more", actions=[slack]))["id"]
    path = "/api/v1/automations/"
    (event,) = batch = await home.emit()
    await ways["webhook"].handle(batch)  # by revision 1 of all but "more", which is no concern of it
    for name, changes in {
        "less": {"actions": [webhook]},
        "elsewhere": {"scope": "registry/model"},
        "off": {"enabled": False},
        "more": both,
    }.items():
        assert (await home.client.patch(f"{path}{made[name]}", json=changes)).status_code == 200
    assert (await home.client.delete(f"{path}{made['gone']}")).status_code == 204
    for _ in range(2):
        await ways["slack"].handle(batch)
    # Neither has seen all of it, and nobody is in a hurry: what was met is done, and the rest left to the workers.
    assert event.event is not None
    left = await home.rows("SELECT kind, automation_id FROM execution_due ORDER BY kind, automation_id")
    by_workers = [
        ("slack", made["less"]),
        ("slack", made["elsewhere"]),
        ("slack", made["gone"]),
        ("webhook", made["more"]),
    ]
    assert [tuple(row.values()) for row in left] == by_workers
    for turn in range(2):
        await home.rows("UPDATE execution_due SET due_at = now()")
        for way in (WEBHOOKS, SLACK):
            while await DueExecutions(way, database, Catalogue()).round():
                pass
        for planner in ways.values() if turn == 0 else ():
            await planner.handle(batch)
    assert await home.rows("SELECT FROM execution_due") == []
    assert {(row["automation_id"], row["revision"], row["verdict"]) for row in await ledger(home)} == {
        (number, 2 if name == "more" else 1, "fire") for name, number in made.items()
    }
    sent = await home.rows("SELECT automation_id, action_index, revision FROM delivery ORDER BY 1, 2")
    assert [tuple(row.values()) for row in sent] == [
        (number, place, 2 if name == "more" else 1) for name, number in made.items() for place in (0, 2)
    ]


async def test_another_kind_of_action_is_not_decided_for(home: Tenant) -> None:
    await home.automation()
    assert await decided(home, Catalogue(), await home.emit(), kind="slack") == []
    assert await ledger(home) == []


async def test_organizations_with_the_same_names_never_meet_each_others_events(home: Tenant) -> None:
    rival = await second_tenant(home.api)
    await rival.webhook("http://127.0.0.1:9/rival")
    mine = {(await home.automation(f"a{n}", scope=scope))["id"] for n, scope in enumerate(("org", "entity/team"))}
    theirs = {
        (await rival.automation(f"a{n}", scope=scope))["id"] for n, scope in enumerate(("org", "entity/rival-team"))
    }
    catalogue = Catalogue()
    both = [*await home.emit(), *await rival.emit()]
    fired = await decided(home, catalogue, both)
    assert {each.automation_id for each in fired if each.event.source == "/orgs/home"} == mine
    assert {each.automation_id for each in fired if each.event.source == "/orgs/rival"} == theirs
    assert {(each.organization_id, each.event.source) for each in fired} == {
        (home.organization_id, "/orgs/home"),
        (rival.organization_id, "/orgs/rival"),
    }


@asynccontextmanager
async def counted(tenant: Tenant) -> AsyncGenerator[tuple[Any, list[str]]]:
    said: list[str] = []
    async with tenant.api.runtime.database.transaction() as tx:

        def note(record: Any) -> None:
            said.append(record.query)

        tx.connection.add_query_logger(note)
        try:
            yield tx, said
        finally:
            tx.connection.remove_query_logger(note)


async def test_a_batch_costs_a_few_statements_whatever_its_size(home: Tenant) -> None:
    for number in range(20):
        await home.automation(f"number {number}")
    catalogue = Catalogue()
    batch = await home.emit(times=50)
    await decided(home, catalogue, await home.emit())
    async with counted(home) as (tx, said):
        assert len(await decide(tx, catalogue, batch, "webhook")) == 1000
    assert len(said) == 3
    async with counted(home) as (tx, said):
        assert len(await decide(tx, catalogue, batch, "webhook")) == 1000
    assert len(said) == 4


async def test_a_save_makes_planners_reload_what_moved_and_nothing_else(home: Tenant) -> None:
    for number in range(5):
        await home.automation(f"number {number}")
    catalogue = Catalogue()
    await decided(home, catalogue, await home.emit())
    automation = await home.automation("one more")
    async with home.api.runtime.database.transaction() as tx:
        index = await catalogue.refresh(tx)
        before = {number: index.get(number) for number in range(automation["id"])}
    await home.client.patch(f"/api/v1/automations/{automation['id']}", json={"name": "another name"})
    async with home.api.runtime.database.transaction() as tx:
        index = await catalogue.refresh(tx)
    assert all(index.get(number) is definition for number, definition in before.items())
    changed = index.get(automation["id"])
    assert changed is not None
    assert changed.revision == 2


async def test_latest_moved_by_the_server_fires_nothing(home: Tenant) -> None:
    await home.automation()
    assert await decided(home, Catalogue(), await home.emit(data=home.place() | {"automatic": True})) == []


async def test_an_event_from_long_before_the_automation_is_passed_over(home: Tenant) -> None:
    old, young = await home.emit(), await home.emit()
    assert old[0].event is not None
    aged = old[0].event.model_copy(update={"time": old[0].event.time.replace(year=2020)})
    await home.automation()
    fired = await decided(home, Catalogue(), [old[0]._replace(event=aged), *young])
    assert [each.event.id for each in fired] == [young[0].event.id if young[0].event else None]
