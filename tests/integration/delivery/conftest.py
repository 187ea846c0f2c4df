"""A ledger for each test."""

from collections.abc import AsyncGenerator

import pytest

from tests.support.delivery import Ledger, fresh_ledger
from tests.support.postgres import PostgresSession


@pytest.fixture
async def ledger(postgres: PostgresSession) -> AsyncGenerator[Ledger]:
    """A database of the test's own, with whatever dispatchers it starts."""
    async with fresh_ledger(postgres) as made:
        yield made
