import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from regista.automations.catalogue import Catalogue
from regista.effects.due import DueExecutions
from regista.effects.planner import Planner
from regista.kit import clock
from regista.kit.service import Lifecycle
from regista.supervisor import composition
from regista.webhooks.planning import WEBHOOKS
from tests.support.postgres import PostgresSession
from tests.support.receiver import Receiver
from tests.support.stage import Tenant, staged


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        yield tenant


@asynccontextmanager
async def engine(tenant: Tenant) -> AsyncGenerator[None]:
    """Run what the engine of `regista up` runs."""
    async with asyncio.TaskGroup() as group:
        lifecycles: list[Lifecycle] = []
        for service in composition.engine(tenant.api.runtime):
            lifecycles.append(Lifecycle())
            group.create_task(service.run(lifecycles[-1]))
        for lifecycle in lifecycles:
            await asyncio.wait_for(lifecycle.started.wait(), 20)
        try:
            yield
        finally:
            for lifecycle in lifecycles:
                lifecycle.stopping.set()


async def until(receiver: Receiver, count: int) -> None:
    deadline = clock.monotonic() + 20
    while len(receiver.requests) < count:
        assert clock.monotonic() < deadline, f"{len(receiver.requests)} of {count} arrived"
        await asyncio.sleep(0.01)


async def test_the_engine_sends_what_was_held_back_when_its_time_comes_and_what_is_replayed(home: Tenant) -> None:
    async with Receiver() as receiver:
        hook = await home.webhook(receiver.url())
        made = await home.automation(limits={"cooldown": "2s", "coalesce": True})
        async with engine(home):
            first, second, third = [await home.emit() for _ in range(3)]
            await until(receiver, 1)
            assert receiver.requests[0].body == first[0].raw
            # The newest of what came meanwhile, once, when the cooldown is over.
            await until(receiver, 2)
            assert receiver.requests[1].body == third[0].raw
            spoken = clock.monotonic()
            decisions = await home.rows("SELECT event_id, verdict, reason FROM decision")
            said = {str(row["event_id"]): (row["verdict"], row["reason"]) for row in decisions}
            assert second[0].event is not None
            assert said[str(second[0].event.id)] == ("skipped", "coalesced")
            assert await home.rows("SELECT FROM execution_due") == []

            wanted: dict[str, Any] = {"types": ["alias.added"]}
            for path in (f"/api/v1/automations/{made['id']}/replay", f"/api/v1/webhooks/{hook['id']}/replay"):
                assert (await home.client.post(path, json=wanted)).status_code == 202
            await until(receiver, 8)
            assert clock.monotonic() < spoken + 10
            replayed = [each for each in receiver.requests if each.headers.get("regista-replayed") == "true"]
            assert sorted(each.body for each in replayed) == sorted(
                2 * [each[0].raw for each in (first, second, third)]
            )
            states = {row["state"] for row in await home.rows("SELECT state FROM replay")}
            assert states == {"finished"}


async def test_what_waits_for_a_limit_is_skipped_where_the_automation_is_disabled_meanwhile(home: Tenant) -> None:
    await home.webhook("http://127.0.0.1:9/")
    made = await home.automation(limits={"cooldown": "1h", "coalesce": True})
    database, catalogue = home.api.runtime.database, Catalogue()
    for _ in range(2):
        await Planner(WEBHOOKS, database, catalogue).handle(await home.emit())
    worker = DueExecutions(WEBHOOKS, database, catalogue)
    assert not await worker.round()
    await home.client.patch(f"/api/v1/automations/{made['id']}", json={"enabled": False})
    async with database.transaction() as tx:
        await tx.connection.execute("UPDATE execution_due SET due_at = now()")
    assert await worker.round()
    assert not await worker.round()
    assert len(await home.rows("SELECT FROM delivery")) == 1
    reasons = await home.rows("SELECT verdict, reason FROM decision ORDER BY position")
    assert [tuple(row.values()) for row in reasons] == [("fire", None), ("skipped", "disabled")]
