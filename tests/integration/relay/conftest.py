from collections.abc import AsyncGenerator

import pytest

from regista.kit.db import Database
from tests.support.database import fresh
from tests.support.postgres import PostgresSession


@pytest.fixture
async def database(postgres: PostgresSession) -> AsyncGenerator[Database]:
    async with fresh(postgres, pool_size=20) as database:
        yield database
