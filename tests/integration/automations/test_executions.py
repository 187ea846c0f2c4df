"""Executions as people read them: of every kind of verdict, action and delivery, to whoever may."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import pytest

from regista.access.verdict import Sight
from regista.automations.catalogue import Catalogue
from regista.automations.executions import repository as executions_repository
from regista.automations.executions.repository import Filters, Place
from regista.effects.planner import Planner
from regista.kit import ids
from regista.kit.bus.model import Received
from regista.kit.web.pages import encode
from regista.webhooks.planning import WEBHOOKS
from tests.support.postgres import PostgresSession
from tests.support.stage import Tenant, second_tenant, staged

V1 = "/api/v1"
WEBHOOK: dict[str, Any] = {"webhook": {"integration": "team/ci"}}


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        await tenant.webhook("http://127.0.0.1:9/hook")
        yield tenant


async def planned(home: Tenant, batch: Sequence[Received]) -> None:
    await Planner(WEBHOOKS, home.api.runtime.database, Catalogue()).handle(batch)


async def found(home: Tenant, **query: Any) -> list[tuple[str, int, str, str | None]]:
    """Return executions as (automation, action, status, reason), newest first."""
    return [
        (each["automation"], each["action_index"], each["status"], each["reason"])
        for each in await home.api.pages(f"{V1}/executions", **query)
    ]


async def test_every_action_of_every_decision_is_shown_with_what_became_of_it(home: Tenant) -> None:
    secret = await home.client.post(f"{V1}/secrets", json={"name": "TOKEN", "value": "s3cret", "entity": "team"})
    assert secret.status_code == 201, secret.text
    payload = {"token": "${secret.TOKEN}", "version": "${artifact_version_string}", "no": "${artifact_metadata.none}"}
    actions = [WEBHOOK, {"webhook": {"integration": "team/ci", "payload": payload}}, {"no_op": {}}]
    many = (await home.automation("many", actions=actions))["id"]
    await home.automation("off", enabled=False)
    await home.automation("never", where="alias == 'nothing'")
    await home.automation("wrong", where="artifact.metadata.nothing.more == 1")
    await home.automation("rare", actions=[{"no_op": {}}], limits={"cooldown": "1h", "coalesce": True})
    batch = await home.emit(times=3)
    for each in batch:
        await planned(home, [each])
    # What would have become of the first two events' deliveries.
    deliveries = await home.rows("SELECT id FROM delivery ORDER BY position")
    for state, row in zip(("succeeded", "dead", "canceled"), deliveries, strict=False):
        await home.rows("UPDATE delivery SET state = $2, finished_at = now() WHERE id = $1", row["id"], state)
    await home.rows(
        """
        INSERT INTO attempt (delivery_id, number, manual, started_at, seconds, error, truncated, headers, body)
        VALUES ($1, 1, false, now(), 0, 'timeout', false, '', '')
        """,
        deliveries[1]["id"],
    )
    said = await found(home)
    by_event = [await found(home, event=str(each.event.id)) for each in batch if each.event is not None]
    assert sorted(by_event[0]) == [
        ("many", 0, "finished", None),
        ("many", 1, "failed", "dead"),
        ("many", 2, "finished", None),
        ("off", 0, "skipped", "disabled"),
        ("rare", 0, "finished", None),
        ("wrong", 0, "skipped", "condition_error"),
    ]
    assert ("many", 0, "failed", "canceled") in by_event[1]
    assert ("rare", 0, "skipped", "coalesced") in by_event[1]
    assert ("many", 0, "pending", None) in by_event[2]
    assert ("rare", 0, "pending", "cooldown") in by_event[2]
    assert len(said) == sum(map(len, by_event)) == 18
    # Pages of every size and each filter agree with the whole.
    for limit in (1, 4, 5):
        assert await found(home, limit=limit) == said
        assert await found(home, limit=limit, status="skipped") == [each for each in said if each[2] == "skipped"]
    for name, place, values in (
        ("status", 2, ("pending", "finished", "failed", "skipped")),
        ("reason", 3, ("disabled", "cooldown", "coalesced", "dead")),
    ):
        for value in values:
            assert await found(home, **{name: value}) == [each for each in said if each[place] == value]
    assert await found(home, automation=many) == [each for each in said if each[0] == "many"]
    assert await found(home, kind="webhook", automation=many) == [
        each for each in said if each[0] == "many" and each[1] < 2
    ]
    assert await found(home, replay=str(ids.uuid7())) == []
    assert await found(home, **{"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}) == said
    assert await found(home, to="2020-01-01T00:00:00Z") == await found(home, **{"from": "2100-01-01T00:00:00Z"}) == []
    # One by one, with what was sent.
    shown = {
        (each["action_index"], each["event_id"]): each
        for each in await home.api.pages(f"{V1}/executions", automation=many)
    }
    assert batch[0].event is not None
    event = str(batch[0].event.id)
    plain = (await home.client.get(f"{V1}/executions/{shown[0, event]['id']}")).json()
    assert plain["payload"] == json.loads(batch[0].raw)
    failed = (await home.client.get(f"{V1}/executions/{shown[1, event]['id']}")).json()
    assert failed["payload"] | {"version": ""} == {"token": "***", "version": "", "no": ""}
    assert failed["missing"] == ["artifact_metadata.none"]
    assert failed["error"] == "timeout"
    assert failed["event_subject"] == batch[0].event.subject
    for link in failed["links"].values():
        assert (await home.client.get(link)).status_code == 200, link
    wrong = next(each for each in await home.api.pages(f"{V1}/executions", reason="condition_error"))
    assert "nothing" in wrong["error"]
    assert (await home.client.get(f"{V1}/executions/{wrong['id']}")).json()["payload"] is None
    # What is deleted keeps its past.
    await home.client.delete(f"{V1}/automations/{many}")
    assert await found(home, automation=many) == [each for each in said if each[0] == "many"]
    for link in failed["links"].values():
        assert (await home.client.get(link)).status_code == 200, link
    for nothing in ("1", "1-", "x-0", "99999999999999999999-0", "1-99999", f"{10**9}-0"):
        assert (await home.client.get(f"{V1}/executions/{nothing}")).status_code == 404


async def test_executions_are_for_those_who_see_the_automation_and_what_was_sent_for_those_who_may_write_it(
    home: Tenant,
) -> None:
    rival = await second_tenant(home.api)
    await home.automation("of all")
    await home.automation("of the team", scope="entity/team")
    await planned(home, await home.emit())
    (of_team, of_all) = await home.api.pages(f"{V1}/executions")
    member = home.api.as_key(await home.api.key_of("mia", team="team"))
    viewer = home.api.as_key(await home.api.key_of("vic", team="team", role="viewer"))
    stranger = home.api.as_key(await home.api.key_of("sam"))

    async def sees(client: Any) -> dict[str, tuple[bool, bool]]:
        """Return of each automation whether subject and payload are shown."""
        items = (await client.get(f"{V1}/executions")).json()["items"]
        told = {each["id"]: (await client.get(f"{V1}/executions/{each['id']}")).json() for each in items}
        return {
            each["automation"]: (each["event_subject"] is not None, told[each["id"]]["payload"] is not None)
            for each in items
        }

    assert await sees(home.client) == {"of all": (True, True), "of the team": (True, True)}
    assert await sees(member) == {"of all": (False, False), "of the team": (True, True)}
    assert await sees(viewer) == {"of all": (False, False), "of the team": (False, False)}
    assert await sees(stranger) == {"of all": (False, False)}
    assert await sees(rival.client) == {}
    for client, execution in ((stranger, of_team), (rival.client, of_all)):
        assert (await client.get(f"{V1}/executions/{execution['id']}")).status_code == 404
    for client in (member, viewer, stranger):
        await client.aclose()


async def test_pages_of_a_long_past_are_cut_where_little_fits(home: Tenant) -> None:
    automation = (await home.automation("long", actions=[{"no_op": {}}]))["id"]
    await home.rows(
        """
        INSERT INTO decision (organization_id, event_id, automation_id, revision, verdict, reason, decided_at)
        SELECT $1, gen_random_uuid(), $2, 1, CASE WHEN n % 10000 = 7 THEN 'skipped' ELSE 'fire' END,
               CASE WHEN n % 10000 = 7 THEN 'rate' END, now() - (30000 - n) * interval '1 minute'
        FROM generate_series(1, 30000) n
        """,
        home.organization_id,
        automation,
    )
    await home.rows("ANALYZE decision")
    first = (await home.client.get(f"{V1}/executions", params={"reason": "rate"})).json()
    assert first["items"] == []
    assert first["next_cursor"] is not None
    assert len(await found(home, reason="rate")) == 3
    strange = await home.client.get(f"{V1}/executions", params={"cursor": encode([1, 32_768])})
    assert (strange.status_code, strange.json()["field"]) == (422, "cursor")
    assert "is not one of this list; begin without a cursor" in strange.json()["detail"]
    (moment,) = await home.rows("SELECT decided_at FROM decision WHERE reason = 'rate' ORDER BY position LIMIT 1")
    since = {"from": moment["decided_at"].isoformat(), "reason": "rate", "limit": 1}
    until = (moment["decided_at"].replace(microsecond=0)).isoformat()
    # A moment is found without walking down to it.
    around = await home.client.get(f"{V1}/executions", params={"to": until, "limit": 1000})
    assert len(around.json()["items"]) in {6, 7}
    assert len(await found(home, **since)) == 3
    # No plan reads a whole table: an index gives the newest decisions, and the rest is looked up by keys.
    asked: list[tuple[str, Any]] = []
    async with home.api.runtime.database.transaction() as tx:
        await tx.plan_for_values()

        def note(record: Any) -> None:
            asked.append((record.query, record.args))

        tx.connection.add_query_logger(note)
        everything = Sight(everything=True, organization=True, entities=[], projects=[], only=None)
        for filters in (
            Filters(),
            Filters(automation=automation),
            Filters(status="failed"),
            Filters(event=ids.uuid7()),
        ):
            await executions_repository.page(tx, home.organization_id, everything, filters, Place(), 51)
        await asyncio.sleep(0)  # the driver tells of a statement when it is the loop's turn
        tx.connection.remove_query_logger(note)
        assert len(asked) == 4
        for query, values in asked:
            lines = await tx.connection.fetch(f"EXPLAIN {query}", *values)
            plan = "\n".join(line[0] for line in lines)
            assert "Seq Scan on decision" not in plan
            assert "Seq Scan on delivery" not in plan
            assert "Seq Scan on attempt" not in plan
