import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from regista.automations.catalogue import Catalogue
from regista.automations.payloads.templates import render_action
from regista.delivery import Claimed
from regista.effects.planner import Planner
from regista.kit import clock
from regista.kit.bus.model import Received
from regista.kit.db import Database
from regista.kit.db import database as gate
from regista.webhooks import planning
from regista.webhooks.planning import WEBHOOKS
from tests.support.postgres import PostgresSession
from tests.support.receiver import Receiver, Request, response
from tests.support.sending import sending, until
from tests.support.stage import Tenant, second_tenant, staged


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        yield tenant


def arrived(receiver: Receiver, count: int) -> Any:
    async def holds() -> bool:
        return len(receiver.requests) >= count

    return holds


async def deliveries(tenant: Tenant) -> list[dict[str, Any]]:
    return await tenant.rows("SELECT event_id, automation_id, lane_id, state, revision FROM delivery ORDER BY position")


async def test_the_receiver_gets_the_bytes_of_the_log_signed_for_it(home: Tenant) -> None:
    async with Receiver() as receiver, sending(home) as it:
        made = await home.webhook(
            receiver.url(),
            headers={"X-Team": "vision"},
            access_token="t0ken",
            wandb_signature=True,
        )
        await home.automation(scope="collection/team/mnist/MNIST")
        (received,) = await home.emit()
        await it.plan([received])
        await until(arrived(receiver, 1))
        (request,) = receiver.requests
        assert request.body == received.raw
        assert Webhook(made["secret"]).verify(request.body.decode(), request.headers)
        (row,) = await home.rows("SELECT id FROM delivery")
        assert request.headers["webhook-id"] == str(row["id"])
        assert request.headers["content-type"] == "application/cloudevents+json"
        assert request.headers["x-team"] == "vision"
        assert request.headers["authorization"] == "Bearer t0ken"
        assert request.headers["x-wandb-signature"]


async def test_every_action_of_every_automation_is_sent_once_under_redelivery(home: Tenant) -> None:
    async with Receiver() as one, Receiver() as other, sending(home) as it:
        await home.webhook(one.url())
        await home.webhook(other.url(), "other")
        both = [{"webhook": {"integration": "team/ci"}}, {"webhook": {"integration": "team/other"}}]
        await home.automation("first", actions=both)
        await home.automation("second")
        batch = await home.emit(times=10)
        await it.plan(batch)
        await it.plan(batch)
        await Planner(WEBHOOKS, home.api.runtime.database, Catalogue()).handle(batch[::-1])
        await until(arrived(one, 20))
        await until(arrived(other, 10))
        await asyncio.sleep(0.2)
        assert (len(one.requests), len(other.requests)) == (20, 10)
        assert len({request.headers["webhook-id"] for request in one.requests}) == 20
        assert len(await deliveries(home)) == 30


async def test_two_planners_at_once_plan_each_effect_once(home: Tenant) -> None:
    await home.webhook("http://127.0.0.1:9/")
    for number in range(3):
        await home.automation(f"number {number}")
    batch = await home.emit(times=30)
    databases = [Database(home.api.runtime.database.url, pool_size=2) for _ in range(3)]
    handed: list[Claimed] = []

    class Hands:
        def hand(self, rows: Sequence[Claimed]) -> None:
            handed.extend(rows)

    async def planner(database: Database, records: Sequence[Received]) -> None:
        # A deadlock is a race that the bus repeats; the order of decisions makes it rare.
        for record in (records[:10], records[10:], records):
            await Planner(WEBHOOKS, database, Catalogue(), Hands()).handle(record)

    try:
        await asyncio.gather(*(planner(database, batch) for database in databases))
    finally:
        for database in databases:
            await database.close()
    rows = await deliveries(home)
    assert len(rows) == len({(row["event_id"], row["automation_id"]) for row in rows}) == 90
    assert len(handed) == len({row.id for row in handed}) == 90


async def test_an_automation_that_is_disabled_or_deleted_sends_nothing(home: Tenant) -> None:
    await home.webhook("http://127.0.0.1:9/")
    off = await home.automation("off", enabled=False)
    gone = await home.automation("gone")
    await home.client.delete(f"/api/v1/automations/{gone['id']}")
    planner = Planner(WEBHOOKS, home.api.runtime.database, Catalogue())
    await planner.handle(await home.emit())
    assert await deliveries(home) == []
    await home.client.patch(f"/api/v1/automations/{off['id']}", json={"enabled": True})
    await planner.handle(await home.emit())
    assert [row["automation_id"] for row in await deliveries(home)] == [off["id"]]


async def test_organizations_share_a_planner_and_no_endpoint(home: Tenant) -> None:
    rival = await second_tenant(home.api)
    async with Receiver() as mine, Receiver() as theirs, sending(home) as it:
        for tenant, receiver in ((home, mine), (rival, theirs)):
            await tenant.webhook(receiver.url())
            await tenant.automation()
        batch = [*await home.emit(), *await rival.emit(), *await home.emit()]
        await it.plan(batch)
        await until(arrived(mine, 2))
        await until(arrived(theirs, 1))
        assert all(b'"source":"/orgs/home"' in request.body for request in mine.requests)
        assert all(b'"source":"/orgs/rival"' in request.body for request in theirs.requests)
        assert (len(mine.requests), len(theirs.requests)) == (2, 1)


async def test_a_crash_between_plan_and_hand_over_is_made_good_by_the_ledger(home: Tenant) -> None:
    async with Receiver() as receiver:
        await home.webhook(receiver.url())
        await home.automation()
        batch = await home.emit(times=3)
        await Planner(WEBHOOKS, home.api.runtime.database, Catalogue()).handle(batch)
        async with sending(home) as it:
            await it.plan(batch)
            await until(arrived(receiver, 3))
            assert sorted(request.body for request in receiver.requests) == sorted(each.raw for each in batch)


async def test_410_disables_the_endpoint_and_says_so_in_the_chain_of_its_event(home: Tenant) -> None:
    async def gone(_request: Request, writer: Any) -> None:
        writer.write(response("410 Gone"))

    async with Receiver(answer=gone) as receiver, sending(home) as it:
        made = await home.webhook(receiver.url())
        await home.automation()
        (received,) = await home.emit()
        await it.plan([received])
        path = f"/api/v1/webhooks/{made['id']}"

        async def disabled() -> bool:
            return (await home.client.get(path)).json()["state"] == "disabled"

        await until(disabled)
        (event,) = await home.rows(
            """
            SELECT subject, causation_id, convert_from(body, 'UTF8')::json AS body FROM event
            WHERE type = 'dev.regista.endpoint.disabled'
            """
        )
        assert received.event is not None
        assert event["subject"] == "team/endpoints/ci"
        assert event["causation_id"] == received.event.id
        assert event["body"]["hops"] == 1
        assert event["body"]["actortype"] == "system"
        assert event["body"]["data"]["reason"] == "gone"
        assert event["body"]["data"]["endpoint"]["id"] == made["id"]


async def test_a_forbidden_address_is_an_attempt_with_that_error(postgres: PostgresSession, tmp_path: Path) -> None:
    async with (
        staged(postgres, tmp_path, webhook_allowed_networks=()) as closed,
        Receiver() as receiver,
        sending(closed) as it,
    ):
        await closed.webhook(receiver.url(host="localhost"))
        await closed.automation()
        await it.plan(await closed.emit())

        async def attempted() -> bool:
            return bool(await closed.rows("SELECT FROM attempt"))

        await until(attempted)
        (attempt,) = await closed.rows("SELECT status, error FROM attempt")
        assert attempt == {"status": None, "error": "address_forbidden"}
        assert receiver.connections == 0


async def test_a_batch_that_computes_for_longer_than_a_transaction_may_idle_is_planned_and_lets_others_work(
    home: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(*given: Any) -> Any:
        time.sleep(0.1)
        return render_action(*given)

    monkeypatch.setattr(planning, "render_action", slowly)
    monkeypatch.setattr(gate, "TRANSACTION_SECONDS", 1)
    await home.webhook("http://127.0.0.1:9/hook")
    await home.automation()
    received = await home.emit(times=15)
    turns: list[float] = []

    async def beat() -> None:
        while True:
            turns.append(clock.monotonic())
            await asyncio.sleep(0.01)

    database = Database(home.api.runtime.database.url, pool_size=1)
    beats = asyncio.create_task(beat())
    try:
        await Planner(WEBHOOKS, database, Catalogue()).handle(received)
    finally:
        beats.cancel()
        await database.close()
    assert len(await deliveries(home)) == 15
    assert turns[-1] - turns[0] > 1
    assert max(after - before for before, after in pairwise(turns)) < 1.0
