from collections.abc import AsyncGenerator

import pytest

from regista.audit.checkpoint import Signer
from regista.audit.consumer import AuditProjection
from regista.audit.repository import projection as repository
from regista.audit.repository.projection import Head
from regista.audit.verification import first_mismatch, verify
from regista.kit.db import Database
from regista.kit.shards import SHARDS
from regista.kit.vault import Vault
from tests.support.log import installed, made, received
from tests.support.postgres import PostgresSession

VAULT = Vault("secret-key-of-the-tests-0123456789")
OTHER = Vault("another-secret-key-0123456789-0123456789")
ROW = "(SELECT event_id FROM audit WHERE shard = 3 AND position = 12)"


@pytest.fixture
async def database(postgres: PostgresSession) -> AsyncGenerator[Database]:
    """A chain of 30 rows in shard 3, with checkpoints at 10, 20 and 30."""
    async with installed(postgres) as database:
        projection = AuditProjection(database, VAULT, every=10)
        for first in range(0, 30, 5):
            await projection.handle([received(made("run.state_changed", n)) for n in range(first, first + 5)])
        yield database


async def tamper(database: Database, *statements: str) -> None:
    async with database.transaction() as tx:
        for statement in statements:
            await tx.connection.execute(statement)


@pytest.mark.parametrize(
    ("statements", "position"),
    [
        (
            ["UPDATE audit SET body = replace(encode(body, 'escape'), 'vision', 'fiction')::bytea WHERE position = 12"],
            12,
        ),
        (["UPDATE audit SET context = '{}' WHERE position = 12"], 12),
        (["UPDATE audit SET hash = sha256('') WHERE position = 12"], 12),
        (["UPDATE audit SET actor_user_id = '2' WHERE position = 12"], 12),
        (["UPDATE audit SET actor_ip = NULL WHERE position = 12"], 12),
        (["UPDATE audit SET action = 'malformed' WHERE position = 12"], 12),
        (["UPDATE audit SET before = NULL WHERE position = 12"], 12),
        (["UPDATE audit SET after = NULL, format = 0 WHERE position = 12"], 12),
        (["UPDATE audit SET time = time + interval '1 s' WHERE position = 12"], 12),
        (["UPDATE audit SET organization_id = 2 WHERE position = 12"], 12),
        (["DELETE FROM audit WHERE position = 12"], 13),
        (["DELETE FROM audit WHERE position = 1"], 2),
        (["DELETE FROM audit WHERE position = 30"], 30),
        (["DELETE FROM audit"], 1),
        (["UPDATE audit SET position = 25 - position WHERE position IN (12, 13)"], 12),
        (["UPDATE audit SET position = 12 WHERE position = 13"], 12),
        (["UPDATE audit SET shard = 4 WHERE position = 12"], 13),
        (["UPDATE audit_chain SET hash = sha256('') WHERE shard = 3"], 30),
        (
            [
                "DELETE FROM audit WHERE position > 20",
                "UPDATE audit_chain SET position = 20, hash = (SELECT hash FROM audit WHERE position = 20) WHERE shard = 3",
            ],
            30,
        ),
        (["UPDATE audit_checkpoint SET hash = sha256('') WHERE position = 20"], 20),
    ],
)
async def test_what_was_tampered_with_is_found_and_named(
    database: Database, statements: list[str], position: int
) -> None:
    assert await first_mismatch(database, vault=VAULT) is None
    await tamper(database, *statements)
    found = await first_mismatch(database, vault=VAULT)
    assert found is not None
    assert (found.shard, found.position) == (3, position), found
    assert str(position) in str(found)


async def test_a_row_put_between_others_is_found(database: Database) -> None:
    columns = "organization_id, shard, format, action, resource, actor_user_id, actor_type, hash, body, context"
    await tamper(
        database,
        f"INSERT INTO audit (event_id, time, position, {columns}) "
        f"SELECT gen_random_uuid(), time, position, {columns} FROM audit WHERE position = 12",
    )
    found = await first_mismatch(database)
    assert found is not None
    assert found.position in {12, 13}


async def rewrite(database: Database) -> None:
    """Change row 12 and compute everything after it anew, as whoever can write to the database is able to."""
    await tamper(
        database,
        "UPDATE audit SET context = '{}', actor_ip = NULL, user_agent = NULL, cli_version = NULL, request_id = NULL, "
        "response_code = NULL WHERE position = 12",
        """
        DO $$ DECLARE r record; previous bytea; BEGIN
            SELECT hash INTO previous FROM audit WHERE position = 11;
            FOR r IN SELECT event_id, body, context FROM audit WHERE position > 11 ORDER BY position LOOP
                previous := sha256(previous || r.body || r.context);
                UPDATE audit SET hash = previous WHERE event_id = r.event_id;
            END LOOP;
            UPDATE audit_chain SET hash = previous WHERE shard = 3;
        END $$
        """,
    )


async def test_a_chain_written_anew_fails_at_the_next_checkpoint(database: Database) -> None:
    await rewrite(database)
    found = await first_mismatch(database, vault=VAULT)
    assert found is not None
    assert found.position == 20


async def test_checkpoints_signed_by_somebody_else_do_not_help(database: Database) -> None:
    await rewrite(database)
    async with database.transaction() as tx:
        for checkpoint in await repository.checkpoints(tx, 3):
            await tx.connection.execute("DELETE FROM audit_checkpoint WHERE position = $1", checkpoint.position)
            written = await tx.connection.fetchval("SELECT hash FROM audit WHERE position = $1", checkpoint.position)
            assert written is not None
            await repository.add_checkpoint(tx, Signer(OTHER).sign(3, Head(checkpoint.position, written)))
    assert await first_mismatch(database, vault=OTHER) is None
    found = await first_mismatch(database, vault=VAULT)
    assert found is not None
    assert "signed" in found.reason


async def test_a_checkpoint_kept_elsewhere_proves_what_was_cut_off_with_all_checkpoints(database: Database) -> None:
    async with database.transaction() as tx:
        kept = (await repository.checkpoints(tx, 3))[-1]
    await tamper(
        database,
        "DELETE FROM audit WHERE position > 15",
        "DELETE FROM audit_checkpoint",
        "UPDATE audit_chain SET position = 15, hash = (SELECT hash FROM audit WHERE position = 15) WHERE shard = 3",
    )
    assert await first_mismatch(database, vault=VAULT) is None
    found = await first_mismatch(database, vault=VAULT, anchors=[kept])
    assert found is not None
    assert found.position == 30


async def test_rows_that_come_in_meanwhile_do_not_disturb(database: Database) -> None:
    projection = AuditProjection(database, VAULT, every=10)
    seen = 0
    async for progress in verify(database, vault=VAULT):
        assert progress.mismatch is None
        await projection.handle([received(made(number=100 + progress.shard))])
        seen += progress.shard == 3 and progress.rows == progress.of
    assert seen == 1
    assert await first_mismatch(database, vault=VAULT) is None


async def test_progress_is_told_of_every_chain(database: Database) -> None:
    told = [progress async for progress in verify(database)]
    assert [each.shard for each in told] == list(range(SHARDS))
    assert sum(each.rows for each in told) == 30
