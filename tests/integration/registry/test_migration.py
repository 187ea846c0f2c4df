"""What an installation that knew no uploaded manifests has, after it was brought up to date."""

from datetime import timedelta

import pytest

from regista import migrations
from regista.kit.db import Database
from tests.support.postgres import PostgresSession

BEFORE = "0009_run_data"
# Foreign keys are left aside: what is inserted is only what the migration reads.
ROWS = """
SET LOCAL session_replication_role = replica;
INSERT INTO collection (id, aggregate_id, organization_id, entity_id, project_id, name, kind, type)
OVERRIDING SYSTEM VALUE VALUES (7, 7, 1, 1, 1, 'a', 'sequence', 't'), (8, 8, 1, 1, 1, 'b', 'sequence', 't');
INSERT INTO blob (organization_id, sha256, md5, size) VALUES (1, sha256('a'), decode(md5('a'), 'hex'), 1);
INSERT INTO artifact (organization_id, collection_id, state, digest, client_id, ttl_seconds, created_at)
VALUES (1, 7, 'committed', 'd', 'client-a', 60, '2026-01-01T00:00:00Z'),
       (1, 7, 'committed', 'e', NULL, NULL, '2026-01-01T00:00:00Z'),
       (1, 8, 'committed', 'f', 'client-b', 4611686018427387904, '2026-01-01T00:00:00Z');
INSERT INTO manifest_entry (artifact_id, path, digest, size, md5, blob_id)
SELECT a.id, 'f', 'x', 1, b.md5, b.id FROM artifact a, blob b;
"""


async def test_client_ids_times_to_live_and_held_content_outlive_the_migration(
    postgres: PostgresSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with postgres.fresh_database() as url:
        database = Database(url, pool_size=2)
        try:
            with monkeypatch.context() as patch:
                patch.setattr(migrations, "HEAD", BEFORE)
                assert await migrations.migrate(database) == (None, BEFORE)
            async with database.transaction() as tx:
                await tx.connection.execute(ROWS)
            assert await migrations.migrate(database) == (BEFORE, migrations.HEAD)
            async with database.transaction() as tx:
                fetch = tx.connection.fetch
                clients = await fetch("SELECT client_id, artifact_id FROM artifact_client ORDER BY 1")
                lives = await fetch("SELECT expires_at - created_at FROM artifact ORDER BY id")
                held = await fetch("SELECT collection_id, artifact_id FROM held_blob ORDER BY 1")
        finally:
            await database.close()
    assert [tuple(row) for row in clients] == [("client-a", 1), ("client-b", 3)]
    assert [row[0] for row in lives] == [timedelta(seconds=60), None, timedelta(seconds=9_000_000_000)]
    assert [tuple(row) for row in held] == [(7, 1), (8, 3)]
