import asyncio
from pathlib import Path

import asyncpg

from regista.kit.postgres import EmbeddedPostgres
from regista.supervisor.up import keep_postgres


def started(postgres: EmbeddedPostgres) -> bool:
    return postgres.process is not None


async def test_postgres_is_started_again_once_what_kept_it_from_starting_is_gone(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path)
    postgres.start()
    await postgres.wait_ready()
    keeping = asyncio.create_task(keep_postgres(postgres))
    try:
        lock = tmp_path / "regista.lock"
        lock.unlink()
        lock.mkdir()
        assert postgres.process is not None
        postgres.process.kill()
        async with asyncio.timeout(20):
            while started(postgres):
                await asyncio.sleep(0.05)
        lock.rmdir()
        async with asyncio.timeout(20):
            while not started(postgres):
                await asyncio.sleep(0.05)
            await postgres.wait_ready()
        connection = await asyncpg.connect(postgres.url)
        await connection.close()
        assert not keeping.done()
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        postgres.stop()
