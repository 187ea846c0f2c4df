"""Fixtures of the tests on a real database."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.api import Api, running_api
from tests.support.postgres import PostgresSession


@pytest.fixture
async def api(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Api]:
    """The API in this process, on a database of the test's own."""
    async with running_api(postgres, tmp_path) as api:
        yield api
