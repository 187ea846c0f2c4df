from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.postgres import PostgresSession
from tests.support.slack import FakeSlack
from tests.support.stage import Tenant, staged


@pytest.fixture
async def slack() -> AsyncGenerator[FakeSlack]:
    async with FakeSlack() as fake:
        yield fake


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path, slack: FakeSlack) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path, slack_api_url=slack.api) as tenant:
        yield tenant
