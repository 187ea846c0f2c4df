"""What is older than its organization keeps it is forgotten; what is still to come is not."""

import json
from pathlib import Path
from typing import Any

from regista.automations.catalogue import Catalogue
from regista.effects.due import DueExecutions
from regista.effects.planner import Planner
from regista.kit import ids
from regista.upkeep import retention
from regista.webhooks.planning import WEBHOOKS
from tests.support.postgres import PostgresSession
from tests.support.stage import Tenant, second_tenant, staged

V1 = "/api/v1"


async def swept(home: Tenant) -> int:
    """Sweep until nothing is left; return how much that was."""
    total = 0
    while count := await retention.forget_long_ago(home.api.runtime.database, ""):
        total += count
    return total


async def left(home: Tenant) -> dict[str, int]:
    tables = ("decision", "delivery", "attempt", "delivery_dead", "replay")
    return {table: len(await home.rows(f"SELECT FROM {table}")) for table in tables}


async def grow_old(home: Tenant, days: int) -> None:
    """Make all of it happen that much earlier."""
    for table, column in (("decision", "decided_at"), ("delivery", "created_at"), ("delivery", "finished_at")):
        await home.rows(f"UPDATE {table} SET {column} = {column} - make_interval(days => $1)", days)
    await home.rows("UPDATE replay SET finished_at = finished_at - make_interval(days => $1)", days)


async def test_what_has_ended_goes_after_its_time_and_what_is_to_come_stays(
    postgres: PostgresSession, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    async with staged(postgres, tmp_path) as home:
        rival = await second_tenant(home.api)
        for tenant in (home, rival):
            await tenant.webhook("http://127.0.0.1:9/hook")
            hook = {"webhook": {"integration": f"{tenant.team}/ci"}}
            await tenant.automation("two", actions=[hook, hook, {"no_op": {}}])
        await home.automation("unmet", where="alias == 'nothing'")
        await home.automation("off", enabled=False)
        await home.automation("waits", actions=[{"no_op": {}}], limits={"cooldown": "30d", "coalesce": True})
        planner = Planner(WEBHOOKS, home.api.runtime.database, Catalogue())
        ended, half, coming = await home.emit(), await home.emit(), await home.emit()
        for batch in (ended, half, coming, await rival.emit()):
            await planner.handle(batch)
        assert ended[0].event is not None
        assert half[0].event is not None
        await end(home, "event_id = $1", ended[0].event.id)
        await end(home, "event_id = $1 AND action_index = 0", half[0].event.id)
        await end(rival, "organization_id = $1", rival.organization_id)
        number = ids.uuid7()
        for state in ("running", "finished"):
            await home.rows(
                """
                INSERT INTO replay (id, organization_id, automation_id, selection, began, position, until, state,
                                    requested_by, requested_by_id, finished_at)
                SELECT $1, organization_id, id, '{}', 0, 0, 0, $2, 'admin', 1, now() FROM automation LIMIT 1
                """,
                number if state == "running" else ids.uuid7(),
                state,
            )
        before = await left(home)
        assert await swept(home) == 0
        await grow_old(home, 60)
        assert await swept(home) == 0
        assert await left(home) == before
        # Another's organization keeps for as long as it did.
        changed = await home.client.patch(f"{V1}/organization", json={"retention_days": 30})
        assert changed.json() == {"name": "home", "retention_days": 30}
        again = await home.client.patch(f"{V1}/organization", json={"retention_days": 30})
        assert again.status_code == 200
        told = [json.loads(each["body"]) for each in await home.api.events() if "organization" in each["type"]]
        assert [each["data"]["changes"] for each in told] == [{"retention_days": {"from": 90, "to": 30}}]
        assert await swept(home) > 0
        rows = await home.rows(
            """
            SELECT a.name, d.event_id, d.verdict, d.organization_id FROM decision d JOIN automation a ON a.id = d.automation_id
            """
        )
        assert coming[0].event is not None
        assert {(row["name"], row["event_id"]) for row in rows if row["organization_id"] == home.organization_id} == {
            ("two", half[0].event.id),
            ("two", coming[0].event.id),
            ("waits", coming[0].event.id),
        }
        assert sum(row["organization_id"] == rival.organization_id for row in rows) == 1
        deliveries = await home.rows("SELECT event_id, action_index, organization_id FROM delivery")
        assert {row["event_id"] for row in deliveries if row["organization_id"] == home.organization_id} == {
            half[0].event.id,
            coming[0].event.id,
        }
        # What has ended of a decision that has something to come stays, so that it can be told.
        executions = await home.api.pages(f"{V1}/executions", event=str(half[0].event.id))
        assert sorted(each["status"] for each in executions) == ["failed", "finished", "pending"]
        assert [row["id"] for row in await home.rows("SELECT id FROM replay")] == [number]
        assert (await left(home))["attempt"] == (await left(home))["delivery_dead"] == 3
        # Redelivered in the meantime: what is due stays.
        await end(home, "event_id = $1", half[0].event.id)
        await grow_old(home, 60)
        (dead,) = await home.rows("SELECT id FROM delivery WHERE event_id = $1 AND action_index = 0", half[0].event.id)
        assert (await home.client.post(f"{V1}/deliveries/{dead['id']}/redeliver")).status_code == 202
        await swept(home)
        kept = await home.rows("SELECT id FROM delivery WHERE event_id = $1", half[0].event.id)
        assert [row["id"] for row in kept] == [dead["id"]]
        await what_was_counted_goes_with_its_automation(home)
        await only_admins_set_it(home)


async def what_was_counted_goes_with_its_automation(home: Tenant) -> None:
    """As soon as nothing is left that its limits held back."""
    (counted,) = await home.api.pages(f"{V1}/automations", name="waits")
    assert (await home.client.delete(f"{V1}/automations/{counted['id']}")).status_code == 204
    await swept(home)
    assert len(await home.rows("SELECT FROM automation_limit")) == 1
    await home.rows("UPDATE execution_due SET due_at = now()")
    assert await DueExecutions(WEBHOOKS, home.api.runtime.database, Catalogue()).round()
    assert await swept(home) > 0
    assert await home.rows("SELECT FROM automation_limit") == []


async def only_admins_set_it(home: Tenant) -> None:
    async with home.api.as_key(await home.api.key_of("vic", team="team", role="admin")) as client:
        assert (await client.get(f"{V1}/organization")).status_code == 403
        assert (await client.patch(f"{V1}/organization", json={"retention_days": 20})).status_code == 403
    for wrong in (0, 14, 3651, "30", None):
        answer = await home.client.patch(f"{V1}/organization", json={"retention_days": wrong})
        assert answer.status_code == 422
    assert (await home.client.get(f"{V1}/organization")).json()["retention_days"] == 30


async def end(tenant: Tenant, which: str, *values: Any) -> None:
    """Have deliveries given up, as their dispatcher does."""
    await tenant.rows(
        f"""
        WITH ended AS (
            UPDATE delivery SET state = 'dead', finished_at = created_at WHERE state = 'pending' AND {which}
            RETURNING id, lane_id, position
        ), undue AS (
            DELETE FROM delivery_due q USING ended e WHERE q.lane_id = e.lane_id AND q.position = e.position
        ), dead AS (
            INSERT INTO delivery_dead SELECT lane_id, position FROM ended
        )
        INSERT INTO attempt (delivery_id, number, manual, started_at, seconds, error, truncated, headers, body)
        SELECT id, 1, false, now(), 0, 'timeout', false, '', '' FROM ended
        """,
        *values,
    )
