"""What an installation whose automations were kept as `jsonb` has, after it was brought up to date."""

import json
from typing import Any

import pytest

from regista import migrations
from regista.kit.db import Database
from tests.support.postgres import PostgresSession

BEFORE = "0014_slack"
ACTIONS = [{"webhook": {"integration": "ci", "payload": {"b": 1, "aa": None}}}, {"no_op": {}}]
TRIGGER = {"states": ["finished"]}
# Foreign keys are left aside: what is inserted is only what the migration reads.
REVISION = """
INSERT INTO automation_revision (automation_id, revision, organization_id, name, scope, scope_kind, scope_id, events,
                                 "trigger", actions, integration_ids, author, created_at)
VALUES (1, 1, 1, 'deploy', 'org', 'organization', 1, '{run.state_changed}', $1, $2, '{1, NULL}', 'admin', now())
"""
DECISION = """
INSERT INTO decision (organization_id, event_id, automation_id, revision, verdict, decided_at)
VALUES (1, gen_random_uuid(), 1, 1, 'fire', now())
"""


async def test_automations_and_executions_outlive_the_migration(
    postgres: PostgresSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with postgres.fresh_database() as url:
        database = Database(url, pool_size=2)
        try:
            with monkeypatch.context() as patch:
                patch.setattr(migrations, "HEAD", BEFORE)
                await migrations.migrate(database)
            async with database.transaction() as tx:
                await tx.connection.execute("SET LOCAL session_replication_role = replica")
                await tx.connection.execute(REVISION, json.dumps(TRIGGER), json.dumps(ACTIONS))
                await tx.connection.execute(DECISION)
                before = await executions(tx)
            assert await migrations.migrate(database) == (BEFORE, migrations.HEAD)
            async with database.transaction() as tx:
                row = await tx.connection.fetchrow('SELECT "trigger", actions FROM automation_revision')
                after = await executions(tx)
        finally:
            await database.close()
    assert row is not None
    assert (row["trigger"], row["actions"]) == (TRIGGER, ACTIONS)
    assert before == after
    assert [(each["action_index"], each["kind"], each["status"]) for each in after] == [
        (0, "webhook", "pending"),
        (1, "no_op", "finished"),
    ]


async def executions(tx: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in await tx.connection.fetch("SELECT * FROM execution ORDER BY action_index")]
