"""Runs that come to a state, however they come there, and the automations that wait for it."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest

from regista.automations.catalogue import Catalogue
from regista.effects.planner import Planner
from regista.tracking.sweeps import crash_silent_runs
from regista.webhooks.planning import WEBHOOKS
from tests.support.metrics import Logging
from tests.support.postgres import PostgresSession
from tests.support.stage import Tenant, staged

_CHANGES = "SELECT id FROM event WHERE type = 'dev.regista.run.state_changed' ORDER BY time, id"
_FIRED = """
SELECT r.name AS automation, event.subject FROM decision d JOIN event ON event.id = d.event_id
JOIN automation_revision r USING (automation_id, revision)
WHERE d.verdict = 'fire' ORDER BY r.name, event.subject
"""


@pytest.fixture
async def tenant(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        await tenant.webhook("http://127.0.0.1:9/hook")
        yield tenant


async def test_each_state_fires_what_waits_for_it_and_nothing_else(tenant: Tenant) -> None:
    for name, states in {"done": ["finished"], "bad": ["failed", "crashed"], "stopped": ["killed"]}.items():
        await tenant.automation(
            name, scope=f"project/{tenant.team}/mnist", on=["run.state_changed"], trigger={"states": states}
        )
    await tenant.automation(
        "mine", on=["run.state_changed"], trigger={"states": ["failed"]}, where='run.display_name.startsWith("mine")'
    )
    finished, failed, mine, stopped, silent = [
        await Logging(tenant, name).begin(display_name=name)
        for name in ("finished", "failed", "mine", "stopped", "silent")
    ]
    for run in (finished, failed, mine, stopped, silent):
        await run.losses(1)
    await finished.log(complete=True, exitcode=0)
    await failed.log(complete=True, exitcode=1)
    await mine.log(complete=True, exitcode=255)
    async with tenant.api.runtime.database.transaction() as tx:
        await tx.connection.execute("UPDATE run SET stop_requested_at = now() WHERE name = 'stopped'")
        await tx.connection.execute("UPDATE run SET heartbeat_at = now() - interval '1 hour' WHERE name = 'silent'")
    await stopped.log(complete=True, exitcode=255)
    assert await crash_silent_runs(tenant.api.runtime.database, "http://test", timedelta(minutes=5)) == 1
    batch = [await tenant.received(row["id"]) for row in await tenant.rows(_CHANGES)]
    for _ in range(2):
        await Planner(WEBHOOKS, tenant.api.runtime.database, Catalogue()).handle(batch)
    assert [(row["automation"], row["subject"].rpartition("/")[2]) for row in await tenant.rows(_FIRED)] == [
        ("bad", "failed"),
        ("bad", "mine"),
        ("bad", "silent"),
        ("done", "finished"),
        ("mine", "mine"),
        ("stopped", "stopped"),
    ]
    # One that goes on and ends again comes to its state again.
    await silent.losses(2)
    await silent.log(complete=True, exitcode=3)
    batch = [await tenant.received(row["id"]) for row in await tenant.rows(_CHANGES)]
    await Planner(WEBHOOKS, tenant.api.runtime.database, Catalogue()).handle(batch)
    assert [row["automation"] for row in await tenant.rows(_FIRED) if row["subject"].endswith("/silent")] == ["bad"] * 2
